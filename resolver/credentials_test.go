package resolver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/pull"
)

const private = "reg.example.com/app:1"

// What several credentials come to, each tried in the order of the secrets.
func TestCredentialsInOrder(t *testing.T) {
	secrets := map[string]*corev1.Secret{
		"a": pullSecret("reg.example.com", "ann"), "b": pullSecret("reg.example.com", "bob"),
		"other": pullSecret("other.example.com", "ole"),
	}
	tests := []struct {
		name     string
		list     []string
		answers  map[string]pull.Reason
		want     pull.Reason
		asked    []string
		outcomes []pull.Attempt
	}{
		{"none matches: anonymously", []string{"other"}, map[string]pull.Reason{private: pull.ReasonPullable}, pull.ReasonPullable,
			[]string{""}, []pull.Attempt{{Source: pull.Source{}, Outcome: pull.Accepted}}},
		{"the first one pulls", []string{"a", "b"}, map[string]pull.Reason{private: pull.ReasonPullable}, pull.ReasonPullable,
			[]string{"ann"}, []pull.Attempt{{Source: pull.Secret("shop", "a"), Outcome: pull.Accepted}, {Source: pull.Secret("shop", "b"), Outcome: pull.Unused}}},
		{"the second one pulls", []string{"a", "b"}, map[string]pull.Reason{private + " as ann": pull.CredentialsRejected, private + " as bob": pull.ReasonPullable}, pull.ReasonPullable,
			[]string{"ann", "bob"}, []pull.Attempt{{Source: pull.Secret("shop", "a"), Outcome: pull.Rejected}, {Source: pull.Secret("shop", "b"), Outcome: pull.Accepted}}},
		{"in the order of the list", []string{"b", "a"}, map[string]pull.Reason{private + " as ann": pull.CredentialsRejected, private + " as bob": pull.ReasonPullable}, pull.ReasonPullable,
			[]string{"bob"}, []pull.Attempt{{Source: pull.Secret("shop", "b"), Outcome: pull.Accepted}, {Source: pull.Secret("shop", "a"), Outcome: pull.Unused}}},
		{"never anonymously after a match", []string{"a"}, map[string]pull.Reason{private + " as ann": pull.CredentialsRejected, private + " as ": pull.ReasonPullable}, pull.CredentialsRejected,
			[]string{"ann"}, []pull.Attempt{{Source: pull.Secret("shop", "a"), Outcome: pull.Rejected}}},
		{"one that is unknown", []string{"a", "b"}, map[string]pull.Reason{private + " as ann": pull.CredentialsRejected, private + " as bob": pull.RateLimited}, pull.RateLimited,
			[]string{"ann", "bob"}, []pull.Attempt{{Source: pull.Secret("shop", "a"), Outcome: pull.Rejected}, {Source: pull.Secret("shop", "b"), Outcome: pull.Undecided}}},
		{"one that is unknown comes first", []string{"a", "b"}, map[string]pull.Reason{private + " as ann": pull.RegistryError, private + " as bob": pull.TagNotFound}, pull.RegistryError,
			[]string{"ann", "bob"}, []pull.Attempt{{Source: pull.Secret("shop", "a"), Outcome: pull.Undecided}, {Source: pull.Secret("shop", "b"), Outcome: pull.Accepted}}},
		{"a reason outside the set", []string{"a"}, map[string]pull.Reason{private: ""}, "",
			[]string{"ann"}, []pull.Attempt{{Source: pull.Secret("shop", "a"), Outcome: pull.Undecided}}},
		{"not found beats rejected", []string{"a", "b"}, map[string]pull.Reason{private + " as ann": pull.TagNotFound, private + " as bob": pull.CredentialsRejected}, pull.TagNotFound,
			[]string{"ann", "bob"}, []pull.Attempt{{Source: pull.Secret("shop", "a"), Outcome: pull.Accepted}, {Source: pull.Secret("shop", "b"), Outcome: pull.Rejected}}},
		{"and does so behind it", []string{"a", "b"}, map[string]pull.Reason{private + " as ann": pull.CredentialsRejected, private + " as bob": pull.RepositoryNotFound}, pull.RepositoryNotFound,
			[]string{"ann", "bob"}, []pull.Attempt{{Source: pull.Secret("shop", "a"), Outcome: pull.Rejected}, {Source: pull.Secret("shop", "b"), Outcome: pull.Accepted}}},
		{"all are rejected", []string{"a", "b"}, map[string]pull.Reason{private: pull.CredentialsRejected}, pull.CredentialsRejected,
			[]string{"ann", "bob"}, []pull.Attempt{{Source: pull.Secret("shop", "a"), Outcome: pull.Rejected}, {Source: pull.Secret("shop", "b"), Outcome: pull.Rejected}}},
		{"nobody may without", nil, map[string]pull.Reason{private: pull.CredentialsRequired}, pull.CredentialsRequired,
			[]string{""}, []pull.Attempt{{Source: pull.Source{}, Outcome: pull.Rejected}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			registry := &registries{answers: test.answers}
			result := resolveOne(t, newResolver(shop(secrets), registry), deployment(test.list, private))
			wantReason(t, result, test.want)
			var asked []string
			for _, user := range test.asked {
				asked = append(asked, private+" as "+user)
			}
			if got := registry.probes(); !slices.Equal(got, asked) {
				t.Errorf("asked %q, want %q", got, asked)
			}
			if test.want != pull.ReasonPullable && hasNote(result, pull.PullSecretRejected) {
				t.Error("a note on a secret that was refused like all others")
			}
			if !slices.Equal(result.Credentials, test.outcomes) {
				t.Errorf("attempts %v, want %v", result.Credentials, test.outcomes)
			}
		})
	}
}

// The decision of several findings, in every order.
func TestDecideFindings(t *testing.T) {
	tests := []struct {
		findings []pull.Reason
		want     pull.Reason
	}{
		{[]pull.Reason{pull.CredentialsRejected, pull.ReasonPullable}, pull.ReasonPullable},
		{[]pull.Reason{pull.CredentialsRejected, pull.CredentialsRequired}, pull.CredentialsRejected},
		{[]pull.Reason{pull.CredentialsRequired, pull.CredentialsRejected}, pull.CredentialsRejected},
		{[]pull.Reason{pull.TagNotFound, pull.PlatformMismatch}, pull.TagNotFound},
		{[]pull.Reason{pull.CredentialsRejected, pull.UnsupportedImage}, pull.UnsupportedImage},
		{[]pull.Reason{pull.TagNotFound, pull.Timeout}, pull.Timeout},
		{[]pull.Reason{pull.Timeout, pull.TagNotFound}, pull.Timeout},
		{[]pull.Reason{pull.TagNotFound, ""}, ""},
		{[]pull.Reason{pull.Exempt, pull.TagNotFound}, pull.Exempt},
	}
	for _, test := range tests {
		var findings []pull.Finding
		for _, reason := range test.findings {
			findings = append(findings, pull.Finding{Reason: reason})
		}
		if got := pull.InTurn(findings).Reason; got != test.want {
			t.Errorf("%v come to %s, want %s", test.findings, got, test.want)
		}
	}
}

func TestPullSecrets(t *testing.T) {
	secrets := map[string]*corev1.Secret{
		"good":      pullSecret("reg.example.com", "ann"),
		"malformed": secretOf(corev1.SecretTypeDockerConfigJson, `{"auths":{"x.example.com":{"auth":"§"}}}`),
		"opaque":    secretOf(corev1.SecretTypeOpaque, `{"auths":{}}`),
		"other":     pullSecret("other.example.com", "ole"),
	}
	needsAnn := map[string]pull.Reason{private: pull.CredentialsRequired, private + " as ann": pull.ReasonPullable}
	tests := []struct {
		name string
		list []string
		want pull.Reason
		note pull.NoteReason
		hint string
	}{
		{"malformed", []string{"malformed"}, pull.PullSecretMalformed, "", "create shop/malformed anew"},
		{"malformed beside a good one", []string{"good", "malformed"}, pull.PullSecretMalformed, "", "create shop/malformed anew"},
		{"missing", []string{"gone"}, pull.CredentialsRequired, pull.PullSecretMissing, "shop/gone does not exist"},
		{"missing beside a good one", []string{"gone", "good"}, pull.ReasonPullable, pull.PullSecretMissing, ""},
		{"of the wrong type", []string{"opaque"}, pull.CredentialsRequired, pull.PullSecretIgnored, "kubectl create secret docker-registry"},
		{"for another registry", []string{"other"}, pull.CredentialsRequired, pull.PullSecretUnmatched, "has no entry for reg.example.com/app"},
		{"none at all", nil, pull.CredentialsRequired, "", "add a pull secret for reg.example.com to imagePullSecrets of the Pod or of its ServiceAccount default"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			result := resolveOne(t, newResolver(shop(secrets), &registries{answers: needsAnn}), deployment(test.list, private))
			wantReason(t, result, test.want)
			if test.note != "" && !hasNote(result, test.note) {
				t.Errorf("no note %s: %+v", test.note, result.Notes)
			}
			if !strings.Contains(result.Hint, test.hint) {
				t.Errorf("hint %q lacks %q", result.Hint, test.hint)
			}
		})
	}
}

func TestServiceAccount(t *testing.T) {
	answers := map[string]pull.Reason{private: pull.CredentialsRequired, private + " as ann": pull.ReasonPullable, private + " as bob": pull.CredentialsRejected}
	from := shop(map[string]*corev1.Secret{"a": pullSecret("reg.example.com", "ann"), "b": pullSecret("reg.example.com", "bob")})
	from.accounts["shop/builder"] = account("a")
	tests := []struct {
		name     string
		account  string
		list     []string
		inherits bool
		want     pull.Reason
	}{
		{"its secrets are the Pod's", "builder", nil, true, pull.ReasonPullable},
		{"but where the Pod lists its own", "builder", []string{"b"}, true, pull.CredentialsRejected},
		{"even an empty one", "builder", []string{""}, true, pull.CredentialsRequired},
		{"nor for a Pod that exists", "builder", nil, false, pull.CredentialsRequired},
		{"an account without any", "default", nil, true, pull.CredentialsRequired},
		{"an account that does not exist", "gone", nil, true, pull.NodeCredentialsUnknown},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := deployment(test.list, private)
			w.Templates[0].ServiceAccount, w.Templates[0].InheritsSecrets = test.account, test.inherits
			result := resolveOne(t, newResolver(from, &registries{answers: answers}), w)
			wantReason(t, result, test.want)
			if test.account == "gone" && !strings.Contains(result.Message, "ServiceAccount shop/gone does not exist") {
				t.Errorf("the message does not name the account: %s", result.Message)
			}
		})
	}
}

// While the API server cannot be asked for secrets, nothing is refused that
// they might open.
func TestUnreachableAPIServer(t *testing.T) {
	refusals := []pull.Reason{pull.CredentialsRequired, pull.CredentialsRejected, pull.TagNotFound, pull.DigestNotFound, pull.RepositoryNotFound}
	for _, refusal := range refusals {
		from := shop(nil)
		from.err = errors.New("dial tcp 10.0.0.1:443: connection refused")
		for name, list := range map[string][]string{"secret": {"a"}, "account": nil} {
			resolver := newResolver(from, &registries{answers: map[string]pull.Reason{private: refusal}, tags: map[string][]string{"reg.example.com/app": {"2"}}})
			resolver.Fresh = resolver.Credentials
			result := resolveOne(t, resolver, deployment(list, private))
			wantReason(t, result, pull.NodeCredentialsUnknown)
			if !strings.Contains(result.Message, "connection refused") {
				t.Errorf("%s %s: the message does not say why: %s", refusal, name, result.Message)
			}
		}
	}
	from := shop(nil)
	from.err = errors.New("down")
	result := resolveOne(t, newResolver(from, &registries{answers: map[string]pull.Reason{private: pull.ReasonPullable}}), deployment([]string{"a"}, private))
	wantReason(t, result, pull.ReasonPullable) // a public image needs no secret
}

// A Pod none of whose images need a credential reads no secret.
func TestSecretsAreReadWhenNeeded(t *testing.T) {
	from := shop(nil)
	w := deployment([]string{"a"}, "Not valid", private)
	w.Templates[0].Images[1].Policy = corev1.PullNever
	newResolver(from, &registries{}).Resolve(t.Context(), w)
	if from.reads != 0 {
		t.Errorf("%d reads", from.reads)
	}
}

func TestHiddenCredentials(t *testing.T) {
	readable := map[string][]string{"reg.example.com/app": {"2"}}
	tests := []struct {
		name   string
		hidden string
		answer pull.Reason
		tags   map[string][]string
		want   pull.Reason
	}{
		{"refused without", "*.example.com", pull.CredentialsRequired, readable, pull.NodeCredentialsUnknown},
		{"refused with", "*.example.com", pull.CredentialsRejected, readable, pull.NodeCredentialsUnknown},
		{"not found in what can be read", "*.example.com", pull.TagNotFound, readable, pull.TagNotFound},
		{"not found in what cannot", "*.example.com", pull.TagNotFound, nil, pull.NodeCredentialsUnknown},
		{"no such repository, maybe", "*.example.com", pull.RepositoryNotFound, nil, pull.NodeCredentialsUnknown},
		{"what else is said counts", "*.example.com", pull.PlatformMismatch, nil, pull.PlatformMismatch},
		{"refused elsewhere", "*.example.net", pull.CredentialsRequired, nil, pull.CredentialsRequired},
		{"not found elsewhere", "*.example.net", pull.TagNotFound, nil, pull.TagNotFound},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			resolver := newResolver(shop(nil), &registries{answers: map[string]pull.Reason{private: test.answer}, tags: test.tags})
			resolver.Credentials = &keyring.Keyring{Source: shop(nil), Hidden: []string{test.hidden}}
			wantReason(t, resolveOne(t, resolver, deployment(nil, private)), test.want)
		})
	}
}

// identity is a credential of nodes that is known here.
type identity struct{ pull.Credential }

func (i identity) Lookup(context.Context, *keyring.Account, string) ([]pull.Credential, error) {
	return []pull.Credential{i.Credential}, nil
}

// Our own identity in a cloud may not be what the nodes' may: its refusal proves
// nothing. What such a cloud does not find for it is not there, though it may
// not list the tags.
func TestHiddenFromOurIdentity(t *testing.T) {
	tests := []struct {
		source       pull.Source
		answer, want pull.Reason
		hint         string
	}{
		{pull.Source{Kind: pull.FromCloud, Name: pull.ECR}, pull.CredentialsRejected, pull.NodeCredentialsUnknown, "let the nodes' identity, and pullgate's"},
		{pull.Source{Kind: pull.FromCloud, Name: pull.ECR}, pull.TagNotFound, pull.TagNotFound, "correct the tag"},
		{pull.Source{Kind: pull.FromCloud, Name: pull.ECR}, pull.RepositoryNotFound, pull.NodeCredentialsUnknown, "correct the repository's name"},
		{pull.Source{Kind: pull.FromNode, Name: "config.json"}, pull.TagNotFound, pull.NodeCredentialsUnknown, "let pullgate ask as nodes do"},
	}
	for _, test := range tests {
		t.Run(test.source.String()+" "+string(test.answer), func(t *testing.T) {
			resolver := newResolver(shop(nil), &registries{answers: map[string]pull.Reason{private: test.answer}})
			resolver.Credentials = &keyring.Keyring{
				Source: shop(nil), Hidden: []string{"*.example.com"},
				Node: []keyring.NodeSource{identity{pull.NewCredential(test.source, "user", "password")}},
			}
			result := resolveOne(t, resolver, deployment(nil, private))
			wantReason(t, result, test.want)
			if !strings.HasPrefix(result.Hint, test.hint) {
				t.Errorf("the hint is %q", result.Hint)
			}
		})
	}
}

func TestSecretRefusedThoughAnotherWorks(t *testing.T) {
	from := shop(map[string]*corev1.Secret{"old": pullSecret("reg.example.com", "old"), "new": pullSecret("reg.example.com", "new")})
	result := resolveOne(t, newResolver(from, &registries{answers: map[string]pull.Reason{
		private + " as old": pull.CredentialsRejected, private + " as new": pull.ReasonPullable,
	}}), deployment([]string{"old", "new"}, private))
	wantReason(t, result, pull.ReasonPullable)
	if len(result.Notes) != 1 || result.Notes[0].Reason != pull.PullSecretRejected || result.Notes[0].Secret != pull.Secret("shop", "old") {
		t.Errorf("notes %+v", result.Notes)
	}
}

// What may exist elsewhere excuses a refusal, but not what is missing for
// everybody.
func TestCredentialsElsewhere(t *testing.T) {
	from := shop(nil)
	from.err = fmt.Errorf("not among the manifests: %w", keyring.ErrElsewhere)
	listed := map[string][]string{"reg.example.com/app": {"2"}}
	for _, test := range []struct {
		answer pull.Reason
		tags   map[string][]string
		want   pull.Reason
	}{
		{pull.CredentialsRequired, listed, pull.NodeCredentialsUnknown},
		{pull.TagNotFound, listed, pull.TagNotFound},
		{pull.TagNotFound, nil, pull.NodeCredentialsUnknown},
		{pull.ReasonPullable, nil, pull.ReasonPullable},
	} {
		registry := &registries{answers: map[string]pull.Reason{private: test.answer}, tags: test.tags}
		result := resolveOne(t, newResolver(from, registry), deployment([]string{"a"}, private))
		wantReason(t, result, test.want)
		if test.want == pull.NodeCredentialsUnknown && !strings.Contains(result.Message, "shop/a") {
			t.Errorf("the message does not name the secret: %s", result.Message)
		}
	}
}

// One secret with thousands of entries that match costs a bounded number of
// requests, and no refusal.
func TestMoreCredentialsThanAreTried(t *testing.T) {
	secrets, names := map[string]*corev1.Secret{}, []string{}
	for i := range maxTried + 5 {
		name := fmt.Sprintf("s%02d", i)
		names = append(names, name)
		secrets[name] = pullSecret("reg.example.com", name)
	}
	registry := &registries{answers: map[string]pull.Reason{private: pull.CredentialsRejected}}
	result := resolveOne(t, newResolver(shop(secrets), registry), deployment(names, private))
	wantReason(t, result, pull.NodeCredentialsUnknown)
	if len(registry.asked) != maxTried {
		t.Errorf("%d requests, want %d", len(registry.asked), maxTried)
	}
}

// A credential that matches and was never shown, since the registry asked for
// none that nodes know, was not rejected.
func TestACredentialThatIsNotSent(t *testing.T) {
	from := shop(map[string]*corev1.Secret{"mine": pullSecret("reg.example.com", "ann")})
	result := resolveOne(t, newResolver(from, answering(pull.CredentialsRequired)), deployment([]string{"mine"}, private))
	wantReason(t, result, pull.CredentialsRequired)
	if want := []pull.Attempt{{Source: pull.Secret("shop", "mine"), Outcome: pull.Unsent}}; !slices.Equal(result.Credentials, want) {
		t.Errorf("got %v, want %v", result.Credentials, want)
	}
	if !strings.Contains(result.Hint, "nodes show theirs to nothing else") {
		t.Errorf("hint %q", result.Hint)
	}
}
