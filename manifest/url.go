package manifest

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	// attempts is how often kubectl asks for a URL (cli-runtime
	// pkg/resource/builder.go, defaultHttpGetAttempts).
	attempts = 3
	// urlTimeout bounds each attempt.
	urlTimeout = 30 * time.Second
)

func isURL(name string) bool {
	return strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://")
}

// readURL reads a URL, again after a server's error.
func (in *Input) readURL(ctx context.Context, s *Stream, address string) {
	client := in.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	var err error
	for attempt := range attempts {
		if attempt > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
		var again bool
		if again, err = in.tryURL(ctx, s, client, address); !again {
			break
		}
	}
	if err != nil {
		s.fail(Position{File: address}, err, "")
	}
}

// tryURL reads a URL once, and tells whether to try again.
func (in *Input) tryURL(ctx context.Context, s *Stream, client *http.Client, address string) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, urlTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return false, fmt.Errorf("not a URL: %w", err)
	}
	response, err := client.Do(request)
	if err != nil {
		return true, fmt.Errorf("cannot be read: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	if response.StatusCode != http.StatusOK {
		return response.StatusCode >= http.StatusInternalServerError, fmt.Errorf("cannot be read: the server answered %s", response.Status)
	}
	s.readFrom(address, response.Body)
	return false, nil
}
