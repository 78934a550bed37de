// Package webhook answers the API server's AdmissionReviews. It is the only
// writer of admission responses, and the only package that knows of them.
package webhook
