// Package check looks through manifests for images and finds out about each, as
// admission would: with the Secrets, ServiceAccounts and Namespaces among the
// manifests, for the platforms of the nodes, every question asked once.
package check
