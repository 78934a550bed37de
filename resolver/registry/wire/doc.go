// Package wire carries what is said to registries and token servers: it dials
// only what its Guard lets through, bounds what is answered, counts requests,
// and remembers for one check what was answered already. It knows no images.
package wire
