package containerd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	refspec "github.com/containerd/containerd/v2/pkg/reference"
	"github.com/containerd/containerd/v2/version"
	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// MaxBody bounds what is read of an answer that is only for messages.
const MaxBody = 4 << 20

// Answer is what a GET of ours was answered.
type Answer struct {
	*http.Response
	// Content is the body, which is closed; of a larger one than MaxBody, one
	// byte more.
	Content []byte
}

// Get reads a path of an image's repository on one host, answering at most two
// challenges with what the host's authorizer makes of them. It is for what
// containerd itself does not ask.
func Get(ctx context.Context, image reference.Named, host docker.RegistryHost, path string) (Answer, error) {
	spec, err := refspec.Parse(image.String())
	if err != nil {
		return Answer{}, err
	}
	ctx, err = docker.ContextWithRepositoryScope(Quiet(ctx), spec, false)
	if err != nil {
		return Answer{}, err
	}
	var answers []*http.Response
	for {
		answer, err := send(ctx, image, host, host.Path+"/"+reference.Path(image)+"/"+path)
		if err != nil {
			return Answer{}, err
		}
		answers = append(answers, answer.Response) //nolint:bodyclose // send did
		if answer.StatusCode != http.StatusUnauthorized || len(answers) > 2 {
			return answer, nil
		}
		switch err := host.Authorizer.AddResponses(ctx, answers); {
		case errdefs.IsNotImplemented(err): // a challenge that nobody can answer
			return answer, nil
		case err != nil:
			return answer, err
		}
	}
}

// Ping asks a host whether it is a registry, at the base of its paths.
func Ping(ctx context.Context, image reference.Named, host docker.RegistryHost) (Answer, error) {
	return send(Quiet(ctx), image, host, host.Path+"/")
}

// send sends one GET and reads what is answered.
func send(ctx context.Context, image reference.Named, host docker.RegistryHost, path string) (Answer, error) {
	req, err := request(ctx, image, host, path)
	if err != nil {
		return Answer{}, err
	}
	if err := host.Authorizer.Authorize(ctx, req); err != nil {
		return Answer{}, err
	}
	resp, err := host.Client.Do(req)
	if err != nil {
		return Answer{}, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxBody+1))
	return Answer{Response: resp, Content: body}, errors.Join(err, resp.Body.Close())
}

// request makes a GET as the library would.
func request(ctx context.Context, image reference.Named, host docker.RegistryHost, path string) (*http.Request, error) {
	address := fmt.Sprintf("%s://%s%s", host.Scheme, host.Host, path)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	if upstream, _ := docker.DefaultHost(reference.Domain(image)); host.Host != upstream {
		query := req.URL.Query() // as containerd tells mirrors whose image it is
		query.Set("ns", reference.Domain(image))
		req.URL.RawQuery = query.Encode()
	}
	for name, values := range host.Header {
		req.Header[name] = slices.Clone(values)
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "containerd/"+version.Version)
	}
	req.Header.Set("Accept", strings.Join([]string{
		images.MediaTypeDockerSchema2Manifest, images.MediaTypeDockerSchema2ManifestList,
		ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageIndex, "*/*",
	}, ", "))
	return req, nil
}
