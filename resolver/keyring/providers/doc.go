// Package providers yields the credentials that nodes have of their own, each a
// keyring.NodeSource: their config.json, the kubelet's credential providers,
// which are programs, and the login of a cloud in place of the node's.
package providers
