package wording

import (
	"strings"
	"testing"

	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
)

func named(t *testing.T, image string) reference.Named {
	t.Helper()
	parsed, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		t.Fatal(err)
	}
	return reference.TagNameOnly(parsed)
}

// TestATrialReason: a reason that is added to the catalogue has words without
// more.
func TestATrialReason(t *testing.T) {
	entry := pull.Entry{
		Reason: "Trial", Verdict: pull.Broken, Summary: "{registry} is tried", Hint: "try it",
	}
	words := describe(entry, &pull.Facts{
		Written: "reg.example.com/app:1", Named: named(t, "reg.example.com/app:1"),
		Finding:  pull.Finding{Reason: "Trial", Detail: "it said so", Node: "failed"},
		Attempts: []pull.Attempt{{Source: pull.Secret("shop", "regcred"), Outcome: pull.Accepted}},
	})
	want := Words{
		Summary:  "reg.example.com is tried",
		Evidence: "it said so, asked with secret/shop/regcred (accepted)",
		Message:  "reg.example.com is tried: it said so, asked with secret/shop/regcred (accepted)",
		Hint:     "try it", Node: "failed",
	}
	if words != want {
		t.Errorf("got\n%+v\nwant\n%+v", words, want)
	}
}

// TestWordsAreSupported: a message is the summary and the evidence, whatever
// they hold.
func TestWordsAreSupported(t *testing.T) {
	for _, test := range []struct {
		name     string
		facts    pull.Facts
		evidence string
		message  string
	}{
		{"an address of IPv6, which begins like a separator", pull.Facts{Finding: pull.Finding{Reason: pull.AddressForbidden, Detail: "::1 is a loopback address"}},
			"::1 is a loopback address", "not checked: reg.example.com leads to an address that is not dialled on behalf of a Pod: ::1 is a loopback address"},
		{"credentials alone", pull.Facts{Finding: pull.Finding{Reason: pull.RateLimited}, Attempts: []pull.Attempt{{Outcome: pull.Undecided}}},
			"asked without credentials", "not checked: reg.example.com limits the rate of requests, asked without credentials"},
		{"what could not be read", pull.Facts{Finding: pull.Finding{Reason: pull.RegistryError, Detail: "it is down"}, Incomplete: "pull secret shop/a could not be read"},
			"it is down; pull secret shop/a could not be read", "not checked: reg.example.com gave no usable answer: it is down; pull secret shop/a could not be read"},
		{"nothing more", pull.Facts{Finding: pull.Finding{Reason: pull.Timeout}}, "", "not checked: reg.example.com did not answer in time"},
		{"a slip of ours", pull.Facts{Finding: pull.Finding{Reason: "NoSuchReason", Detail: "whatever"}}, "", InternalError},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.facts.Written, test.facts.Named = "reg.example.com/app:1", named(t, "reg.example.com/app:1")
			words := Describe(&test.facts)
			if words.Evidence != test.evidence || words.Message != test.message {
				t.Errorf("got %q and %q", words.Evidence, words.Message)
			}
		})
	}
}

// TestSettingsOfNodes: what nodes of k3s may have of their own is said.
func TestSettingsOfNodes(t *testing.T) {
	for said, want := range map[pull.Reason]string{
		pull.TagNotFound:         "does not show it, but nodes of k3s or RKE2",
		pull.CredentialsRequired: "refused, but nodes of k3s or RKE2",
	} {
		words := Describe(&pull.Facts{
			Named: named(t, "reg.example.com/app:1"), Settings: true, Said: said,
			Finding: pull.Finding{Reason: pull.NodeCredentialsUnknown},
		})
		if !strings.Contains(words.Summary, want) || !strings.Contains(words.Hint, "registries.hostsDir") {
			t.Errorf("%s: got %+v", said, words)
		}
	}
}

// TestFlaws: what is to be seen of a refused credential comes before its renewal.
func TestFlaws(t *testing.T) {
	for flaws, want := range map[pull.Flaws]string{
		0:                                "renew the password in pull secret shop/a, or ask",
		pull.SpaceAtEnds:                 "take away the white space at an end of the user name or password in pull secret shop/a",
		pull.QuotesAtEnds:                "take away the quotation marks",
		pull.AuthDiffers:                 "make auth say what username and password say in pull secret shop/a",
		pull.Unfilled | pull.SpaceAtEnds: "fill in the placeholder",
	} {
		words := Describe(&pull.Facts{
			Named: named(t, "reg.example.com/app:1"), Finding: pull.Finding{Reason: pull.CredentialsRejected},
			Attempts: []pull.Attempt{{Source: pull.Secret("shop", "a"), Outcome: pull.Rejected, Flaws: flaws}},
		})
		if !strings.HasPrefix(words.Hint, want) || !strings.Contains(words.Hint, "renew the password in pull secret shop/a") {
			t.Errorf("%b: %s", flaws, words.Hint)
		}
	}
}

// TestPlatforms: the label is named in which nodes and entries differ.
func TestPlatforms(t *testing.T) {
	linux, arm := ocispec.Platform{OS: "linux", Architecture: "amd64"}, ocispec.Platform{OS: "linux", Architecture: "arm64"}
	older := ocispec.Platform{OS: "windows", Architecture: "amd64", OSVersion: "10.0.17763"}
	newer := ocispec.Platform{OS: "windows", Architecture: "amd64", OSVersion: "10.0.20348.1"}
	const hint = "build the image for these platforms too, or keep its Pods on nodes that it is for"
	for _, test := range []struct {
		name           string
		nodes, offered []ocispec.Platform
		want           string
	}{
		{"an architecture", []ocispec.Platform{arm}, []ocispec.Platform{linux}, hint + " with a nodeSelector on kubernetes.io/arch"},
		{"an operating system", []ocispec.Platform{linux}, []ocispec.Platform{newer}, hint + " with a nodeSelector on kubernetes.io/os"},
		{"a build of Windows", []ocispec.Platform{older}, []ocispec.Platform{newer}, hint + " with a nodeSelector on node.kubernetes.io/windows-build"},
		{"several", []ocispec.Platform{older, linux, arm}, []ocispec.Platform{newer}, hint + " with a nodeSelector on node.kubernetes.io/windows-build and kubernetes.io/os"},
		{"nothing is offered", []ocispec.Platform{linux}, nil, hint},
	} {
		t.Run(test.name, func(t *testing.T) {
			words := Describe(&pull.Facts{
				Named: named(t, "reg.example.com/app:1"), Platforms: test.nodes,
				Finding: pull.Finding{Reason: pull.PlatformMismatch, Offered: test.offered},
			})
			if words.Hint != test.want {
				t.Errorf("got %q", words.Hint)
			}
		})
	}
}
