package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/answers"
	"github.com/pullgate/pullgate/resolver/registry/containerd"
	"github.com/pullgate/pullgate/resolver/registry/wire"
)

// maxTags bounds a tag list: one page of it, as large as registries give.
const maxTags = 1000

// ErrRepositoryUnknown is what listing the tags of a repository gives of which
// the registry says that it does not exist (NAME_UNKNOWN).
var ErrRepositoryUnknown = errors.New("the registry does not know the repository")

// Tags lists tags of an image's repository, at most a first page of them. It
// is for suggestions: registries limit the list, or refuse it.
func (c *Client) Tags(ctx context.Context, image reference.Named, credential pull.Credential) ([]string, error) {
	tags, err := c.tags(ctx, image, credential)
	if err != nil {
		c.forget(image, credential) // a token that failed is kept, too
		return nil, fmt.Errorf("list the tags of %s: %w", image.Name(), err)
	}
	return tags, nil
}

func (c *Client) tags(ctx context.Context, image reference.Named, credential pull.Credential) ([]string, error) {
	ctx, done := c.hosts.Wire.Question(ctx, reference.Domain(image))
	defer done()
	ctx, memo := wire.WithMemo(ctx)
	hosts, _, err := c.hostsFor(ctx, image, credential, containerd.ByHosts, false)
	if err != nil {
		return nil, err
	}
	answer, err := containerd.Get(ctx, pulledReference(image), hosts[len(hosts)-1], fmt.Sprintf("tags/list?n=%d", maxTags))
	if err != nil {
		return nil, errors.New(answers.Without(answers.Unanswered(err).Detail, credential, memo.Secrets()...))
	}
	switch {
	case answer.StatusCode == http.StatusNotFound && answers.NamesRepository(answer.Content):
		return nil, ErrRepositoryUnknown
	case answer.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the registry answered %d", answer.StatusCode)
	case len(answer.Content) > containerd.MaxBody:
		return nil, fmt.Errorf("the list has more than %d MiB", containerd.MaxBody>>20)
	}
	return readTags(image, answer.Content)
}

// readTags reads a list, and leaves out what cannot be a tag: it goes into
// messages.
func readTags(image reference.Named, body []byte) ([]string, error) {
	var list struct {
		Tags []string `json:"tags"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("read the list: %w", err)
	}
	var tags []string
	for _, tag := range list.Tags[:min(len(list.Tags), maxTags)] {
		if _, err := reference.WithTag(reference.TrimNamed(image), tag); err == nil {
			tags = append(tags, tag)
		}
	}
	return tags, nil
}
