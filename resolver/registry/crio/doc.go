// Package crio pulls as nodes with CRI-O do, by rules of its own. The files are
// those of CRI-O 1.37, and of the image library that it is built with
// (go.podman.io/image/v5 v5.38).
package crio
