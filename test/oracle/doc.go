// Package oracle compares Pullgate with the kubelet's and the API server's own
// code. It is a module of its own, so that k8s.io/kubernetes stays out of
// Pullgate's.
package oracle
