package registry

import (
	"bytes"
	"context"
	"encoding/json"
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

	"github.com/pullgate/pullgate/resolver/pull"
)

// maxList bounds what is read of an answer that is only for messages.
const maxList = 4 << 20

// explain404 asks once more with GET, since a HEAD's 404 has no body: the
// body tells a missing repository from a missing tag, and a registry from
// something else that knows no such path.
func (k *check) explain404(ctx context.Context, finding pull.Finding) pull.Finding {
	host := k.upstream()
	if _, digested := k.Image.(reference.Digested); digested {
		finding.Reason = pull.DigestNotFound
	}
	finding.Detail = host.Host + " answered 404 Not Found"
	status, body, err := k.again(ctx)
	if err != nil {
		return finding
	}
	switch {
	case status == http.StatusOK:
		finding.Detail = host.Host + " answers 404 to HEAD, which containerd asks, and 200 to GET"
	case status == http.StatusNotFound && isMarkup(body):
		finding.Reason = pull.RegistryError
		finding.Detail = host.Host + " answered 404 Not Found with a web page: something other than a registry is there or in between"
	case status == http.StatusNotFound:
		finding.Detail = oneLine(finding.Detail + inWords(body))
	}
	if status == http.StatusNotFound && namesRepository(body) {
		finding.Reason = pull.RepositoryNotFound
	}
	return finding
}

// namesRepository tells whether an answer says that there is no such repository:
// with the specification's code, or with the one that Harbor has for everything
// and a word on what it is.
func namesRepository(body []byte) bool {
	code, message := registryError(body)
	return code == "NAME_UNKNOWN" || code == "NOT_FOUND" && strings.HasPrefix(message, "repository ")
}

// explainRefused makes sure that it was a registry whose answer containerd
// refuses by its header alone: whatever is in between may say anything, too.
func (k *check) explainRefused(ctx context.Context, finding pull.Finding) pull.Finding {
	if !k.fresh {
		return finding // it will be asked again
	}
	status, body, err := k.again(ctx)
	_, digested := k.Image.(reference.Digested)
	switch {
	case err != nil:
		return inTrouble(err)
	case status == http.StatusTooManyRequests:
		return inTrouble(&statusError{code: status, host: k.upstream().Host, status: "429 Too Many Requests"})
	case status == http.StatusNotFound && digested && !isMarkup(body):
		finding.Reason = pull.DigestNotFound
		finding.Detail = "the digest is that of a blob, such as a config or a layer, not of an image"
	case status != http.StatusOK:
		finding.Reason = pull.RegistryError
		finding.Detail = fmt.Sprintf("%s answers HEAD, but to GET it answered %d", k.upstream().Host, status)
	case !isManifest(body):
		finding.Reason = pull.RegistryError
		finding.Detail = k.upstream().Host + " gave something other than a manifest"
	}
	return finding
}

// isManifest tells whether somebody meant to send a manifest or index. Those
// that are too large to be read to the end begin like one.
func isManifest(body []byte) bool {
	var document struct {
		SchemaVersion int `json:"schemaVersion"`
	}
	if len(body) > maxList {
		return bytes.HasPrefix(bytes.TrimSpace(body), []byte("{"))
	}
	return json.Unmarshal(body, &document) == nil && document.SchemaVersion > 0
}

// upstream is the host that is asked last.
func (k *check) upstream() docker.RegistryHost { return k.hosts[len(k.hosts)-1] }

// again asks for the manifest with GET, only to learn more. What comes of it
// is no part of the check.
func (k *check) again(ctx context.Context) (status int, body []byte, err error) {
	ctx, _ = withExchange(ctx)
	return k.get(ctx, k.upstream(), "manifests/"+object(k.Image))
}

// get reads a path of the image's repository on one host, answering at most
// two challenges with what the check's authorizer makes of them.
func (k *check) get(ctx context.Context, host docker.RegistryHost, path string) (status int, body []byte, err error) {
	spec, err := refspec.Parse(k.Image.String())
	if err != nil {
		return 0, nil, err
	}
	ctx, err = docker.ContextWithRepositoryScope(ctx, spec, false)
	if err != nil {
		return 0, nil, err
	}
	var answers []*http.Response
	for {
		resp, body, err := k.send(ctx, host, path) //nolint:bodyclose // send does
		if err != nil {
			return 0, nil, err
		}
		answers = append(answers, resp) //nolint:bodyclose // send did
		if resp.StatusCode != http.StatusUnauthorized || len(answers) > 2 {
			return resp.StatusCode, body, nil
		}
		switch err := host.Authorizer.AddResponses(ctx, answers); {
		case errdefs.IsNotImplemented(err): // a challenge that nobody can answer
			return resp.StatusCode, body, nil
		case err != nil:
			return 0, nil, err
		}
	}
}

// send sends one GET and reads what is answered.
func (k *check) send(ctx context.Context, host docker.RegistryHost, path string) (*http.Response, []byte, error) {
	req, err := k.request(ctx, host, path)
	if err != nil {
		return nil, nil, err
	}
	if err := host.Authorizer.Authorize(ctx, req); err != nil {
		return nil, nil, err
	}
	resp, err := host.Client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxList+1))
	return resp, body, errors.Join(err, resp.Body.Close())
}

// request makes a GET as the library would.
func (k *check) request(ctx context.Context, host docker.RegistryHost, path string) (*http.Request, error) {
	address := fmt.Sprintf("%s://%s%s/%s/%s", host.Scheme, host.Host, host.Path, reference.Path(k.Image), path)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	if upstream, _ := docker.DefaultHost(reference.Domain(k.Image)); host.Host != upstream {
		query := req.URL.Query() // as containerd tells mirrors whose image it is
		query.Set("ns", reference.Domain(k.Image))
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

// object returns the tag or digest of a reference.
func object(image reference.Named) string {
	switch image := image.(type) {
	case reference.Digested:
		return image.Digest().String()
	case reference.Tagged:
		return image.Tag()
	default:
		return "latest"
	}
}

// registryError reads the first error of a registry's answer (OCI
// distribution specification, "Error Codes") or of a token server's, for which
// there are several forms; empty where there is none.
func registryError(body []byte) (code, message string) {
	var answer struct {
		Errors []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Details     string `json:"details"`
	}
	var odd *json.UnmarshalTypeError // of one field: the others are read
	if err := json.Unmarshal(body, &answer); err != nil && !errors.As(err, &odd) {
		return "", ""
	}
	if len(answer.Errors) > 0 {
		return oneLine(answer.Errors[0].Code), oneLine(answer.Errors[0].Message)
	}
	if answer.Description != "" {
		return oneLine(answer.Error), oneLine(answer.Description)
	}
	return oneLine(answer.Error), oneLine(answer.Details)
}

// inWords puts the error of an answer's body into brackets.
func inWords(body []byte) string {
	switch code, message := registryError(body); {
	case code == "" && message == "":
		return ""
	case code == "" || message == "":
		return " (" + code + message + ")"
	default:
		return " (" + code + ": " + message + ")"
	}
}
