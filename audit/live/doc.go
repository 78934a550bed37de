// Package live looks again and again at what a cluster runs, and tells what could
// not be pulled any more, as metrics. One of the replicas does, which holds a
// Lease. It follows workloads through informers that keep their images and
// little else, and asks registries at the pace that audit/pace sets.
package live
