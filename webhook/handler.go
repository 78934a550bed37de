package webhook

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pullgate/pullgate/engine"
	"github.com/pullgate/pullgate/webhook/sampling"
)

// Handler is the endpoint /validate.
type Handler struct {
	// Engine returns the one to use for a request, and what is called when it is
	// used no more.
	Engine func() (e *engine.Engine, done func())
	// Arrived returns when a request began to arrive, which is when the API
	// server's patience began to run out; the zero value or a nil Arrived stand
	// for when it is handled.
	Arrived func(r *http.Request) time.Time
	// Log gets one entry for each decision; of many in one namespace for the same
	// reason, the first, and how many were left out.
	Log *slog.Logger
	// Metrics counts; may be nil.
	Metrics *Metrics

	bodies   bodies
	inFlight atomic.Int64
	crowds   crowds
	sampled  sync.Once
	sampler  *sampling.Sampler[subject]
}

// ServeHTTP answers one AdmissionReview. A request that is none gets an HTTP
// error, which the API server treats by the webhook's failurePolicy; every
// AdmissionReview that there is room for gets an answer, in time.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer h.Metrics.entered()()
	h.inFlight.Add(1)
	defer h.inFlight.Add(-1)
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		h.refuse(w, r, refuse(http.StatusMethodNotAllowed, "%.20q: only POST of an AdmissionReview is answered here", r.Method))
		return
	}
	times := h.times(r)
	body, err := h.read(w, r, times)
	defer body.release()
	if err != nil {
		h.refuse(w, r, unreadable(err))
		return
	}
	request, refusal := readReview(body.text)
	if refusal != nil {
		h.refuse(w, r, refusal)
		return
	}
	request.room = body.room
	h.answer(w, r, request, times)
}

// read reads a request's body, while there is room for it.
func (h *Handler) read(w http.ResponseWriter, r *http.Request, times times) (body, error) {
	if !time.Now().Before(times.end()) {
		return body{release: func() {}}, errNoRoom // nobody waits for the answer
	}
	ctx, cancel := context.WithDeadline(r.Context(), times.room())
	defer cancel()
	return h.bodies.read(ctx, w, r, times.body())
}

// refuse says that a request is not answered.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, refusal *refusal) {
	message := "not an AdmissionReview"
	if refusal.status == http.StatusServiceUnavailable {
		message = "turned away"
		h.Metrics.turnedAway()
	}
	h.warn(r.Context(), subject{reason: message}, "error", refusal.err.Error(), "remote", r.RemoteAddr)
	http.Error(w, refusal.err.Error(), refusal.status)
}

// answer answers a request before the API server's patience ends, whatever
// becomes of the review: one that heeds no deadline is answered for.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, request *request, times times) {
	ctx, cancel := context.WithDeadline(r.Context(), times.work())
	defer cancel()
	var once sync.Once
	atLast := func() { //nolint:contextcheck // the request outlives the time for work
		once.Do(func() {
			h.warn(r.Context(), subject{request.Namespace, "the review did not end in time and is left to itself"}, "uid", request.UID)
			w.Header().Set("Connection", "close") // it is not free for another request
			h.send(w, r, request, unread("not checked in time"), times)
			_ = http.NewResponseController(w).Flush() // who went away waits no more
		})
	}
	half := time.AfterFunc(time.Until(times.half()), func() {
		if h.parts() > 1 {
			cancel()
		}
		time.AfterFunc(time.Until(times.last()), atLast) // whoever is answered by then is not answered again
	})
	defer half.Stop()
	ruling := h.review(ctx, request)
	once.Do(func() { h.send(w, r, request, ruling, times) })
}

// send sends an answer, and records it.
func (h *Handler) send(w http.ResponseWriter, r *http.Request, request *request, ruling ruling, times times) {
	text := ruling.answer(request.UID)
	h.record(r.Context(), request, ruling, time.Since(times.arrived))
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	if _, err := w.Write(text); err != nil {
		h.warn(r.Context(), subject{request.Namespace, "the answer was not sent"}, "uid", request.UID, "error", err.Error())
	}
}

// review decides, and lets in whatever a bug of ours keeps from being decided.
func (h *Handler) review(ctx context.Context, request *request) (ruling ruling) {
	defer func() {
		if value := recover(); value != nil {
			h.Metrics.panicked()
			h.log().Error("internal error", "uid", request.UID, "panic", fmt.Sprint(value), "stack", string(debug.Stack()))
			ruling = unread("not checked: an internal error of pullgate, which its log tells")
		}
	}()
	admission, relevant := request.admission()
	if !relevant {
		return ruling
	}
	if !h.crowds.join(request.Namespace, request.room) {
		h.Metrics.tooMany()
		return unread("not checked: too many requests of this namespace at a time")
	}
	defer h.crowds.leave(request.Namespace, request.room)
	current, done := h.Engine()
	defer done()
	ruling.Outcome, ruling.probed = current.Admit(ctx, admission), request.probe()
	if ruling.Unlabelled != nil {
		h.warn(ctx, subject{request.Namespace, "the namespace's labels are not known"}, "namespace", request.Namespace, "error", ruling.Unlabelled.Error())
	}
	return ruling
}

// log returns where entries go.
func (h *Handler) log() *slog.Logger {
	if h.Log == nil {
		return slog.Default()
	}
	return h.Log
}
