// Package webhook answers the API server's AdmissionReviews. It is the only
// writer of admission responses, and the only package that knows of them.
package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	// maxPresized is how large a body is believed to be before it comes.
	maxPresized = 1 << 20
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

	room room
}

// ServeHTTP answers one AdmissionReview. A request that is none gets an HTTP
// error, which the API server treats by the webhook's failurePolicy; every
// AdmissionReview gets an answer, in time.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	patience := patienceOf(r)
	leave, err := h.room.enter(r, patience/2)
	if err != nil {
		h.log().Warn("turned away", "error", err.Error())
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	defer leave()
	request, status, err := readReview(w, r, start.Add(patience))
	if err != nil {
		h.log().Warn("not an AdmissionReview", "error", err.Error(), "remote", r.RemoteAddr)
		http.Error(w, err.Error(), status)
		return
	}
	answer := h.inTime(r.Context(), request, start, patience)
	h.record(r.Context(), request, answer.outcome, time.Since(start))
	w.Header().Set("Content-Type", "application/json")
	if _, err := w.Write(answer.text); err != nil {
		h.log().Warn("the answer was not sent", "uid", request.UID, "error", err.Error())
	}
}

// answer is what became of a request, and the AdmissionReview that says so.
type answer struct {
	outcome outcome
	text    []byte
}

// inTime answers a request before the API server's patience ends, whatever
// becomes of the review: a review that heeds no deadline is left to itself.
func (h *Handler) inTime(ctx context.Context, request *admissionv1.AdmissionRequest, start time.Time, patience time.Duration) answer {
	working := workingTime(patience)
	ctx, cancel := context.WithDeadline(ctx, start.Add(working))
	defer cancel()
	done := make(chan answer, 1)
	go func() { done <- h.review(ctx, request) }()
	last := time.NewTimer(time.Until(start.Add(working + (patience-working)/2)))
	defer last.Stop()
	select {
	case answer := <-done:
		return answer
	case <-last.C:
		h.log().Error("the review did not end in time and is left to itself", "uid", request.UID)
		return unread("not checked in time").answer(request.UID)
	}
}

// review decides and answers, and lets in whatever a bug of ours keeps from
// being decided.
func (h *Handler) review(ctx context.Context, request *admissionv1.AdmissionRequest) (answer answer) {
	defer func() {
		if value := recover(); value != nil {
			h.Metrics.panicked()
			h.log().Error("internal error", "uid", request.UID, "panic", fmt.Sprint(value), "stack", string(debug.Stack()))
			answer = unread("not checked: an internal error of pullgate, which its log tells").answer(request.UID)
		}
	}()
	return h.decide(ctx, request).answer(request.UID)
}

// log returns where entries go.
func (h *Handler) log() *slog.Logger {
	if h.Log == nil {
		return slog.Default()
	}
	return h.Log
}

// readReview reads a request for admission.
func readReview(w http.ResponseWriter, r *http.Request, by time.Time) (*admissionv1.AdmissionRequest, int, error) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return nil, http.StatusMethodNotAllowed, fmt.Errorf("%.20q: only POST of an AdmissionReview is answered here", r.Method)
	}
	body, err := readBody(w, r, by)
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
		return nil, http.StatusBadRequest, fmt.Errorf("not an AdmissionReview: %s", cut(err.Error(), maxWarning))
	}
	if got := review.GroupVersionKind(); got != admissionv1.SchemeGroupVersion.WithKind("AdmissionReview") {
		return nil, http.StatusBadRequest, fmt.Errorf("kind %.80q of %.80q is not understood: only AdmissionReview of %s is (admissionReviewVersions: [v1])",
			review.Kind, review.APIVersion, admissionv1.SchemeGroupVersion)
	}
	if review.Request == nil {
		return nil, http.StatusBadRequest, errors.New("the AdmissionReview has no request")
	}
	return review.Request, http.StatusOK, nil
}

// readBody reads a request's body, up to a size and a moment.
func readBody(w http.ResponseWriter, r *http.Request, by time.Time) ([]byte, error) {
	control := http.NewResponseController(w)
	bounded := control.SetReadDeadline(by) == nil
	var body bytes.Buffer
	body.Grow(int(min(max(r.ContentLength, 0), maxPresized)) + bytes.MinRead)
	_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, maxReview))
	if err == nil && bounded { // else the server is not to wait for the rest either
		err = control.SetReadDeadline(time.Time{})
	}
	return body.Bytes(), err
}

// patienceOf is how long the API server waits, from the URL's ?timeout=.
func patienceOf(r *http.Request) time.Duration {
	timeout, err := time.ParseDuration(r.URL.Query().Get("timeout"))
	if err != nil || timeout <= 0 || timeout > maxTimeout {
		return defaultTimeout
	}
	return timeout
}

// workingTime is the API server's patience, less what the answer needs to get
// back.
func workingTime(patience time.Duration) time.Duration {
	headroom := min(max(patience/10, 200*time.Millisecond), time.Second)
	return max(patience-headroom, patience/2)
}
