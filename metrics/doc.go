// Package metrics counts what the resolver and the registry client do, for
// Prometheus. The labels that users' input decides are bounded.
package metrics
