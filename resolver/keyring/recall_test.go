package keyring

import (
	"context"
	"reflect"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/resolver/pull"
)

// knowing is a Source that remembers everything.
type knowing struct{ Source }

func (k knowing) RecallSecret(namespace, name string) (*corev1.Secret, bool) {
	secret, err := k.Secret(context.Background(), namespace, name)
	return secret, err == nil
}

func (k knowing) RecallServiceAccount(namespace, name string) (*corev1.ServiceAccount, bool) {
	account, err := k.ServiceAccount(context.Background(), namespace, name)
	return account, err == nil
}

// A ring that is recalled is the one that would be opened; what is not all known
// is not recalled.
func TestRecall(t *testing.T) {
	source := with(login("regcred", "a.example.com", "alice"), login("other", "b.example.com", "bob"))
	source.accounts = map[string]*corev1.ServiceAccount{"shop/default": account("default", "other")}
	for name, test := range map[string]struct {
		pod   Pod
		known bool
	}{
		"its own":         {Pod{Namespace: "shop", PullSecrets: []string{"regcred", "", "regcred", "other"}}, true},
		"the account's":   {Pod{Namespace: "shop", InheritsSecrets: true}, true},
		"none":            {Pod{Namespace: "shop"}, true},
		"one is unknown":  {Pod{Namespace: "shop", PullSecrets: []string{"regcred", "new"}}, false},
		"unknown account": {Pod{Namespace: "shop", ServiceAccount: "new", InheritsSecrets: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			known := &Keyring{Source: knowing{source}, Hidden: DefaultHiddenHosts()}
			ring, ok := known.Recall(t.Context(), test.pod)
			if ok != test.known {
				t.Fatalf("recalled: %t", ok)
			}
			if !ok {
				return
			}
			for _, image := range []string{"a.example.com/app", "b.example.com/app", "nginx"} {
				got, want := ring.Lookup(t.Context(), named(t, image)), known.Open(t.Context(), test.pod).Lookup(t.Context(), named(t, image))
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%s: %+v, want %+v", image, got, want)
				}
			}
		})
	}
	if _, ok := (&Keyring{Source: source}).Recall(t.Context(), Pod{}); ok {
		t.Error("a source without memory remembers")
	}
	if _, ok := (&Keyring{Source: knowing{source}, Node: []NodeSource{nil}}).Recall(t.Context(), Pod{}); ok {
		t.Error("nodes were not asked")
	}
}

// Equal secrets are parsed once, and stay two: each credential is of its own
// secret.
func TestEqualSecretsStayTwo(t *testing.T) {
	first, second := login("regcred", "a.example.com", "alice"), login("pull", "a.example.com", "alice")
	second.Namespace = "bakery"
	source := with(first, second)
	k := &Keyring{Source: source}
	for namespace, name := range map[string]string{"shop": "regcred", "bakery": "pull"} {
		ring := k.Open(t.Context(), Pod{Namespace: namespace, PullSecrets: []string{name}})
		found := ring.Lookup(t.Context(), named(t, "a.example.com/app")).Credentials
		if len(found) != 1 || found[0].Source() != pull.Secret(namespace, name) {
			t.Errorf("%s: %v", namespace, found)
		}
	}
	if n := k.contents.kept.Len(); n != 1 {
		t.Errorf("%d contents are kept", n)
	}
}
