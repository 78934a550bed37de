package resolver

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/nodes"
	"github.com/pullgate/pullgate/resolver/pull"
)

// remembering is a resolver with a cache, and the registry behind it.
func remembering(from *objects, answers map[string]pull.Reason) (*Resolver, *registries, *observer) {
	prober, seen := &registries{answers: answers}, &observer{}
	resolver := newResolver(from, prober)
	resolver.Cache, resolver.Observer = NewCache(100, time.Minute), seen
	return resolver, prober, seen
}

func wantProbes(t *testing.T, prober *registries, want int) {
	t.Helper()
	if got := prober.probes(); len(got) != want {
		t.Errorf("asked %q, want %d questions", got, want)
	}
}

func TestCacheKeepsForItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		resolver, prober, seen := remembering(shop(nil), map[string]pull.Reason{private: pull.ReasonPullable})
		for range 3 {
			result := resolveOne(t, resolver, deployment(nil, private))
			wantReason(t, result, pull.ReasonPullable)
			if result.Digest != someDigest || len(result.Credentials) != 1 {
				t.Errorf("digest %q, credentials %v", result.Digest, result.Credentials)
			}
		}
		wantProbes(t, prober, 1)
		if seen.hits != 2 || seen.misses != 1 {
			t.Errorf("%d hits and %d misses", seen.hits, seen.misses)
		}
		time.Sleep(time.Minute)
		resolveOne(t, resolver, deployment(nil, private))
		wantProbes(t, prober, 0)
		time.Sleep(time.Nanosecond)
		prober.set(private, pull.TagNotFound)
		wantReason(t, resolveOne(t, resolver, deployment(nil, private)), pull.TagNotFound)
		wantProbes(t, prober, 1)
	})
}

// The user pushes what was missing, or is given access, and tries again.
func TestCacheKeepsNoRefusal(t *testing.T) {
	for _, reason := range []pull.Reason{pull.TagNotFound, pull.CredentialsRequired, pull.PlatformMismatch, pull.RateLimited, pull.Timeout, ""} {
		resolver, prober, _ := remembering(shop(nil), map[string]pull.Reason{private: reason})
		wantReason(t, resolveOne(t, resolver, deployment(nil, private)), reason)
		prober.set(private, pull.ReasonPullable)
		wantReason(t, resolveOne(t, resolver, deployment(nil, private)), pull.ReasonPullable)
	}
}

// What one tenant could pull says nothing to another.
func TestCacheIsByCredentials(t *testing.T) {
	from := shop(map[string]*corev1.Secret{
		"ann": pullSecret("reg.example.com", "ann"), "bob": pullSecret("reg.example.com", "bob"), "copy": pullSecret("reg.example.com", "ann"),
	})
	from.accounts["bakery/default"], from.secrets["bakery/ann"] = account(), pullSecret("reg.example.com", "ann")
	resolver, prober, _ := remembering(from, map[string]pull.Reason{private: pull.CredentialsRequired,
		private + " as ann": pull.ReasonPullable, private + " as bob": pull.CredentialsRejected})
	wantReason(t, resolveOne(t, resolver, deployment([]string{"ann"}, private)), pull.ReasonPullable)
	wantProbes(t, prober, 1)

	wantReason(t, resolveOne(t, resolver, deployment([]string{"bob"}, private)), pull.CredentialsRejected)
	wantReason(t, resolveOne(t, resolver, deployment(nil, private)), pull.CredentialsRequired)
	wantProbes(t, prober, 2)
	wantReason(t, resolveOne(t, resolver, deployment([]string{"bob", "ann"}, private)), pull.ReasonPullable)
	wantProbes(t, prober, 2) // the order belongs to the question: bob's is asked first

	same := resolveOne(t, resolver, deployment([]string{"copy"}, private))
	wantReason(t, same, pull.ReasonPullable)
	if same.Credentials[0].Source.String() != "secret/shop/copy" {
		t.Errorf("credentials %v", same.Credentials)
	}
	elsewhere := deployment([]string{"ann"}, private)
	elsewhere.Object.Namespace = "bakery"
	wantReason(t, resolveOne(t, resolver, elsewhere), pull.ReasonPullable)
	wantProbes(t, prober, 0) // the same credential, wherever it is kept
}

func TestCacheIsByImageAndPlatform(t *testing.T) {
	resolver, prober, _ := remembering(shop(nil), map[string]pull.Reason{
		"reg.example.com/app:1": pull.ReasonPullable, "reg.example.com/app:2": pull.ReasonPullable, "reg.example.com/app:latest": pull.ReasonPullable,
	})
	var all []nodes.Node
	resolver.Nodes = func() []nodes.Node { return all }
	for _, image := range []string{"reg.example.com/app:1", "reg.example.com/app:2", "reg.example.com/app", "reg.example.com/app:latest"} {
		wantReason(t, resolveOne(t, resolver, deployment(nil, image)), pull.ReasonPullable)
	}
	wantProbes(t, prober, 3)
	all = []nodes.Node{nodeWith("a", "linux", "arm64")}
	resolveOne(t, resolver, deployment(nil, private))
	wantProbes(t, prober, 1)
	all = []nodes.Node{nodeWith("b", "linux", "arm64"), nodeWith("c", "linux", "arm64")}
	resolveOne(t, resolver, deployment(nil, private))
	wantProbes(t, prober, 0)
}

func TestCacheIsBounded(t *testing.T) {
	resolver, prober, _ := remembering(shop(nil), map[string]pull.Reason{})
	resolver.Cache = NewCache(2, time.Hour)
	for _, tag := range []string{"1", "2", "3", "1"} {
		prober.set("reg.example.com/app:"+tag, pull.ReasonPullable)
		resolveOne(t, resolver, deployment(nil, "reg.example.com/app:"+tag))
	}
	wantProbes(t, prober, 4)
}

func TestNoCache(t *testing.T) {
	for _, cache := range []*Cache{NewCache(0, time.Minute), NewCache(10, 0), NewCache(-1, -1)} {
		resolver, prober, _ := remembering(shop(nil), map[string]pull.Reason{private: pull.ReasonPullable})
		resolver.Cache = cache
		resolveOne(t, resolver, deployment(nil, private))
		resolveOne(t, resolver, deployment(nil, private))
		wantProbes(t, prober, 2)
	}
}

// Before a refusal the secrets are read anew: what is remembered of them may
// be of a moment before the user put them right.
func TestFreshSecretsBeforeARefusal(t *testing.T) {
	answers := map[string]pull.Reason{private: pull.CredentialsRequired, private + " as ann": pull.ReasonPullable, private + " as old": pull.CredentialsRejected}
	now := shop(map[string]*corev1.Secret{"a": pullSecret("reg.example.com", "ann")})
	broken := shop(map[string]*corev1.Secret{"a": secretOf(corev1.SecretTypeDockerConfigJson, "{")})
	tests := []struct {
		name          string
		before, fresh *objects
		want          pull.Reason
	}{
		{"the secret was missing", shop(nil), now, pull.ReasonPullable},
		{"the secret was an old one", shop(map[string]*corev1.Secret{"a": pullSecret("reg.example.com", "old")}), now, pull.ReasonPullable},
		{"the secret was malformed", broken, now, pull.ReasonPullable},
		{"the secret was malformed, and is gone now", broken, shop(nil), pull.CredentialsRequired},
		{"the secret is malformed now", shop(nil), broken, pull.PullSecretMalformed},
		{"the secret is gone now", shop(map[string]*corev1.Secret{"a": pullSecret("reg.example.com", "old")}), shop(nil), pull.CredentialsRequired},
		{"the secret cannot be read now", shop(nil), &objects{err: fmt.Errorf("down")}, pull.NodeCredentialsUnknown},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			resolver := newResolver(test.before, &registries{answers: answers})
			resolver.Fresh = &keyring.Keyring{Source: test.fresh}
			test.fresh.reads = 0
			result := resolveOne(t, resolver, deployment([]string{"a"}, private))
			wantReason(t, result, test.want)
			if reads := test.fresh.reads; reads != 1 {
				t.Errorf("%d fresh reads", reads)
			}
		})
	}
	resolver := newResolver(now, &registries{answers: answers})
	resolver.Fresh = &keyring.Keyring{Source: broken}
	broken.reads = 0
	wantReason(t, resolveOne(t, resolver, deployment([]string{"a"}, private)), pull.ReasonPullable)
	if broken.reads != 0 {
		t.Error("a pass reads the secrets twice")
	}
}

// ending is Credentials that are read just when the time is up.
type ending struct {
	Credentials
	end func()
}

func (e ending) Open(ctx context.Context, pod keyring.Pod) *keyring.Ring {
	defer e.end()
	return e.Credentials.Open(ctx, pod)
}

// What nobody has the time to read anew is no reason to refuse.
func TestNoRefusalByOldSecretsAtTheDeadline(t *testing.T) {
	broken := shop(map[string]*corev1.Secret{"a": secretOf(corev1.SecretTypeDockerConfigJson, "{")})
	resolver := newResolver(broken, &registries{})
	ctx, cancel := context.WithCancel(t.Context())
	resolver.Credentials = ending{resolver.Credentials, cancel}
	resolver.Fresh = &keyring.Keyring{Source: broken}
	wantReason(t, resolver.Resolve(ctx, deployment([]string{"a"}, private)).Results[0], pull.Timeout)
}

// What was asked for without layers answers no question for them.
func TestLayersAreAnotherQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		asked := 0
		prober := &registries{during: func(_ context.Context, query pull.Query) *pull.Finding {
			asked++
			<-release
			if query.Layers {
				return &pull.Finding{Reason: pull.BlobMissing}
			}
			return &pull.Finding{Reason: pull.ReasonPullable}
		}}
		resolver := newResolver(shop(nil), prober)
		resolver.Layers = true
		named := resolveName(t, private)
		go resolver.probe(t.Context(), "shop", pull.Query{Image: named})
		synctest.Wait()
		found := make(chan Result, 1)
		go func() { found <- resolveOne(t, resolver, deployment(nil, private)) }()
		synctest.Wait()
		close(release)
		wantReason(t, <-found, pull.BlobMissing)
		if asked != 2 {
			t.Errorf("%d questions", asked)
		}
	})
}
