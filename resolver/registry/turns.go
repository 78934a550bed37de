package registry

import (
	"context"
	"fmt"
	"net/http"

	"github.com/containerd/containerd/v2/core/remotes/docker"
)

// turns lets requests of one authorizer take turns. The library's is written
// for one pull: of two requests at once, one may read when a token expires
// while the other still writes it (core/remotes/docker/authorizer.go,
// doBearerAuth), and waits for that other's token longer than its own context
// allows.
type turns struct {
	docker.Authorizer
	turn chan struct{}
}

// takeTurns gives all hosts one turn, since they may share an authorizer.
func takeTurns(hosts []docker.RegistryHost) {
	turn := make(chan struct{}, 1)
	for i := range hosts {
		hosts[i].Authorizer = turns{Authorizer: hosts[i].Authorizer, turn: turn}
	}
}

// Authorize authorizes a request, and asks for a token if need be.
func (t turns) Authorize(ctx context.Context, req *http.Request) error {
	if err := t.take(ctx); err != nil {
		return err
	}
	defer t.end()
	return t.Authorizer.Authorize(ctx, req)
}

// AddResponses reads a challenge.
func (t turns) AddResponses(ctx context.Context, responses []*http.Response) error {
	if err := t.take(ctx); err != nil {
		return err
	}
	defer t.end()
	return t.Authorizer.AddResponses(ctx, responses)
}

func (t turns) take(ctx context.Context) error {
	select {
	case t.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for a token: %w", ctx.Err())
	}
}

func (t turns) end() { <-t.turn }
