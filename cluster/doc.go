// Package cluster reads from a Kubernetes API server what Pullgate needs of
// it: Secrets and ServiceAccounts one at a time, Namespaces' labels, Nodes.
package cluster
