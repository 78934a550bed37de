// Package registry asks registries about images as the nodes' containerd
// would: with containerd's own resolver, authorizer, hosts.toml reader and
// platform matchers, behind a transport that bounds, guards and counts what is
// exchanged. It knows one image and one credential at a time, and nothing of
// Kubernetes.
//
// Whatever a registry sends, one check holds at most maxManifestBytes of it,
// and what that decodes to, asks for at most maxManifests manifests and
// maxBlobs blobs, and follows no URL that a descriptor names.
package registry
