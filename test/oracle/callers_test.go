package oracle

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/pkg/apis/authentication"
	"k8s.io/kubernetes/pkg/apis/core"
	"k8s.io/kubernetes/pkg/serviceaccount"

	"github.com/pullgate/pullgate/webhook/callers"
)

const (
	tokenIssuer   = "https://kubernetes.default.svc"
	tokenAudience = "https://pullgate.pullgate-system.svc:443/validate"
)

// issuing is the part of an API server that issues tokens, and publishes its keys.
type issuing struct {
	generator serviceaccount.TokenGenerator
	url       string
}

func newIssuing(t *testing.T) issuing {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	generator, err := serviceaccount.JWTTokenGenerator(tokenIssuer, key)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := serviceaccount.StaticPublicKeysGetter([]any{key.Public()})
	if err != nil {
		t.Fatal(err)
	}
	published, err := serviceaccount.NewOpenIDMetadataProvider(tokenIssuer, tokenIssuer+serviceaccount.JWKSPath, "", keys)
	if err != nil {
		t.Fatal(err)
	}
	paths := http.NewServeMux()
	for path, get := range map[string]func() ([]byte, int){serviceaccount.OpenIDConfigPath: published.GetConfigJSON, serviceaccount.JWKSPath: published.GetKeysetJSON} {
		paths.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			text, _ := get()
			_, _ = w.Write(text)
		})
	}
	server := httptest.NewServer(paths)
	t.Cleanup(server.Close)
	return issuing{generator, server.URL}
}

// token is one for an audience, bound to a webhook configuration and for an API
// group, or to none.
func (i issuing) token(t *testing.T, audience, configuration, group string) string {
	t.Helper()
	account := core.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "webhook-auth", UID: "1"}}
	var bound *admissionregistrationv1.ValidatingWebhookConfiguration
	var attested map[string]authentication.AttestationValue
	if configuration != "" {
		bound = &admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: configuration, UID: "2"}}
		attested = map[string]authentication.AttestationValue{authentication.AttestationAdmissionReviewAPIGroups: {group}}
	}
	public, private, err := serviceaccount.Claims(account, nil, nil, nil, bound, nil, 600, 0, []string{audience}, attested)
	if err != nil {
		t.Fatal(err)
	}
	text, err := i.generator.GenerateToken(context.Background(), public, private)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Tokens as the API server issues them for webhooks (KEP-6060) prove that it asks,
// if they are for this webhook and for everything; what else it issues does not.
func TestTokensOfAPIServers(t *testing.T) {
	server := newIssuing(t)
	tokens := &callers.Tokens{Audience: tokenAudience, Configuration: "pullgate"}
	tokens.From(t.Context(), server.url, http.DefaultTransport)
	known := &callers.Callers{Tokens: tokens, Log: slog.New(slog.DiscardHandler), Stranger: func() {}}
	door := known.Only(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for name, test := range map[string]struct {
		audience, configuration, group string
		want                           int
	}{
		"for this webhook":     {tokenAudience, "pullgate", "*", http.StatusOK},
		"for one API group":    {tokenAudience, "pullgate", "apps", http.StatusUnauthorized},
		"for another webhook":  {tokenAudience, "other", "*", http.StatusUnauthorized},
		"for another audience": {"https://other.default.svc:443/", "pullgate", "*", http.StatusUnauthorized},
		"for no webhook":       {tokenAudience, "", "", http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			request := httptest.NewRequest(http.MethodPost, "/validate", http.NoBody)
			request.Header.Set("Authorization", "Bearer "+server.token(t, test.audience, test.configuration, test.group))
			answer := httptest.NewRecorder()
			if door.ServeHTTP(answer, request); answer.Code != test.want {
				t.Errorf("answered %d, want %d", answer.Code, test.want)
			}
		})
	}
}
