package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/pullgate/pullgate/resolver/pull"
)

const (
	acrAdvice = "give pullgate an Azure identity with the role AcrPull"
	// acrAudience is for what the identity's token is, in every cloud.
	acrAudience = "https://containerregistry.azure.net/.default"
	// acrUser is the name under which the registries take a refresh token as
	// a password.
	acrUser = "00000000-0000-0000-0000-000000000000"
	// acrLife is how long a refresh token holds.
	acrLife = 3 * time.Hour
	// maxExchange bounds the answer to an exchange.
	maxExchange = 1 << 20
)

// ACR logs in to Azure's registries with a service principal in AZURE_*
// variables, a workload identity or a managed identity.
type ACR struct {
	client   http.Client // to the identity's authority
	registry http.Client // to the registry that an image names

	lock     sync.Mutex
	identity azcore.TokenCredential // keeps its tokens
}

// NewACR returns a login that asks for the identity by one transport, and the
// registry, whose name is of an image's author, by another; nil: the default one.
func NewACR(identity, registry http.RoundTripper) *ACR {
	return &ACR{client: direct(identity), registry: direct(registry)}
}

// direct is a client that follows no redirects: a token is for whom it was made
// out to, and for nobody else.
func direct(transport http.RoundTripper) http.Client {
	return http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Scope is the registry itself.
func (a *ACR) Scope(host string) string {
	name, domain, _ := strings.Cut(host, ".")
	switch domain {
	case "azurecr.io", "azurecr.cn", "azurecr.de", "azurecr.us":
		if name != "" {
			return host
		}
	}
	return ""
}

// Login has the identity's token exchanged for one of the registry.
func (a *ACR) Login(ctx context.Context, host string) (pull.Credential, time.Time, error) {
	token, err := a.exchange(ctx, host)
	if err != nil {
		return pull.Credential{}, time.Time{}, &failure{acrAdvice, err}
	}
	return pull.NewCredential(pull.Source{Kind: pull.FromCloud, Name: pull.ACR}, acrUser, token), time.Now().Add(acrLife), nil
}

// exchange makes of the identity's token one of the registry.
func (a *ACR) exchange(ctx context.Context, host string) (string, error) {
	token, err := a.token(ctx, host)
	if err != nil {
		return "", err
	}
	form := url.Values{"grant_type": {"access_token"}, "service": {host}, "access_token": {token}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+host+"/oauth2/exchange", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := a.registry.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answered %s to the exchange of tokens", host, response.Status)
	}
	var answer struct {
		Token string `json:"refresh_token"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxExchange)).Decode(&answer); err != nil || answer.Token == "" {
		return "", fmt.Errorf("%s answered the exchange of tokens without one", host)
	}
	return answer.Token, nil
}

// token is that of the identity. The operator of another cloud does not get to
// see it, whatever registry an image names.
func (a *ACR) token(ctx context.Context, host string) (string, error) {
	if domain := azureDomain(os.Getenv("AZURE_AUTHORITY_HOST")); !strings.HasSuffix(host, domain) {
		return "", fmt.Errorf("%s is of another cloud than the identity, whose registries are *%s", host, domain)
	}
	identity, err := a.open()
	if err != nil {
		return "", err
	}
	token, err := identity.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{acrAudience}})
	if err != nil {
		return "", azureReason(err)
	}
	return token.Token, nil
}

// open finds the identity, once.
func (a *ACR) open() (azcore.TokenCredential, error) {
	a.lock.Lock()
	defer a.lock.Unlock()
	if a.identity == nil {
		found, err := findIdentity(azcore.ClientOptions{Transport: &a.client})
		if err != nil {
			return nil, err
		}
		a.identity = found
	}
	return a.identity, nil
}

// findIdentity takes the one that the variables describe, in the order of
// Azure's own libraries.
func findIdentity(options azcore.ClientOptions) (azcore.TokenCredential, error) {
	switch {
	case os.Getenv("AZURE_CLIENT_SECRET") != "", os.Getenv("AZURE_CLIENT_CERTIFICATE_PATH") != "":
		return azidentity.NewEnvironmentCredential(&azidentity.EnvironmentCredentialOptions{ClientOptions: options})
	case os.Getenv("AZURE_FEDERATED_TOKEN_FILE") != "":
		return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{ClientOptions: options})
	}
	managed := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: options}
	if id := os.Getenv("AZURE_CLIENT_ID"); id != "" {
		managed.ID = azidentity.ClientID(id)
	}
	return azidentity.NewManagedIdentityCredential(managed)
}

// azureDomain is that of the registries of the cloud whose authority this is.
func azureDomain(authority string) string {
	switch {
	case strings.Contains(authority, ".chinacloudapi.cn"), strings.Contains(authority, ".partner.microsoftonline.cn"):
		return ".azurecr.cn"
	case strings.Contains(authority, ".microsoftonline.us"):
		return ".azurecr.us"
	case strings.Contains(authority, ".microsoftonline.de"):
		return ".azurecr.de"
	default:
		return ".azurecr.io"
	}
}

// azureReason makes a line of what the library spreads over twenty.
func azureReason(err error) error {
	var refused *azidentity.AuthenticationFailedError
	if !errors.As(err, &refused) || refused.RawResponse == nil {
		return err
	}
	body, _ := runtime.Payload(refused.RawResponse) // the status says it, too
	return refusal(refused.RawResponse.Status, body)
}
