// Package contents reads what images consist of from a registry: verified, once,
// and within a bound. It knows what is there, not what a runtime makes of it.
package contents
