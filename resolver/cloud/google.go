package cloud

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"

	"github.com/pullgate/pullgate/resolver/pull"
)

const (
	googleAdvice = "give pullgate a Google service account that may read the registry"
	googleScope  = "https://www.googleapis.com/auth/cloud-platform"
	// googleUser is the name under which the registries take an access token,
	// as auth-provider-gcp and go-containerregistry have it.
	googleUser = "_token"
	// maxRequest is how long one request to a token endpoint may take: with a
	// service account's key the library heeds no context.
	maxRequest = 10 * time.Second
)

// Google logs in to Artifact Registry and Container Registry with Google's
// application default credentials: the file in GOOGLE_APPLICATION_CREDENTIALS,
// that of gcloud, the metadata server (GKE's workload identity).
type Google struct {
	// Transport is how token endpoints are reached; nil: the default one.
	Transport http.RoundTripper
}

// Scope is one for all of Google's registries, by the globs of
// auth-provider-gcp: a * stands for one label.
func (Google) Scope(host string) string {
	switch _, domain, _ := strings.Cut(host, "."); {
	case host == "gcr.io", domain == "gcr.io", domain == "pkg.dev", host == "container.cloud.google.com":
		return "google"
	default:
		return ""
	}
}

// Login asks for an access token.
func (g Google) Login(ctx context.Context, _ string) (pull.Credential, time.Time, error) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: g.Transport, Timeout: maxRequest})
	found, err := google.FindDefaultCredentials(ctx, googleScope)
	if err != nil {
		return pull.Credential{}, time.Time{}, &failure{googleAdvice, err}
	}
	token, err := found.TokenSource.Token()
	if err != nil {
		return pull.Credential{}, time.Time{}, &failure{googleAdvice, googleReason(err)}
	}
	return pull.NewCredential(pull.Source{Kind: pull.FromCloud, Name: pull.Google}, googleUser, token.AccessToken), token.Expiry, nil
}

// googleReason is what the token endpoint says, if it was reached.
func googleReason(err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.Response != nil {
		return refusal(refused.Response.Status, refused.Body)
	}
	return err
}
