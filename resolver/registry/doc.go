// Package registry asks registries about images as the nodes' container runtimes
// would. It knows one image and one credential at a time, and nothing of
// Kubernetes.
//
// How it is asked is in wire, what is there in contents, what an answer means in
// answers; each runtime has a room for its own ways. Whatever a registry sends,
// one check reads a bounded number of manifests and bytes of them, looks for a
// bounded number of blobs (see contents), and follows no URL that a descriptor
// names.
package registry
