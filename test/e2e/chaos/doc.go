// Package chaos creates Pods through a real API server while registries, names,
// the API server and the process itself suffer. It needs Linux, and root for a name
// server of its own.
package chaos
