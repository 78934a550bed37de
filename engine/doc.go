// Package engine says what becomes of a workload: it knows when not to look,
// has the rest resolved, and decides. Every front asks it, so that they agree.
// It knows nothing of AdmissionReviews, manifests or reports.
package engine
