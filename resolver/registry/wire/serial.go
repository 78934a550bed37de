package wire

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/containerd/containerd/v2/core/remotes/docker"
)

// serialAuthorizer lets requests of one authorizer take turns. The library's is
// written for one pull: of two requests at once, one may read when a token
// expires while the other still writes it (core/remotes/docker/authorizer.go,
// doBearerAuth), and waits for that other's token longer than its own context
// allows.
type serialAuthorizer struct {
	docker.Authorizer
	turn chan struct{}
	held *Held
}

// Held is what the authorizer of some hosts keeps: the challenge and the token
// of each. It is safe for concurrent use.
type Held struct {
	hosts            int
	challenge, token atomic.Int64
}

// Bytes is at most how much that is.
func (h *Held) Bytes() int64 { return int64(h.hosts) * (h.challenge.Load() + h.token.Load()) }

// atLeast raises a number.
func atLeast(number *atomic.Int64, least int64) {
	for old := number.Load(); old < least && !number.CompareAndSwap(old, least); old = number.Load() {
	}
}

// Serialize lets all hosts take turns, since they may share an authorizer, and
// tells what that holds.
func Serialize(hosts []docker.RegistryHost) *Held {
	turn, held := make(chan struct{}, 1), &Held{hosts: len(hosts)}
	for i := range hosts {
		hosts[i].Authorizer = serialAuthorizer{Authorizer: hosts[i].Authorizer, turn: turn, held: held}
	}
	return held
}

// Authorize authorizes a request, and asks for a token if need be.
func (s serialAuthorizer) Authorize(ctx context.Context, req *http.Request) error {
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.end()
	err := s.Authorizer.Authorize(ctx, req)
	atLeast(&s.held.token, int64(len(req.Header.Get("Authorization"))))
	return err
}

// AddResponses reads a challenge.
func (s serialAuthorizer) AddResponses(ctx context.Context, responses []*http.Response) error {
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.end()
	atLeast(&s.held.challenge, int64(challengeSize(responses[len(responses)-1].Header)))
	return s.Authorizer.AddResponses(ctx, responses)
}

func (s serialAuthorizer) take(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for a token: %w", ctx.Err())
	}
}

func (s serialAuthorizer) end() { <-s.turn }
