package stage

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// awaitEvery is how often the API server is asked for what is awaited.
const awaitEvery = 200 * time.Millisecond

// Get reads what the API server has at a path, as JSON.
func (s *Stage) Get(ctx context.Context, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("read %s: %s: %s", path, response.Status, body)
	}
	return body, err
}

// Await asks until the answer is yes, or it is too late.
func (s *Stage) Await(ctx context.Context, what string, patience time.Duration, ready func() (bool, error)) error {
	deadline := time.Now().Add(patience)
	for {
		done, err := ready()
		switch {
		case err != nil:
			return err
		case done:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("no %s within %s", what, patience)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(awaitEvery):
		}
	}
}
