// Package workload finds every image in a Kubernetes object, be it a Pod, an
// object with pod templates or a custom resource that has some, and what of it
// changed since the object was last written. It is pure: it knows neither
// registries nor modes, and does no I/O.
package workload
