// Package containerd pulls as nodes with containerd do, by its own library: where
// hosts.toml leads, by its transfer service or its local path, and in its words.
package containerd
