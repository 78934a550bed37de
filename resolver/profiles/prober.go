package profiles

import (
	"context"
	"fmt"
	"slices"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/pull"
)

// Asker asks registries, in one way.
type Asker interface {
	Probe(ctx context.Context, query pull.Query) pull.Finding
	Tags(ctx context.Context, image reference.Named, credential pull.Credential) ([]string, error)
}

// Profile is how the nodes of one profile pull.
type Profile struct {
	// Name is the profile's, as queries have it.
	Name string
	// Registry asks as these nodes would.
	Registry Asker
	// Runtimes are the kinds of these nodes' runtimes; zero: those of the query.
	Runtimes pull.Runtimes
	// Doubt says why a refusal of an image proves nothing for these nodes; empty:
	// it does. May be nil.
	Doubt func(image reference.Named) string
}

// Prober asks for each profile of a query's, and for nodes without one by
// Others. It is safe for concurrent use.
type Prober struct {
	Others   Asker
	Profiles []Profile
	// Title is how notes speak of a profile; nil: by its name.
	Title func(name string) string
	// Doubt says why a refusal proves nothing for nodes without a profile: theirs
	// may be one that cannot be read. Empty: it does.
	Doubt string
}

// Probe says what is so for all nodes: broken only if it is for each profile.
// Where they differ, notes say which could not pull it.
func (p *Prober) Probe(ctx context.Context, query pull.Query) pull.Finding {
	if len(query.Profiles) == 0 {
		return p.others(ctx, query)
	}
	finding, _ := pull.AllOf(func(yield func(pull.Part[string]) bool) {
		for _, name := range query.Profiles {
			if !yield(pull.Part[string]{Of: name, Finding: p.by(ctx, name, query)}) {
				return
			}
		}
	}, p.differences)
	return finding
}

// by asks as nodes of one profile would.
func (p *Prober) by(ctx context.Context, name string, query pull.Query) pull.Finding {
	query.Profiles = nil
	i := slices.IndexFunc(p.Profiles, func(one Profile) bool { return one.Name == name })
	if i < 0 {
		return p.others(ctx, query)
	}
	profile := p.Profiles[i]
	if profile.Runtimes != 0 {
		query.Runtimes = profile.Runtimes
	}
	finding := profile.Registry.Probe(ctx, query)
	if profile.Doubt == nil || finding.Reason.Verdict() != pull.Broken {
		return finding
	}
	if why := profile.Doubt(query.Image); why != "" {
		return finding.InDoubt(pull.NodeCredentialsUnknown, why)
	}
	return finding
}

// others asks as nodes without a profile would.
func (p *Prober) others(ctx context.Context, query pull.Query) pull.Finding {
	finding := p.Others.Probe(ctx, query)
	if p.Doubt == "" {
		return finding
	}
	return finding.InDoubt(pull.NodeCredentialsUnknown, p.Doubt)
}

// differences are the notes on nodes that could not pull what others can.
func (p *Prober) differences(broken []pull.Part[string]) []pull.Note {
	var notes []pull.Note
	for _, part := range broken {
		of := "nodes without a profile"
		switch {
		case part.Of != "" && p.Title != nil:
			of = "nodes of profile " + p.Title(part.Of)
		case part.Of != "":
			of = "nodes of profile " + part.Of
		}
		notes = append(notes, pull.Note{Reason: pull.SomeNodesMismatch, Message: fmt.Sprintf("%s could not pull it (%s)", of, part.Reason)})
	}
	return notes
}

// Tags lists a repository's tags by the first way on which that succeeds.
func (p *Prober) Tags(ctx context.Context, image reference.Named, credential pull.Credential) ([]string, error) {
	tags, err := p.Others.Tags(ctx, image, credential)
	for _, profile := range p.Profiles {
		if err == nil || ctx.Err() != nil {
			break
		}
		if more, failed := profile.Registry.Tags(ctx, image, credential); failed == nil {
			return more, nil
		}
	}
	return tags, err
}
