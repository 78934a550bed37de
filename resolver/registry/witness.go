package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	remoteerrors "github.com/containerd/containerd/v2/core/remotes/errors"
	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/answers"
	"github.com/pullgate/pullgate/resolver/registry/containerd"
)

// witness is one host that is asked by GET whether a refusal is its own word.
type witness struct {
	pull.Query
	host docker.RegistryHost
	path string // beneath the repository
}

// hear asks. The finding is Pullable for whatever is given, broken where the
// host refuses in its own word, and else unknown.
func (w *witness) hear(ctx context.Context) pull.Finding {
	answer, err := containerd.Get(ctx, w.Image, w.host, w.path)
	if err != nil && !errors.Is(err, docker.ErrInvalidAuthorization) {
		return w.failed(err)
	}
	status := answer.StatusCode
	said := pull.Finding{Detail: answers.OneLine(fmt.Sprintf("%s answered %s%s", w.host.Host, answer.Status, answers.InWords(answer.Content)))}
	switch {
	case status == http.StatusOK:
		said.Reason = pull.ReasonPullable
		if len(answer.Content) == 0 { // no content is
			said.Reason = pull.BlobMissing
		}
		return said
	case status == http.StatusUnauthorized && answers.RefusesToken(answer.Header):
		said.Reason = pull.RegistryError
		said.Detail = answers.OneLine(w.host.Host + " says that the token is invalid which its token server has just given")
		return said
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		said.Reason = pull.CredentialsRequired
	case status == http.StatusNotFound:
		said.Reason = pull.TagNotFound
		if answers.NamesRepository(answer.Content) {
			said.Reason = pull.RepositoryNotFound
		}
	default:
		said.Reason = pull.RegistryError
		if status == http.StatusTooManyRequests {
			said.Reason = pull.RateLimited
		}
		return said
	}
	return w.prove(ctx, said, answer)
}

// prove lets a refusal stand that is the registry's own word. One without words
// is, if a registry is there at this moment; of one in words of others, the list
// of the repository's tags may say that it is true.
func (w *witness) prove(ctx context.Context, said pull.Finding, answer containerd.Answer) pull.Finding {
	switch answers.WordOf(answer.StatusCode, answer.Header, answer.Content) {
	case answers.Own:
		return said
	case answers.Wordless:
		ping, err := containerd.Ping(ctx, w.Image, w.host)
		if err == nil && answers.IsRegistry(ping.StatusCode, ping.Header, ping.Content) {
			return said
		}
	default:
		if said.Reason.NotFound() && !answers.IsMarkup(answer.Content) {
			if reason := w.listed(ctx); reason.NotFound() {
				said.Reason = reason
				return said
			}
		}
	}
	return pull.Finding{Reason: pull.RegistryError, Detail: answers.OneLine(fmt.Sprintf(
		"%s answered %s%s; something other than a registry may be there or in between", w.host.Host, answer.Status, answers.FirstWords(answer.Content)))}
}

// listed looks for a tag in the list of the repository's: TagNotFound where the
// list is there without it, RepositoryNotFound where the registry knows none.
func (w *witness) listed(ctx context.Context) pull.Reason {
	answer, err := containerd.Get(ctx, w.Image, w.host, fmt.Sprintf("tags/list?n=%d", maxTags))
	if err != nil {
		return pull.RegistryError
	}
	var list struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}
	switch {
	case answer.StatusCode == http.StatusNotFound && answers.NamesRepository(answer.Content):
		return pull.RepositoryNotFound
	case answer.StatusCode != http.StatusOK, json.Unmarshal(answer.Content, &list) != nil, list.Name == "",
		slices.Contains(list.Tags, pull.Object(w.Image)):
		return pull.RegistryError
	default:
		return pull.TagNotFound
	}
}

// failed is the finding where no answer to GET came: a token server that
// refuses does so in its own word, or in none after the registry has sent us
// there.
func (w *witness) failed(err error) pull.Finding {
	var status remoteerrors.ErrUnexpectedStatus
	finding := answers.Of(err, w.Credential)
	if !errors.As(err, &status) || !finding.Reason.Refused() {
		return answers.Unanswered(err)
	}
	if answers.WordOfTokens(status.StatusCode, status.Body) == answers.Foreign {
		return pull.Finding{Reason: pull.RegistryError, Detail: answers.OneLine(fmt.Sprintf(
			"%s answered %s%s; something other than a token server may be there or in between",
			answers.HostOf(status.RequestURL), status.Status, answers.FirstWords(status.Body)))}
	}
	return finding
}

// word puts what a host said into the finding that it confirms.
func (w *witness) word(finding, said pull.Finding) pull.Finding {
	switch {
	case finding.Reason.Refused():
		if !strings.Contains(finding.Detail, "(") && strings.HasPrefix(said.Detail, finding.Detail) {
			finding.Detail = said.Detail // the words that HEAD had not
		}
		return finding
	case said.Reason == pull.RepositoryNotFound:
		finding.Reason = said.Reason
	case finding.Reason == pull.TagNotFound:
		if _, digested := w.Image.(reference.Digested); digested {
			finding.Reason = pull.DigestNotFound
		}
	}
	finding.Detail = said.Detail
	return finding
}
