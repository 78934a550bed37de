// Package webhook answers the API server's AdmissionReviews. It is the only
// writer of admission responses, and the only package that knows of them.
package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/pullgate/pullgate/engine"
)

const (
	// maxReview bounds an AdmissionReview, which holds an object twice; the
	// API server takes objects of up to 3 MiB.
	maxReview = 12 << 20
	// defaultTimeout is the API server's where the URL names none.
	defaultTimeout = 10 * time.Second
	// maxTimeout is the longest that the API server allows.
	maxTimeout = 30 * time.Second
)

// Engine is what one configuration makes of the program.
type Engine = engine.Engine

// Handler is the endpoint /validate.
type Handler struct {
	// Engine returns the one to use for a request.
	Engine func() *Engine
	// Labels returns a namespace's labels; nil: nothing is known of them.
	Labels func(ctx context.Context, namespace string) (map[string]string, error)
	// Self is the namespace in which Pullgate runs, which it never checks.
	Self string
	// Log gets one entry for each decision.
	Log *slog.Logger
	// Metrics counts; may be nil.
	Metrics *Metrics
}

// ServeHTTP answers one AdmissionReview. A request that is none gets an HTTP
// error, which the API server treats by the webhook's failurePolicy; every
// AdmissionReview gets an answer, in time.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	request, status, err := readReview(w, r)
	if err != nil {
		h.Log.Warn("not an AdmissionReview", "error", err.Error(), "remote", r.RemoteAddr)
		http.Error(w, err.Error(), status)
		return
	}
	ctx, cancel := context.WithDeadline(r.Context(), start.Add(workingTime(r)))
	defer cancel()
	outcome := h.review(ctx, request)
	h.record(request, outcome, time.Since(start))
	w.Header().Set("Content-Type", "application/json")
	review := admissionv1.AdmissionReview{Response: outcome.response(request.UID)}
	review.SetGroupVersionKind(admissionv1.SchemeGroupVersion.WithKind("AdmissionReview"))
	if err := json.NewEncoder(w).Encode(review); err != nil {
		h.Log.Warn("the answer was not sent", "uid", request.UID, "error", err.Error())
	}
}

// review decides, and lets in whatever a bug of ours keeps from being decided.
func (h *Handler) review(ctx context.Context, request *admissionv1.AdmissionRequest) (outcome outcome) {
	defer func() {
		if value := recover(); value != nil {
			h.Metrics.panicked()
			h.Log.Error("internal error", "uid", request.UID, "panic", fmt.Sprint(value), "stack", string(debug.Stack()))
			outcome = unread("not checked: an internal error of pullgate, which its log tells")
		}
	}()
	return h.decide(ctx, request)
}

// readReview reads a request for admission.
func readReview(w http.ResponseWriter, r *http.Request) (*admissionv1.AdmissionRequest, int, error) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return nil, http.StatusMethodNotAllowed, fmt.Errorf("%s: only POST of an AdmissionReview is answered here", r.Method)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxReview))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, http.StatusRequestEntityTooLarge, fmt.Errorf("the AdmissionReview is larger than %d bytes", tooLarge.Limit)
	case err != nil:
		return nil, http.StatusBadRequest, fmt.Errorf("the AdmissionReview did not arrive whole: %w", err)
	case len(body) == 0:
		return nil, http.StatusBadRequest, errors.New("the request is empty: an AdmissionReview is expected")
	}
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(body, &review); err != nil {
		return nil, http.StatusBadRequest, fmt.Errorf("not an AdmissionReview: %w", err)
	}
	if got := review.GroupVersionKind(); got != admissionv1.SchemeGroupVersion.WithKind("AdmissionReview") {
		return nil, http.StatusBadRequest, fmt.Errorf("%s %s is not understood: only AdmissionReview of %s is (admissionReviewVersions: [v1])",
			review.APIVersion, review.Kind, admissionv1.SchemeGroupVersion)
	}
	if review.Request == nil {
		return nil, http.StatusBadRequest, errors.New("the AdmissionReview has no request")
	}
	return review.Request, http.StatusOK, nil
}

// workingTime is the API server's patience, from the URL's ?timeout=, less
// what the answer needs to get back.
func workingTime(r *http.Request) time.Duration {
	timeout, err := time.ParseDuration(r.URL.Query().Get("timeout"))
	if err != nil || timeout <= 0 || timeout > maxTimeout {
		timeout = defaultTimeout
	}
	headroom := min(max(timeout/10, 200*time.Millisecond), time.Second)
	return max(timeout-headroom, timeout/2)
}
