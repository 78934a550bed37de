package callers

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"
)

const (
	audience = "https://pullgate.pullgate-system.svc:443/validate"
	named    = "system:serviceaccount:kube-system:webhook-auth"
	other    = "system:serviceaccount:shop:default"
)

// server is an API server that publishes its keys.
type server struct {
	*httptest.Server
	key    *ecdsa.PrivateKey
	asked  atomic.Int32
	issuer string
}

func newServer(t testing.TB) *server {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{key: key, issuer: "https://kubernetes.default.svc"}
	published := &oidctest.Server{PublicKeys: []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: "k", Algorithm: oidc.ES256}}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		switch r.URL.Path {
		case "/.well-known/openid-configuration":
			_, _ = fmt.Fprintf(w, `{"issuer": %q, "jwks_uri": "https://elsewhere.invalid/keys"}`, s.issuer)
		case "/openid/v1/jwks":
			r.URL.Path = "/keys"
			published.ServeHTTP(w, r)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// token signs claims, those that are given in place of an API server's own.
func (s *server) token(changes map[string]any) string {
	claims := map[string]any{
		"iss": s.issuer, "aud": []string{audience}, "sub": other,
		"exp": time.Now().Add(time.Hour).Unix(), "nbf": time.Now().Add(-time.Minute).Unix(),
	}
	for name, value := range changes {
		claims[name] = value
	}
	text, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	return oidctest.SignIDToken(s.key, "k", oidc.ES256, string(text))
}

// issued are the claims of a token for a webhook configuration and an API group
// (kubernetes 1.37, pkg/serviceaccount/claims.go).
func issued(configuration, group string) map[string]any {
	return map[string]any{"kubernetes.io": map[string]any{
		"namespace":                      "kube-system",
		"validatingwebhookconfiguration": map[string]any{"name": configuration, "uid": "u"},
		"attestations":                   map[string]any{"admissionReviewAPIGroups": []string{group}},
	}}
}

// door is the callers' handler, and what is behind it.
func door(c *Callers) (ask func(r *http.Request) int, passed *int) {
	passed = new(int)
	if c.Stranger == nil {
		c.Stranger = func() {}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	handler := c.Only(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { *passed++ }))
	return func(r *http.Request) int {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Code
	}, passed
}

func with(authorization string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/validate", strings.NewReader("{}"))
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	return r
}

// A token counts if the API server signed it, for this webhook, and either for
// asking it about everything or for somebody who is named.
func TestTokens(t *testing.T) {
	s, foreign := newServer(t), newServer(t)
	tests := []struct {
		name  string
		shown string
		want  int
	}{
		{"none", "", http.StatusUnauthorized},
		{"another scheme", "Basic " + s.token(issued("pullgate", "*")), http.StatusUnauthorized},
		{"rubbish", "Bearer x.y.z", http.StatusUnauthorized},
		{"for this webhook", "Bearer " + s.token(issued("pullgate", "*")), http.StatusOK},
		{"in small letters", "bearer " + s.token(issued("pullgate", "*")), http.StatusOK},
		{"for another webhook", "Bearer " + s.token(issued("other", "*")), http.StatusUnauthorized},
		{"for one API group", "Bearer " + s.token(issued("pullgate", "apps")), http.StatusUnauthorized},
		{"of somebody who is named", "Bearer " + s.token(map[string]any{"sub": named}), http.StatusOK},
		{"of somebody else", "Bearer " + s.token(nil), http.StatusUnauthorized},
		{"for another audience", "Bearer " + s.token(map[string]any{"sub": named, "aud": s.issuer}), http.StatusUnauthorized},
		{"of another issuer", "Bearer " + s.token(map[string]any{"sub": named, "iss": "https://other.example.com"}), http.StatusUnauthorized},
		{"expired", "Bearer " + s.token(map[string]any{"sub": named, "exp": time.Now().Add(-time.Minute).Unix()}), http.StatusUnauthorized},
		{"signed by another", "Bearer " + foreign.token(map[string]any{"sub": named}), http.StatusUnauthorized},
	}
	tokens := &Tokens{Audience: audience, Configuration: "pullgate", Users: []string{named}}
	tokens.From(t.Context(), s.URL, http.DefaultTransport)
	ask, passed := door(&Callers{Tokens: tokens})
	want := 0
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if code := ask(with(test.shown)); code != test.want {
				t.Errorf("answered %d, want %d", code, test.want)
			}
			if test.want == http.StatusOK {
				want++
			}
			if *passed != want {
				t.Errorf("%d requests came through, want %d", *passed, want)
			}
		})
	}
}

// Strangers cause few requests to the API server and few lines in the log, and
// keep nobody out whose key is known.
func TestStrangersAreCheap(t *testing.T) {
	s, foreign := newServer(t), newServer(t)
	var log bytes.Buffer
	strangers := 0
	tokens := &Tokens{Audience: audience, Users: []string{named}}
	tokens.From(t.Context(), s.URL, http.DefaultTransport)
	callers := &Callers{Tokens: tokens, Log: slog.New(slog.NewTextHandler(&log, nil)), Stranger: func() { strangers++ }}
	ask, _ := door(callers)
	for range 200 {
		ask(with("Bearer " + foreign.token(map[string]any{"sub": named})))
	}
	if code := ask(with("Bearer " + s.token(map[string]any{"sub": named}))); code != http.StatusOK {
		t.Errorf("an API server is answered %d", code)
	}
	if asked := s.asked.Load(); asked > askAtOnce+1 {
		t.Errorf("the API server was asked %d times", asked)
	}
	callers.Flush()
	if lines := strings.Count(log.String(), "\n"); lines != 2 || strangers != 200 || !strings.Contains(log.String(), "count=199") {
		t.Errorf("%d lines, %d strangers: %s", lines, strangers, log.String())
	}
	if strings.Contains(log.String(), "eyJ") {
		t.Errorf("a token is in the log: %s", log.String())
	}
}

// Who does not issue its keys is asked again; nobody is let in meanwhile.
func TestIssuerIsAwaited(t *testing.T) {
	s := newServer(t)
	for name, tokens := range map[string]*Tokens{"names no issuer": {Audience: audience}, "404": {Audience: audience}} {
		s.issuer = ""
		url := s.URL
		if name == "404" {
			url += "/elsewhere"
		}
		tokens.From(t.Context(), url, http.DefaultTransport)
		if err := tokens.verify(t.Context(), "x.y.z"); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		if s.issuer = "https://kubernetes.default.svc"; name == "404" {
			continue
		}
		if err := tokens.verify(t.Context(), s.token(issued("", "*"))); err == nil || !strings.Contains(err.Error(), "not issued for a webhook") {
			t.Error(err)
		}
	}
}

// A client certificate counts if the server has verified it, and either proof
// does where both are known.
func TestCertificates(t *testing.T) {
	verified, shown := with(""), with("")
	verified.TLS = &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{{}}}}
	shown.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{}}}
	s := newServer(t)
	tokens := &Tokens{Audience: audience, Users: []string{named}}
	tokens.From(t.Context(), s.URL, http.DefaultTransport)
	for name, c := range map[string]*Callers{"certificates": {Certificates: true}, "both": {Certificates: true, Tokens: tokens}} {
		ask, _ := door(c)
		for what, r := range map[string]*http.Request{"nothing": with(""), "an unverified one": shown} {
			if code := ask(r); code != http.StatusUnauthorized {
				t.Errorf("%s: %s is answered %d", name, what, code)
			}
		}
		if code := ask(verified); code != http.StatusOK {
			t.Errorf("%s: a verified one is answered %d", name, code)
		}
		want := http.StatusUnauthorized
		if c.Tokens != nil {
			want = http.StatusOK
		}
		if code := ask(with("Bearer " + s.token(map[string]any{"sub": named}))); code != want {
			t.Errorf("%s: a token is answered %d, want %d", name, code, want)
		}
	}
	if ask, _ := door(&Callers{}); ask(with("")) != http.StatusOK {
		t.Error("without callers not everybody is answered")
	}
}
