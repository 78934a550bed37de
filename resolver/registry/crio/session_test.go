package crio

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/distribution/reference"
)

// insatiable asks for one scope more with every answer.
type insatiable struct{ scopes, token int }

func (i *insatiable) RoundTrip(req *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	demand := `Bearer realm="https://registry.test/token"`
	switch req.URL.Path {
	case "/token":
		_, _ = fmt.Fprintf(answer, `{"token":%q}`, strings.Repeat("t", i.token))
	case "/v2/":
		answer.Header().Set("WWW-Authenticate", demand)
		answer.WriteHeader(http.StatusUnauthorized)
	default:
		i.scopes++
		answer.Header().Set("WWW-Authenticate", fmt.Sprintf(`%s,error="insufficient_scope",scope="repository:app%d:pull"`, demand, i.scopes))
		answer.WriteHeader(http.StatusUnauthorized)
	}
	resp := answer.Result()
	resp.Request = req
	return resp, nil
}

// A registry chooses for what tokens are asked, and not how many are kept.
func TestTokensAreBounded(t *testing.T) {
	const asked, size = 50, 1 << 10
	registry := &insatiable{token: size}
	image, err := reference.ParseNormalizedNamed("registry.test/app:1")
	if err != nil {
		t.Fatal(err)
	}
	repository := NewRepository([]Source{{Image: image, Endpoints: []Endpoint{{"https", "registry.test", &http.Client{Transport: registry}}}}})
	for range asked {
		if _, err := repository.Resolve(t.Context(), image); err == nil {
			t.Fatal("nothing was refused")
		}
	}
	if kept := repository.Bytes(); registry.scopes < asked || kept < size || kept > (maxTokens+1)*size {
		t.Errorf("%d bytes are kept of %d tokens, want %d tokens at most", kept, registry.scopes, maxTokens)
	}
}

// endless is a body that counts what is read of it.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return copy(p, bytes.Repeat([]byte("no "), len(p)/3+1)), nil
}

func (*endless) Close() error { return nil }

// Of an answer whose status says all, little is read: as many as are asked at a time
// would be held at a time.
func TestApologiesAreCut(t *testing.T) {
	for status, most := range map[int]int{http.StatusInternalServerError: maxApology, http.StatusTooManyRequests: maxApology, http.StatusNotFound: maxWords} {
		body, about := &endless{}, &refusal{}
		err := refusedBy(&http.Response{StatusCode: status, Body: body}, about)
		if !errors.Is(err, about) || len(about.body) != most || body.read > most {
			t.Errorf("%d: %d of %d bytes are held, want %d: %v", status, len(about.body), body.read, most, err)
		}
	}
}
