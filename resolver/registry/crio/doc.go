// Package crio pulls as nodes with CRI-O do, by rules of its own. The files
// named are those of CRI-O 1.34, and of the image library that it is built with
// (containers/image v5.35, which is go.podman.io/image/v5 since v5.36). What a
// manifest is, which entry of an index is taken, and what registries.conf says,
// that library is asked itself; on the wire we stand in for it, since it dials
// by itself: past the guard, without limits, and anew for every question.
package crio
