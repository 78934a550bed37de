// Package manifest reads Kubernetes manifests as kubectl does: files, folders,
// URLs, standard input and kustomizations; YAML and JSON, several documents in
// a stream, Lists. Unlike kubectl it goes on after what cannot be parsed, passes
// over what is no Kubernetes object, and knows the file and line of every
// field. It knows nothing of images.
package manifest
