package webhook

import (
	"net/http"
	"time"
)

const (
	// defaultTimeout is the API server's where the URL names none.
	defaultTimeout = 10 * time.Second
	// maxTimeout is the longest that the API server allows.
	maxTimeout = 30 * time.Second
	// maxBodyTime is how long a body may take to arrive.
	maxBodyTime = 2 * time.Second
)

// times are a request's, which all follow from when it arrived and from how
// long the API server waits from then on.
type times struct {
	arrived, handled time.Time
	patience         time.Duration
	// parts is into how many the patience falls, of which one is for work: where
	// there are very many requests, some will have waited where nobody sees it, for
	// a connection.
	parts time.Duration
}

// times returns those of a request that is being handled from now on.
func (h *Handler) times(r *http.Request) times {
	t := times{handled: time.Now(), patience: patienceOf(r), parts: h.parts()}
	if h.Arrived != nil {
		t.arrived = h.Arrived(r)
	}
	if t.arrived.IsZero() {
		t.arrived = t.handled
	}
	return t
}

// parts is into how many the patience of a request falls.
func (h *Handler) parts() time.Duration {
	switch inFlight := h.inFlight.Load(); {
	case inFlight > 2*maxCrowd:
		return 4
	case inFlight > maxCrowd:
		return 2
	default:
		return 1
	}
}

// patienceOf is how long the API server waits, from the URL's ?timeout=.
func patienceOf(r *http.Request) time.Duration {
	timeout, err := time.ParseDuration(r.URL.Query().Get("timeout"))
	if err != nil || timeout <= 0 || timeout > maxTimeout {
		return defaultTimeout
	}
	return timeout
}

// room is when a request is turned away if there is no room for it: early, so
// that whoever sent it has time left.
func (t times) room() time.Time { return t.arrived.Add(t.patience / 10) }

// body is when the body has to be there.
func (t times) body() time.Time { return earlier(t.handled.Add(maxBodyTime), t.end()) }

// work is when the review has to end: what the answer needs to get back is left
// of the API server's patience.
func (t times) work() time.Time {
	if t.parts > 1 {
		return t.arrived.Add(t.patience / t.parts)
	}
	return t.arrived.Add(workingTime(t.patience))
}

// half is when a review ends that began while there were few, if there are very many
// by then.
func (t times) half() time.Time { return t.arrived.Add(t.patience / 2) }

// last is when an answer goes out though the review has not ended.
func (t times) last() time.Time {
	working := workingTime(t.patience)
	return t.arrived.Add(working + (t.patience-working)/2)
}

// end is when the API server waits no more.
func (t times) end() time.Time { return t.arrived.Add(t.patience) }

// workingTime is what of the API server's patience is for the review.
func workingTime(patience time.Duration) time.Duration {
	headroom := min(max(patience/10, 200*time.Millisecond), time.Second)
	return max(patience-headroom, patience/2)
}
