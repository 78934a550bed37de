package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/pullgate/pullgate/test/e2e/pki"
)

const (
	tokenPath    = "/token"
	tokenIssuer  = "lab"
	tokenService = "lab-registry"
	tokenLife    = 5 * time.Minute
)

// tokenServer gives out tokens as the distribution project specifies them, to
// GET with Basic credentials or none, and to POST with a form.
type tokenServer struct{ signer jose.Signer }

// access is what a token allows on one repository.
type access struct {
	Type    string   `json:"type"`
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

// startToken runs a registry that wants tokens, which it gives on its own
// port.
func startToken(ctx context.Context, options Options, authority *pki.Authority) (*Registry, error) {
	tokens, keys, err := newTokenServer()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(options.Dir, "token-keys.json")
	if err := os.WriteFile(file, keys, 0o600); err != nil {
		return nil, err
	}
	registry, listener, err := listen(ctx, options, "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	app, err := newDistribution(ctx, fmt.Sprintf(
		"auth: {token: {realm: %q, service: %s, issuer: %s, jwks: %q, signingalgorithms: [ES256]}}",
		"https://"+registry.Host+tokenPath, tokenService, tokenIssuer, file))
	if err != nil {
		return nil, err
	}
	registry.end = app.Shutdown
	if err := fillWithTokens(app, tokens); err != nil {
		return registry, err
	}
	mux := http.NewServeMux()
	mux.Handle("/v2/", app)
	mux.Handle(tokenPath, tokens)
	return registry, registry.serve(listener, mux, authority)
}

func fillWithTokens(app http.Handler, tokens *tokenServer) error {
	for _, image := range privateImages() {
		name, _, _ := strings.Cut(image.name, ":")
		token, err := tokens.sign([]access{{Type: "repository", Name: name, Actions: []string{"pull", "push"}}})
		if err != nil {
			return err
		}
		header := http.Header{"Authorization": {"Bearer " + token}}
		if err := fill(inProcess{handler: app, header: header}, []picture{image}); err != nil {
			return err
		}
	}
	return nil
}

// newTokenServer returns the server and the set of keys by which its tokens
// are known.
func newTokenServer() (*tokenServer, []byte, error) {
	key, err := pki.NewKey()
	if err != nil {
		return nil, nil, err
	}
	private := jose.JSONWebKey{Key: key, KeyID: tokenIssuer, Algorithm: string(jose.ES256), Use: "sig"}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: private}, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("prepare to sign tokens: %w", err)
	}
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{private.Public()}})
	if err != nil {
		return nil, nil, fmt.Errorf("encode the token keys: %w", err)
	}
	return &tokenServer{signer: signer}, keys, nil
}

// ServeHTTP answers a request for a token. Who shows a wrong password gets
// none; who shows nothing gets one that opens nothing.
func (s *tokenServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, password, given := r.BasicAuth()
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if r.Method == http.MethodPost {
		user, password, given = r.PostForm.Get("username"), r.PostForm.Get("password"), true
	}
	if want, known := accounts()[user]; given && (!known || password != want) {
		http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"incorrect username or password"}]}`, http.StatusUnauthorized)
		return
	}
	token, err := s.sign(granted(user, r.Form["scope"]))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{ // the client may have gone, which is its affair
		"token": token, "access_token": token, "expires_in": int(tokenLife.Seconds()),
		"issued_at": time.Now().UTC().Format(time.RFC3339),
	})
}

// granted is what of the scopes ("repository:NAME:ACTION,…", several in one
// value or in several) a user gets: pulls below shop/, and only User.
func granted(user string, scopes []string) []access {
	result := []access{}
	for scope := range strings.FieldsSeq(strings.Join(scopes, " ")) {
		name, isRepository := strings.CutPrefix(scope, "repository:")
		name, actions, ok := cutLast(name, ":")
		if !isRepository || !ok || user != User || !strings.HasPrefix(name, "shop/") {
			continue
		}
		if slices.Contains(strings.Split(actions, ","), "pull") {
			result = append(result, access{Type: "repository", Name: name, Actions: []string{"pull"}})
		}
	}
	return result
}

func cutLast(text, separator string) (before, after string, found bool) {
	at := strings.LastIndex(text, separator)
	if at < 0 {
		return text, "", false
	}
	return text[:at], text[at+len(separator):], true
}

func (s *tokenServer) sign(allowed []access) (string, error) {
	now := time.Now()
	claims := struct {
		jwt.Claims
		Access []access `json:"access"`
	}{
		Claims: jwt.Claims{
			Issuer: tokenIssuer, Audience: jwt.Audience{tokenService},
			IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now.Add(-time.Minute)),
			Expiry: jwt.NewNumericDate(now.Add(tokenLife)),
		},
		Access: allowed,
	}
	token, err := jwt.Signed(s.signer).Claims(claims).Serialize()
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return token, nil
}
