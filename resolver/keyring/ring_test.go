package keyring

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/pullgate/pullgate/resolver/pull"
)

// TestInherit: the ServiceAccount's list is taken whole or not at all.
func TestInherit(t *testing.T) {
	source := with(login("own", "quay.io", "own"), login("account", "quay.io", "account"), login("other", "quay.io", "other"))
	source.accounts = map[string]*corev1.ServiceAccount{
		"shop/default": account("default", "account"), "shop/builder": account("builder", "", "other", "account"), "shop/bare": account("bare"),
	}
	tests := map[string]struct {
		pod  Pod
		want []string
	}{
		"no list":                   {Pod{InheritsSecrets: true}, []string{"account"}},
		"a named account":           {Pod{InheritsSecrets: true, ServiceAccount: "builder"}, []string{"other", "account"}},
		"an account without a list": {Pod{InheritsSecrets: true, ServiceAccount: "bare"}, nil},
		"a list of its own":         {Pod{InheritsSecrets: true, PullSecrets: []string{"own"}}, []string{"own"}},
		"a list of one empty name":  {Pod{InheritsSecrets: true, PullSecrets: []string{""}}, nil},
		"an existing Pod":           {Pod{}, nil},
		"another namespace":         {Pod{Namespace: "elsewhere", PullSecrets: []string{"own"}}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.pod.Namespace == "" {
				test.pod.Namespace = "shop"
			}
			ring := (&Keyring{Source: source}).Open(t.Context(), test.pod)
			var got []string
			match := ring.Lookup(t.Context(), named(t, "quay.io/app"))
			for _, credential := range match.Credentials {
				got = append(got, strings.TrimPrefix(credential.Source().String(), "secret/shop/"))
			}
			if !slices.Equal(got, test.want) || match.Incomplete != "" {
				t.Errorf("tries %q (incomplete: %q), want %q", got, match.Incomplete, test.want)
			}
			if elsewhere := test.pod.Namespace != "shop"; (len(match.Notes) > 0) != elsewhere {
				t.Errorf("notes are %q", match.Notes)
			}
		})
	}
}

// TestIncomplete: whatever could not be read is said, and never passes for
// something that is not there.
func TestIncomplete(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "regcred", errors.New("no"))
	tests := map[string]struct {
		pod     Pod
		source  Source
		failure error
		want    string
	}{
		"API server unreachable":  {pod: Pod{PullSecrets: []string{"regcred"}}, failure: errUnreachable, want: "pull secret shop/regcred could not be read: connection refused"},
		"forbidden":               {pod: Pod{PullSecrets: []string{"regcred"}}, failure: forbidden, want: "pull secret shop/regcred could not be read: " + forbidden.Error()},
		"account unreachable":     {pod: Pod{InheritsSecrets: true, ServiceAccount: "regcred"}, failure: errUnreachable, want: "ServiceAccount shop/regcred could not be read, so its pull secrets are not known: connection refused"},
		"account missing":         {pod: Pod{InheritsSecrets: true}, want: "ServiceAccount shop/default does not exist: no Pod is created before it does, and its pull secrets are not known"},
		"secret of an account":    {pod: Pod{InheritsSecrets: true, ServiceAccount: "builder"}, failure: errUnreachable, want: "pull secret shop/regcred (of ServiceAccount shop/builder) could not be read: connection refused"},
		"no source":               {pod: Pod{PullSecrets: []string{"regcred"}}, source: none{}, want: "pull secret shop/regcred could not be read: there is no access to Secrets and ServiceAccounts"},
		"no source for accounts":  {pod: Pod{InheritsSecrets: true}, source: none{}, want: "ServiceAccount shop/default could not be read, so its pull secrets are not known: there is no access to Secrets and ServiceAccounts"},
		"a source without answer": {pod: Pod{PullSecrets: []string{"regcred"}}, source: mute{}, want: "pull secret shop/regcred could not be read: neither an object nor an error came"},
		"an account without one":  {pod: Pod{InheritsSecrets: true}, source: mute{}, want: "ServiceAccount shop/default could not be read, so its pull secrets are not known: neither an object nor an error came"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			source := with(login("good", "quay.io", "good"))
			source.accounts = map[string]*corev1.ServiceAccount{"shop/builder": account("builder", "regcred")}
			source.failures = map[string]error{"regcred": test.failure}
			ring := Keyring{Source: source}
			if test.source != nil {
				ring.Source = test.source
			}
			if test.source == (none{}) {
				ring.Source = nil
			}
			test.pod.Namespace = "shop"
			match := ring.Open(t.Context(), test.pod).Lookup(t.Context(), named(t, "quay.io/app"))
			if match.Incomplete != test.want || match.Malformed != nil || len(match.Notes) > 0 {
				t.Errorf("incomplete is %q (malformed %v, notes %v), want %q", match.Incomplete, match.Malformed, match.Notes, test.want)
			}
		})
	}
}

// none stands for no Source at all.
type none struct{ Source }

// mute answers nothing.
type mute struct{}

func (mute) Secret(context.Context, string, string) (*corev1.Secret, error) { return nil, nil }
func (mute) ServiceAccount(context.Context, string, string) (*corev1.ServiceAccount, error) {
	return nil, nil
}

// TestUnreadBesideOthers: what could be read still counts.
func TestUnreadBesideOthers(t *testing.T) {
	source := with(login("good", "quay.io", "good"), configJSON("bad", "{"))
	source.failures = map[string]error{"lost": errUnreachable}
	match := lookup(t, source, "quay.io/app", "lost", "good")
	if got := tried(match.Credentials); len(got) != 1 || match.Incomplete == "" {
		t.Errorf("tries %q (incomplete: %q), want the good one and a word on the other", got, match.Incomplete)
	}
	match = lookup(t, source, "quay.io/app", "lost", "bad")
	if match.Malformed == nil || match.Incomplete == "" {
		t.Errorf("malformed %v, incomplete %q, want both", match.Malformed, match.Incomplete)
	}
}

// TestMalformed: one malformed secret spoils every look-up, the first is
// named, and the nodes are not asked any more.
func TestMalformed(t *testing.T) {
	source := with(login("good", "quay.io", "good"), configJSON("bad", `{"auths":{"ghcr.io":{"auth":"!"}}}`), dockercfg("worse", "["))
	source.accounts = map[string]*corev1.ServiceAccount{"shop/builder": account("builder", "good", "bad", "worse")}
	node := &nodes{credentials: []pull.Credential{pull.NewCredential(pull.Source{Kind: pull.FromNode, Name: "config.json"}, "n", "p")}}
	ring := (&Keyring{Source: source, Node: []NodeSource{node}}).Open(t.Context(), Pod{Namespace: "shop", ServiceAccount: "builder", InheritsSecrets: true})
	for _, image := range []string{"quay.io/app", "ghcr.io/app", "nginx"} {
		match := ring.Lookup(t.Context(), named(t, image))
		want := Malformed{Secret: "shop/bad", ServiceAccount: "shop/builder", Text: "illegal base64 data at input byte 0"}
		if match.Malformed == nil || *match.Malformed != want || len(match.Credentials) > 0 {
			t.Errorf("%s: malformed is %+v, credentials %v, want %+v", image, match.Malformed, match.Credentials, want)
		}
	}
	if len(node.asked) > 0 {
		t.Errorf("the nodes were asked for %q", node.asked)
	}
}

// TestNodesLast: the nodes' credentials follow the Pod's, in their own order,
// and equal values are tried once.
func TestNodesLast(t *testing.T) {
	first := &nodes{credentials: []pull.Credential{pull.NewCredential(pull.Source{Kind: pull.FromNode, Name: "config.json"}, "n", "p"), pull.NewCredential(pull.Source{Kind: pull.FromNode, Name: "config.json"}, "pod", "secret-of-pod")}}
	second := &nodes{credentials: []pull.Credential{pull.NewCredential(pull.Source{Kind: pull.FromProvider, Name: "ecr"}, "AWS", "t")}, err: errUnreachable}
	ring := Keyring{Source: with(login("s", "quay.io", "pod")), Node: []NodeSource{first, second}}
	match := ring.Open(t.Context(), Pod{Namespace: "shop", PullSecrets: []string{"s"}}).Lookup(t.Context(), named(t, "quay.io/app:1"))
	want := []string{"pod:secret-of-pod@secret/shop/s", "n:p@node/config.json", "AWS:t@provider/ecr"}
	if got := tried(match.Credentials); !slices.Equal(got, want) {
		t.Errorf("tries %q, want %q", got, want)
	}
	if want := "the nodes' own credentials are not all known: connection refused"; match.Incomplete != want {
		t.Errorf("incomplete is %q, want %q", match.Incomplete, want)
	}
	if !slices.Equal(first.asked, []string{"quay.io/app"}) {
		t.Errorf("the nodes were asked for %q", first.asked)
	}
}

// TestReadOnce: a name that is listed twice is read once, an empty or
// impossible one never, and not more than the limit.
func TestReadOnce(t *testing.T) {
	source := with(login("s", "quay.io", "u"))
	names := []string{"s", "", "s", "No_Such_Name", "../x"}
	match := lookup(t, source, "quay.io/app", names...)
	if len(match.Credentials) != 1 || len(source.calls) != 1 || source.calls["secret/shop/s"] != 1 {
		t.Errorf("credentials %v, calls %v, want one of each", match.Credentials, source.calls)
	}
	names = nil
	for i := range maxSecrets + 3 {
		names = append(names, fmt.Sprintf("s%d", i))
	}
	source = with()
	match = lookup(t, source, "quay.io/app", names...)
	if len(source.calls) != maxSecrets || match.Incomplete != "the Pod has 67 pull secrets, of which only the first 64 are read" {
		t.Errorf("%d calls, incomplete %q", len(source.calls), match.Incomplete)
	}
}

// rendezvous answers only when so many reads are under way at once.
type rendezvous struct {
	cluster
	waiting atomic.Int32
	full    chan struct{}
}

func (r *rendezvous) Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	if r.waiting.Add(1) == maxReads {
		close(r.full)
	}
	select {
	case <-r.full:
		return r.cluster.Secret(ctx, namespace, name)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestReadsAtOnce(t *testing.T) {
	source := &rendezvous{full: make(chan struct{})}
	var names []string
	for i := range maxReads {
		names = append(names, fmt.Sprintf("s%d", i))
	}
	ring := (&Keyring{Source: source}).Open(t.Context(), Pod{Namespace: "shop", PullSecrets: names})
	if match := ring.Lookup(t.Context(), named(t, "nginx")); len(match.Notes) != maxReads || match.Incomplete != "" {
		t.Errorf("%d notes, want %d; incomplete: %s", len(match.Notes), maxReads, match.Incomplete)
	}
}

// TestDeadline: what is not known by then is said.
func TestDeadline(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ring := (&Keyring{Source: &rendezvous{full: make(chan struct{})}}).Open(ctx, Pod{Namespace: "shop", PullSecrets: []string{"s"}})
	if got, want := ring.Lookup(ctx, named(t, "nginx")).Incomplete, "pull secret shop/s could not be read: context canceled"; got != want {
		t.Errorf("incomplete is %q, want %q", got, want)
	}
}
