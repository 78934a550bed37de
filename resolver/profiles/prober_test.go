package profiles

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/pull"
)

// asker answers every query the same way, and keeps the last.
type asker struct {
	reason pull.Reason
	asked  *pull.Query
	tags   []string
}

func (a *asker) Probe(_ context.Context, query pull.Query) pull.Finding {
	a.asked = &query
	return pull.Finding{Reason: a.reason}
}

func (a *asker) Tags(context.Context, reference.Named, pull.Credential) ([]string, error) {
	if a.tags == nil {
		return nil, errors.New("refused")
	}
	return a.tags, nil
}

func TestProbe(t *testing.T) {
	const good, missing, silent = pull.ReasonPullable, pull.TagNotFound, pull.RegistryUnreachable
	tests := []struct {
		name         string
		others, a, b pull.Reason
		doubt        string // of b
		profiles     []string
		want         pull.Reason
		notes        []string
	}{
		{"no profiles", good, missing, missing, "", nil, good, nil},
		{"one", good, missing, good, "", []string{"a"}, missing, nil},
		{"broken on all", missing, missing, missing, "", []string{"", "a", "b"}, missing, nil},
		{"one differs", good, missing, good, "", []string{"a", "b"}, good, []string{"nodes of profile a could not pull it (TagNotFound)"}},
		{"nodes without a profile differ", missing, good, good, "", []string{"", "a"}, good, []string{"nodes without a profile could not pull it (TagNotFound)"}},
		{"one gives no answer", good, missing, silent, "", []string{"a", "b"}, silent, nil},
		{"a refusal that proves nothing", good, missing, missing, "who knows", []string{"a", "b"}, pull.NodeCredentialsUnknown, nil},
		{"no refusal, no doubt", good, good, good, "who knows", []string{"a", "b"}, good, nil},
		{"one that is gone", missing, good, good, "", []string{"c"}, missing, nil},
	}
	image, err := reference.ParseNormalizedNamed("a.example.com/app:1")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, b := &asker{reason: tt.a}, &asker{reason: tt.b}
			prober := &Prober{Others: &asker{reason: tt.others}, Profiles: []Profile{
				{Name: "a", Registry: a, Runtimes: pull.CRIO}, {Name: "b", Registry: b, Doubt: func(reference.Named) string { return tt.doubt }},
			}}
			got := prober.Probe(t.Context(), pull.Query{Image: image, Profiles: tt.profiles, Runtimes: pull.Containerd})
			var notes []string
			for _, note := range got.Notes {
				notes = append(notes, note.Message)
			}
			if got.Reason != tt.want || !slices.Equal(notes, tt.notes) {
				t.Errorf("%s with %q, want %s with %q", got.Reason, notes, tt.want, tt.notes)
			}
			if a.asked != nil && a.asked.Runtimes != pull.CRIO || b.asked != nil && b.asked.Runtimes != pull.Containerd {
				t.Errorf("asked for runtimes %v and %v", a.asked, b.asked)
			}
		})
	}
}

// Tags are listed by whoever may.
func TestTags(t *testing.T) {
	prober := &Prober{Others: &asker{}, Profiles: []Profile{{Name: "a", Registry: &asker{}}, {Name: "b", Registry: &asker{tags: []string{"1"}}}}}
	if tags, err := prober.Tags(t.Context(), nil, pull.Credential{}); err != nil || len(tags) != 1 {
		t.Errorf("%q, %v", tags, err)
	}
	prober.Profiles = prober.Profiles[:1]
	if _, err := prober.Tags(t.Context(), nil, pull.Credential{}); err == nil {
		t.Error("nobody may, and no error")
	}
}
