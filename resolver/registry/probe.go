package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	refspec "github.com/containerd/containerd/v2/pkg/reference"
	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
)

// maxList bounds what is read of an answer that is only for messages.
const maxList = 1 << 20

// Query is one question: could a node pull this image with this credential?
type Query struct {
	// Image has a tag or a digest; with both, containerd drops the tag
	// (internal/cri/server/images/image_pull.go, ParseDockerRef).
	Image reference.Named
	// Credential is the one to offer; the zero value is none.
	Credential pull.Credential
	// Platforms are those of the nodes; empty: any will do.
	Platforms []ocispec.Platform
	// Layers asks for the config and the layers, too.
	Layers bool
}

// Probe answers a query. A refusal is never told from memory: what was kept
// from earlier checks is dropped and the registry asked again before.
func (c *Client) Probe(ctx context.Context, q Query) pull.Finding {
	q.Image = pulledReference(q.Image)
	finding, fresh := c.ask(ctx, q)
	if finding.Reason == pull.ReasonPullable {
		return finding
	}
	c.forget(q.Image, q.Credential)
	if fresh || ctx.Err() != nil {
		return finding
	}
	finding, _ = c.ask(ctx, q)
	if finding.Reason != pull.ReasonPullable {
		c.forget(q.Image, q.Credential)
	}
	return finding
}

// pulledReference is the reference that containerd resolves: with a digest,
// the tag is dropped and never checked.
func pulledReference(image reference.Named) reference.Named {
	digested, ok := image.(reference.Digested)
	if !ok {
		return reference.TagNameOnly(image)
	}
	canonical, err := reference.WithDigest(reference.TrimNamed(image), digested.Digest())
	if err != nil {
		return image // cannot be: the parts come from a valid reference
	}
	return canonical
}

// ask resolves and reads once.
func (c *Client) ask(ctx context.Context, q Query) (finding pull.Finding, fresh bool) {
	ctx, seen := withExchange(c.quieten(ctx))
	hosts, fresh, err := c.hostsFor(ctx, q.Image, q.Credential)
	if err != nil {
		return pull.Finding{Reason: pull.RegistryError, Detail: "registry hosts: " + err.Error()}, fresh
	}
	if len(hosts) == 0 {
		return pull.Finding{Reason: pull.RegistryError, Detail: "hosts.toml names no host for " + reference.Domain(q.Image)}, fresh
	}
	check := check{Query: q, client: c, hosts: hosts}
	finding = check.run(ctx)
	if trouble := seen.firstTrouble(); trouble != nil && finding.Reason.Verdict() == pull.Broken {
		// Another host gave no answer; a node may get one from it.
		finding = pull.Finding{Reason: troubleReason(trouble), Detail: oneLine(trouble.Error())}
	}
	return finding, fresh
}

// check is one probe under way.
type check struct {
	Query
	client *Client
	hosts  []docker.RegistryHost
}

// run resolves the reference and reads what it leads to.
func (k *check) run(ctx context.Context) pull.Finding {
	resolver := docker.NewResolver(docker.ResolverOptions{
		Hosts: func(string) ([]docker.RegistryHost, error) { return k.hosts, nil },
	})
	name := k.Image.String()
	_, root, err := resolver.Resolve(ctx, name)
	if err != nil {
		return k.unresolved(ctx, err)
	}
	key := k.readKey(root)
	if read, ok := k.client.read.Get(key); ok {
		return read
	}
	fetcher, err := resolver.Fetcher(ctx, name)
	if err != nil {
		return classify(err, k.Credential)
	}
	finding := k.judge(ctx, newStore(fetcher), root)
	if finding.Reason == pull.ReasonPullable && !k.Layers {
		k.client.read.Add(key, finding)
	}
	return finding
}

// unresolved says why a reference led nowhere.
func (k *check) unresolved(ctx context.Context, err error) pull.Finding {
	finding := classify(err, k.Credential)
	finding.Node = fmt.Sprintf("failed to pull and unpack image %q: failed to resolve image: %s", k.Image, oneLine(err.Error()))
	if finding.Reason == pull.TagNotFound {
		if _, digested := k.Image.(reference.Digested); digested {
			finding.Reason = pull.DigestNotFound
		}
		finding = k.explain404(ctx, finding)
	}
	return finding
}

// explain404 asks once more with GET, since a HEAD's 404 has no body: the
// body tells a missing repository from a missing tag.
func (k *check) explain404(ctx context.Context, finding pull.Finding) pull.Finding {
	host := k.hosts[len(k.hosts)-1]
	finding.Detail = fmt.Sprintf("%s answered 404 Not Found", host.Host)
	status, body, err := k.get(ctx, host, "manifests/"+object(k.Image))
	switch {
	case err != nil:
		return finding
	case status == http.StatusOK:
		finding.Detail = fmt.Sprintf("%s answers 404 to HEAD, which containerd asks, and 200 to GET", host.Host)
		return finding
	case status != http.StatusNotFound:
		return finding
	}
	code, message := registryError(body)
	if code != "" {
		finding.Detail = fmt.Sprintf("%s answered 404 %s: %s", host.Host, code, message)
	}
	if code == "NAME_UNKNOWN" {
		finding.Reason = pull.RepositoryNotFound
	}
	return finding
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
		resp, err := k.send(ctx, host, path)
		if err != nil {
			return 0, nil, err
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxList))
		_ = resp.Body.Close()
		answers = append(answers, resp)
		if err != nil || resp.StatusCode != http.StatusUnauthorized || len(answers) > 2 {
			return resp.StatusCode, body, err
		}
		if err := host.Authorizer.AddResponses(ctx, answers); err != nil {
			return 0, nil, err
		}
	}
}

// send sends one GET.
func (k *check) send(ctx context.Context, host docker.RegistryHost, path string) (*http.Response, error) {
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
	req.Header.Set("Accept", strings.Join([]string{
		images.MediaTypeDockerSchema2Manifest, images.MediaTypeDockerSchema2ManifestList,
		ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageIndex, "*/*",
	}, ", "))
	if err := host.Authorizer.Authorize(ctx, req); err != nil {
		return nil, err
	}
	return host.Client.Do(req)
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
// distribution specification, "Error Codes"); empty where there is none.
func registryError(body []byte) (code, message string) {
	var answer struct {
		Errors []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || len(answer.Errors) == 0 {
		return "", ""
	}
	return oneLine(answer.Errors[0].Code), oneLine(answer.Errors[0].Message)
}
