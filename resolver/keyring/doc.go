// Package keyring knows with which credentials a node would pull an image. It
// follows the kubelet of Kubernetes 1.36.3: which secrets of a Pod count
// (pkg/kubelet/kubelet_pods.go, getPullSecretsForPod, and the ServiceAccount
// admission plugin), how they are read (pkg/credentialprovider/secrets), which
// entries match an image and in which order (pkg/credentialprovider), and that
// the node's own credentials come after them. A nested test module compares it
// with those packages.
//
// It says a word on every pull secret that does not help, by name. The values
// of secrets stay in pull.Credential.
package keyring
