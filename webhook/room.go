package webhook

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	// maxInFlight bounds the AdmissionReviews that are held at a time, in
	// bytes of their bodies; decoded, each takes a few times as much.
	maxInFlight = 48 << 20
	// minWeight is what the smallest counts for, with what it takes to check.
	minWeight = 32 << 10
)

// errNoRoom is for the API server, which treats it by failurePolicy.
var errNoRoom = errors.New("too many AdmissionReviews at a time: give pullgate more replicas")

// room bounds the memory that reviews take. The zero value is empty.
type room struct {
	once  sync.Once
	bytes *semaphore.Weighted
}

// enter waits for room for a request, and returns what gives it back.
func (r *room) enter(request *http.Request, patience time.Duration) (leave func(), err error) {
	r.once.Do(func() { r.bytes = semaphore.NewWeighted(maxInFlight) })
	weight := request.ContentLength
	if weight < 0 || weight > maxReview {
		weight = maxReview // it says nothing, or too much, of itself
	}
	weight = max(weight, minWeight)
	ctx, cancel := context.WithTimeout(request.Context(), patience)
	defer cancel()
	if err := r.bytes.Acquire(ctx, weight); err != nil {
		return nil, errNoRoom
	}
	return func() { r.bytes.Release(weight) }, nil
}
