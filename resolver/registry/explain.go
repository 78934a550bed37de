package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/answers"
	"github.com/pullgate/pullgate/resolver/registry/containerd"
	"github.com/pullgate/pullgate/resolver/registry/wire"
)

// explainStatus asks who refused by GET for the words that HEAD has not, such as
// those of a policy or a quota.
func (a *attempt) explainStatus(ctx context.Context, by string, finding pull.Finding) pull.Finding {
	i := slices.IndexFunc(a.hosts, func(host docker.RegistryHost) bool { return host.Host == by })
	if i < 0 {
		return finding // a redirect led elsewhere
	}
	status, body, err := a.again(ctx, a.hosts[i])
	if err != nil || status < http.StatusBadRequest {
		return finding
	}
	words := answers.InWords(body)
	if words == "" {
		words = answers.FirstWords(body)
	}
	finding.Detail = answers.OneLine(finding.Detail + words)
	return finding
}

// explainRefused makes sure that it was a registry whose answer containerd
// refuses by its header alone: whatever is in between may say anything, too.
func (a *attempt) explainRefused(ctx context.Context, finding pull.Finding) pull.Finding {
	status, body, err := a.again(ctx, a.upstream())
	_, digested := a.Image.(reference.Digested)
	switch {
	case err != nil:
		return answers.Unanswered(err)
	case status == http.StatusTooManyRequests:
		return answers.Unanswered(&wire.StatusError{Code: status, Host: a.upstream().Host, Status: "429 Too Many Requests"})
	case status == http.StatusNotFound && digested && !answers.IsMarkup(body):
		finding.Reason = pull.DigestNotFound
		finding.Detail = "the digest is that of a blob, such as a config or a layer, not of an image"
	case status != http.StatusOK:
		finding.Reason = pull.RegistryError
		finding.Detail = fmt.Sprintf("%s answers HEAD, but to GET it answered %d", a.upstream().Host, status)
	case !isManifest(body):
		finding.Reason = pull.RegistryError
		finding.Detail = a.upstream().Host + " gave something other than a manifest"
	}
	return finding
}

// isManifest tells whether somebody meant to send a manifest or index. Those
// that are too large to be read to the end begin like one.
func isManifest(body []byte) bool {
	var document struct {
		SchemaVersion int `json:"schemaVersion"`
	}
	if len(body) > containerd.MaxBody {
		return bytes.HasPrefix(bytes.TrimSpace(body), []byte("{"))
	}
	return json.Unmarshal(body, &document) == nil && document.SchemaVersion > 0
}

// upstream is the host that is asked last.
func (a *attempt) upstream() docker.RegistryHost { return a.hosts[len(a.hosts)-1] }

// again asks a host for the manifest with GET, only to learn more. What comes of
// it is no part of the attempt.
func (a *attempt) again(ctx context.Context, host docker.RegistryHost) (status int, body []byte, err error) {
	ctx, _ = wire.WithMemo(ctx)
	answer, err := containerd.Get(ctx, a.Image, host, "manifests/"+pull.Object(a.Image))
	if err != nil {
		return 0, nil, err
	}
	return answer.StatusCode, answer.Content, nil
}
