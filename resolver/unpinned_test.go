package resolver

import (
	"context"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/pullgate/pullgate/resolver/pull"
)

func TestUnpinnedTag(t *testing.T) {
	tests := []struct {
		name, image string
		answer      pull.Finding
		want        string // empty: no note
	}{
		{"a tag", "nginx:1.29", pull.Finding{Reason: pull.ReasonPullable}, "pin nginx:1.29@" + someDigest + ", since the tag 1.29 can move"},
		{"no tag", "nginx", pull.Finding{Reason: pull.ReasonPullable}, "pin nginx@" + someDigest + ", since the tag latest can move"},
		{"a registry", private, pull.Finding{Reason: pull.ReasonPullable}, "pin " + private + "@" + someDigest + ", since the tag 1 can move"},
		{"a digest", "nginx@" + someDigest, pull.Finding{Reason: pull.ReasonPullable}, ""},
		{"both", "nginx:1.29@" + someDigest, pull.Finding{Reason: pull.ReasonPullable}, ""},
		{"broken", "nginx:1.29", pull.Finding{Reason: pull.PlatformMismatch}, ""},
		{"unknown", "nginx:1.29", pull.Finding{Reason: pull.RateLimited}, ""},
		{"no name", "nginx:1.29 ", pull.Finding{}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.answer.Digest = digest.Digest(someDigest)
			resolver, prober, _ := remembering(shop(nil), nil)
			prober.during = func(context.Context, pull.Query) *pull.Finding { return &test.answer }
			for _, resolver.Unpinned = range []bool{false, true, true} { // the third time from memory
				result, want := resolveOne(t, resolver, deployment(nil, test.image)), test.want
				if !resolver.Unpinned {
					want = ""
				}
				got := ""
				for _, note := range result.Notes {
					got += string(note.Reason) + ": " + note.Message
				}
				if want != "" {
					want = "UnpinnedTag: " + want
				}
				if got != want {
					t.Errorf("switched on %t: notes %q, want %q", resolver.Unpinned, got, want)
				}
			}
		})
	}
}

func TestUnpinnedTagWithoutADigest(t *testing.T) {
	resolver := newResolver(shop(nil), answering(pull.ReasonPullable))
	resolver.Unpinned = true
	if result := resolveOne(t, resolver, deployment(nil, "nginx:1.29")); hasNote(result, pull.UnpinnedTag) {
		t.Errorf("notes %v", result.Notes)
	}
}
