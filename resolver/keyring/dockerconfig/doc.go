// Package dockerconfig reads docker configurations as the kubelet does: the
// entries of a config.json or .dockercfg, and which of them are for a
// repository, in which order (Kubernetes 1.36.3, pkg/credentialprovider). It
// reads no file and asks nobody.
package dockerconfig
