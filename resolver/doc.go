// Package resolver finds out, for every image of a workload, whether the nodes
// could pull it: it brings together the workload's images, the credentials
// that the kubelet would use, and what the registries say, bounded, shared and
// within a deadline. It knows nothing of modes or admission.
package resolver
