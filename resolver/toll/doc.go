// Package toll lets whoever puts a question have a say in each request that it
// takes, to whichever host that goes: a registry, its mirror, a token server, or
// where layers are.
package toll
