package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/pull"
)

// maxTags bounds a tag list: one page of it, as large as registries give.
const maxTags = 1000

// ErrRepositoryUnknown is what listing the tags of a repository gives of which
// the registry says that it does not exist (NAME_UNKNOWN).
var ErrRepositoryUnknown = errors.New("the registry does not know the repository")

// Tags lists tags of an image's repository, at most a first page of them. It
// is for suggestions: registries limit the list, or refuse it.
func (c *Client) Tags(ctx context.Context, image reference.Named, credential pull.Credential) ([]string, error) {
	ctx, _ = withExchange(c.quieten(ctx))
	hosts, _, err := c.hostsFor(ctx, image, credential)
	if err != nil {
		return nil, err
	}
	if len(hosts) == 0 {
		return nil, fmt.Errorf("tags of %s: hosts.toml names no host", image.Name())
	}
	check := check{Query: Query{Image: pulledReference(image), Credential: credential}, client: c, hosts: hosts}
	host := hosts[len(hosts)-1]
	status, body, err := check.get(ctx, host, fmt.Sprintf("tags/list?n=%d", maxTags))
	if err != nil {
		return nil, fmt.Errorf("tags of %s: %w", image.Name(), err)
	}
	if status != http.StatusOK {
		if code, _ := registryError(body); code == "NAME_UNKNOWN" {
			return nil, ErrRepositoryUnknown
		}
		return nil, fmt.Errorf("tags of %s: the registry answered %d", image.Name(), status)
	}
	var list struct {
		Tags []string `json:"tags"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("tags of %s: %w", image.Name(), err)
	}
	return list.Tags[:min(len(list.Tags), maxTags)], nil
}
