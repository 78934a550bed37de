package crio

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/distribution/reference"
)

// Policy is a policy.json: which images nodes reject, whatever is signed. Signatures
// are not verified. A nil one rejects nothing.
type Policy struct {
	Default    []requirement                       `json:"default"`
	Transports map[string]map[string][]requirement `json:"transports"`
}

// requirement is what a policy wants of an image.
type requirement struct {
	Type string `json:"type"`
}

// ReadPolicy reads a policy.json; nil for no file.
func ReadPolicy(file string) (*Policy, error) {
	if file == "" {
		return nil, nil //nolint:nilnil // none is a value
	}
	data, err := os.ReadFile(file) //nolint:gosec // a file that the configuration names
	if err != nil {
		return nil, err
	}
	policy := &Policy{}
	if err := json.Unmarshal(data, policy); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(policy.Default) == 0 {
		return nil, fmt.Errorf("%s: has no default, without which nodes take no policy", file)
	}
	return policy, nil
}

// Rejects says why an image is rejected, as CRI-O does; empty: it is not (signature/
// policy_eval.go, requirementsForImageRef, and policy_eval_simple.go).
func (p *Policy) Rejects(image reference.Named) string {
	if p == nil || !slices.Contains(p.of(image), requirement{"reject"}) {
		return ""
	}
	return fmt.Sprintf("Running image docker://%s is rejected by policy.", image)
}

// of returns what is wanted of an image: by the narrowest scope that it is in, from
// the image itself to the wildcards of its host's domains.
func (p *Policy) of(image reference.Named) []requirement {
	scopes := []string{image.String()}
	for name := image.Name(); name != ""; {
		scopes = append(scopes, name)
		cut := strings.LastIndex(name, "/")
		name = name[:max(cut, 0)]
	}
	host, _, _ := strings.Cut(reference.Domain(image), ":")
	for _, rest, found := strings.Cut(host, "."); found; _, rest, found = strings.Cut(rest, ".") {
		scopes = append(scopes, "*."+rest)
	}
	for _, scope := range append(scopes, "") {
		if wanted, ok := p.Transports["docker"][scope]; ok {
			return wanted
		}
	}
	return p.Default
}
