package crio

import (
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
