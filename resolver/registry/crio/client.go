package crio

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/remotes/docker/auth"
	remoteerrors "github.com/containerd/containerd/v2/core/remotes/errors"
	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/answers"
	"github.com/pullgate/pullgate/resolver/registry/containerd"
	"github.com/pullgate/pullgate/resolver/registry/contents"
)

// Client asks one registry as CRI-O does (docker/docker_client.go): what
// the ping demands is what is shown, tokens are asked for with GET, manifests
// too, and no mirror is asked of those that containerd knows.
type Client struct {
	// Image and Credential are what is asked for, and with what.
	Image      reference.Named
	Credential pull.Credential
	// Host is the registry.
	Host docker.RegistryHost

	challenges []auth.Challenge
	// shown is what every request shows, once it is known.
	shown string
}

// Resolve reads what the reference leads to.
func (c *Client) Resolve(ctx context.Context) (ocispec.Descriptor, []byte, error) {
	if err := c.ping(ctx); err != nil {
		return ocispec.Descriptor{}, nil, err
	}
	resp, err := c.open(ctx, "manifests/"+containerd.Object(c.Image))
	if err != nil {
		return ocispec.Descriptor{}, nil, err
	}
	// What is cut off is read no more than by CRI-O (internal/iolimits/
	// iolimits.go, MaxManifestBodySize).
	blob, err := io.ReadAll(io.LimitReader(resp.Body, containerd.MaxBody))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return ocispec.Descriptor{}, nil, err
	}
	mediaType, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	root := ocispec.Descriptor{MediaType: strings.TrimSpace(mediaType), Size: int64(len(blob)), Digest: digest.FromBytes(blob)}
	if digested, ok := c.Image.(reference.Digested); ok {
		root.Digest = digested.Digest()
		if err := contents.Verify(ctx, root, blob); err != nil {
			return root, nil, err
		}
	}
	return root, blob, nil
}

// ping learns what the registry demands. Each line of the header is a
// challenge, in its order.
func (c *Client) ping(ctx context.Context) error {
	resp, err := c.get(ctx, "")
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // nothing is read of it
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusUnauthorized {
		return &pingError{host: c.Host.Host, status: resp.Status}
	}
	for _, line := range resp.Header.Values("WWW-Authenticate") {
		c.challenges = append(c.challenges, auth.ParseAuthHeader(http.Header{"Www-Authenticate": {line}})...)
	}
	return nil
}

// pingError is an answer to the ping that ends a pull by CRI-O.
type pingError struct{ host, status string }

// Error names the host and the status.
func (e *pingError) Error() string {
	return fmt.Sprintf("%s answered %s to GET /v2/, which CRI-O asks first", e.host, e.status)
}

// open asks for an object of the repository. Who may not see it with the
// token that it has is told so once, and asks for one with the scope that is
// then named, too.
func (c *Client) open(ctx context.Context, path string) (*http.Response, error) {
	scopes := []string{"repository:" + reference.Path(c.Image) + ":pull"}
	for again := false; ; again = true {
		if err := c.authorize(ctx, scopes); err != nil {
			return nil, err
		}
		resp, err := c.get(ctx, reference.Path(c.Image)+"/"+path)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode == http.StatusOK {
			return resp, nil
		}
		err = remoteerrors.NewUnexpectedStatusErr(resp)
		wanted := scopeOf(resp)
		if err := errors.Join(err, resp.Body.Close()); again || wanted == "" {
			return nil, err
		}
		c.shown, scopes = "", append(scopes, wanted)
	}
}

// scopeOf returns the scope that a refusal asks for (needsRetryWithUpdatedScope).
func scopeOf(resp *http.Response) string {
	for _, challenge := range auth.ParseAuthHeader(resp.Header) {
		if challenge.Scheme == auth.BearerAuth && challenge.Parameters["error"] == "insufficient_scope" {
			return challenge.Parameters["scope"]
		}
	}
	return ""
}

// authorize answers the first challenge that is understood (setupRequestAuth,
// getBearerToken).
func (c *Client) authorize(ctx context.Context, scopes []string) error {
	username, password := c.Credential.Basic()
	for _, challenge := range c.challenges {
		switch {
		case c.shown != "":
			return nil
		case challenge.Scheme == auth.BasicAuth:
			if username != "" {
				c.shown = "Basic " + base64.StdEncoding.EncodeToString([]byte(username+":"+password))
			}
			return nil
		case challenge.Scheme == auth.BearerAuth:
			answer, err := auth.FetchToken(ctx, c.Host.Client, nil, auth.TokenOptions{
				Realm: challenge.Parameters["realm"], Service: challenge.Parameters["service"],
				Scopes: scopes, Username: username, Secret: password,
			})
			if err != nil {
				return &tokenError{err}
			}
			c.shown = "Bearer " + answer.Token
			return nil
		}
	}
	return nil
}

// tokenError is what kept a token from coming.
type tokenError struct{ err error }

func (e *tokenError) Error() string { return "requesting bearer token: " + e.err.Error() }
func (e *tokenError) Unwrap() error { return e.err }

// get sends one request with what there is to show.
func (c *Client) get(ctx context.Context, path string) (*http.Response, error) {
	address := url.URL{Scheme: c.Host.Scheme, Host: c.Host.Host, Path: "/v2/" + path}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", strings.Join([]string{
		ocispec.MediaTypeImageManifest, images.MediaTypeDockerSchema2Manifest, images.MediaTypeDockerSchema1Manifest,
		"application/vnd.docker.distribution.manifest.v1+json", images.MediaTypeDockerSchema2ManifestList, ocispec.MediaTypeImageIndex,
	}, ", "))
	if c.shown != "" {
		req.Header.Set("Authorization", c.shown)
	}
	return c.Host.Client.Do(req)
}

// Fetch makes it a remotes.Fetcher, for what the root names. As with
// containerd's, an error comes of reading.
func (c *Client) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	kind := "blobs/"
	if images.IsManifestType(desc.MediaType) || images.IsIndexType(desc.MediaType) {
		kind = "manifests/"
	}
	resp, err := c.open(ctx, kind+desc.Digest.String())
	if err == nil {
		return resp.Body, nil
	}
	if status := statusOf(err); status != nil && status.StatusCode == http.StatusNotFound && !answers.IsMarkup(status.Body) {
		err = fmt.Errorf("%w: %w", err, errdefs.ErrNotFound)
	}
	return io.NopCloser(failure{err}), nil
}

// failure is a body that cannot be read.
type failure struct{ err error }

// Read fails.
func (f failure) Read([]byte) (int, error) { return 0, f.err }

// statusOf returns the status that an error is about, nil if none.
func statusOf(err error) *remoteerrors.ErrUnexpectedStatus {
	var status remoteerrors.ErrUnexpectedStatus
	if !errors.As(err, &status) {
		return nil
	}
	return &status
}

// Unresolved says why a reference led nowhere.
func (c *Client) Unresolved(err error) pull.Finding {
	var refused *contents.RefusedError
	if errors.As(err, &refused) {
		return pull.Finding{Reason: pull.UnsupportedImage, Detail: answers.OneLine(err.Error())}
	}
	finding, status := answers.Of(err, c.Credential), statusOf(err)
	if status == nil {
		return finding
	}
	var token *tokenError
	if errors.As(err, &token) {
		if status.StatusCode == http.StatusUnauthorized {
			err = fmt.Errorf("unable to retrieve auth token: invalid username/password: %s", asCRIO(status))
		}
		finding.Node = answers.Line(err.Error(), answers.MaxNode)
		return finding
	}
	if status.StatusCode == http.StatusNotFound && !answers.IsMarkup(status.Body) {
		finding.Reason = c.missing(status.Body)
	}
	finding.Node = answers.Line(fmt.Sprintf("reading manifest %s in %s: %s", containerd.Object(c.Image), c.Image.Name(), asCRIO(status)), answers.MaxNode)
	return finding
}

// missing names what a 404 says is not there.
func (c *Client) missing(body []byte) pull.Reason {
	_, digested := c.Image.(reference.Digested)
	switch code, _ := answers.Error(body); {
	case code == "NAME_UNKNOWN":
		return pull.RepositoryNotFound
	case digested:
		return pull.DigestNotFound
	default:
		return pull.TagNotFound
	}
}

// asCRIO words an answer as CRI-O does (docker/errors.go,
// registryHTTPResponseToError): a code with its message, which is left alone
// where it is the code's own.
func asCRIO(status *remoteerrors.ErrUnexpectedStatus) string {
	code, message := answers.Error(status.Body)
	usual := ""
	switch code {
	case "":
		body := string(status.Body)
		if len(body) > 50 {
			body = body[:50] + "..."
		}
		return fmt.Sprintf("StatusCode: %d, %q", status.StatusCode, body)
	case "MANIFEST_UNKNOWN":
		usual = "manifest unknown"
	case "NAME_UNKNOWN":
		usual = "repository name not known to registry"
	case "UNAUTHORIZED":
		usual = "authentication required"
	case "DENIED":
		usual = "requested access to the resource is denied"
	}
	if message == usual {
		return message
	}
	return strings.ToLower(strings.ReplaceAll(code, "_", " ")) + ": " + message
}
