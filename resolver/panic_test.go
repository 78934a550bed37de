package resolver

import (
	"context"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/pull"
)

// A bug of ours denies nothing.
func TestPanics(t *testing.T) {
	for name, resolver := range map[string]*Resolver{
		"prober": newResolver(shop(nil), &registries{during: func(context.Context, pull.Query) *pull.Finding { panic("a bug") }}),
		"source": {Credentials: panicking{}, Registry: &registries{}},
	} {
		t.Run(name, func(t *testing.T) {
			seen := &observer{}
			resolver.Observer = seen
			report := resolver.Resolve(t.Context(), deployment([]string{"a"}, private, "Not valid", private))
			wantReason(t, report.Results[0], "") // which no configuration denies
			wantReason(t, report.Results[1], pull.InvalidImageName)
			wantReason(t, report.Results[2], "")
			if len(seen.panicked) != 1 || seen.panicked[0] != "a bug" {
				t.Errorf("observed %v", seen.panicked)
			}
			if !strings.Contains(report.Results[0].Message, "internal error of pullgate") {
				t.Errorf("message %q", report.Results[0].Message)
			}
		})
	}
}

type panicking struct{}

func (panicking) Open(context.Context, keyring.Pod) *keyring.Ring { panic("a bug") }
