package certs

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestEnsureOnAnEmptyCluster(t *testing.T) {
	s := newServer(configuration())
	m := manager(s.client())
	if err := m.Check(nil); err == nil {
		t.Error("ready without a certificate")
	}
	ensure(t, m)
	if err := m.Check(nil); err == nil {
		t.Error("ready though API servers cannot have heard of the authority yet")
	}
	m.Now = func() time.Time { return time.Now().Add(heardFirst) }
	ensure(t, m)
	if err := m.Check(nil); err != nil {
		t.Error(err)
	}
	if err := handshake(m.GetCertificate, s.bundle(t), time.Now()); err != nil {
		t.Error(err)
	}
	if keys := slices.Sorted(maps.Keys(s.held(t))); !slices.Equal(keys, []string{"ca.crt", "ca.key", "tls.crt", "tls.key"}) {
		t.Errorf("the Secret has the keys %v", keys)
	}
	if got, want := s.wrote(), []string{"create secrets", "patch validatingwebhookconfigurations"}; !slices.Equal(got, want) {
		t.Errorf("wrote %v, want %v", got, want)
	}
	leaf := m.serving.Load().serving.Leaf
	if life := time.Until(leaf.NotAfter).Round(24 * time.Hour); life != leafLife {
		t.Errorf("the certificate lives for %v, want %v", life, leafLife)
	}
	root := certificates(s.bundle(t))[0]
	if life := time.Until(root.NotAfter).Round(24 * time.Hour); life != authorityLife || !root.IsCA || leaf.IsCA {
		t.Errorf("the authority lives for %v, want %v", life, authorityLife)
	}

	ensure(t, m)
	if wrote := s.wrote(); wrote != nil {
		t.Errorf("wrote %v though all was well", wrote)
	}
}

// A new authority does not cut off replicas that serve by the one before.
func TestNewAuthorityKeepsThePreviousOne(t *testing.T) {
	s := newServer(configuration())
	now := time.Now()
	first, second := manager(s.client()), manager(s.client())
	first.Now, second.Now = func() time.Time { return now }, func() time.Time { return now }
	ensure(t, first)
	for round := range 24 {
		now = now.Add(leafLife * 3 / 4)
		ensure(t, second)
		for range 2 { // at once, and when every API server has heard
			for name, m := range map[string]*Manager{"first": first, "second": second} {
				if err := handshake(m.GetCertificate, s.bundle(t), now); err != nil {
					t.Errorf("round %d, %s: %v", round, name, err)
				}
			}
			if n := len(certificates(s.bundle(t))); n > 2 {
				t.Errorf("round %d: %d authorities in the caBundle", round, n)
			}
			ensure(t, first)
			now = now.Add(heard)
			ensure(t, first)
			ensure(t, second)
		}
		now = now.Add(overlap)
		ensure(t, second)
		if n := len(certificates(s.bundle(t))); n != 1 {
			t.Errorf("round %d: %d authorities in the caBundle after the overlap", round, n)
		}
	}
}

// Whatever becomes of the Secret or the caBundle, three replicas of which each
// sees it at another time are trusted all along.
func TestOverlapOnEveryPath(t *testing.T) {
	remove := func(s *server) error {
		return s.client().CoreV1().Secrets(namespace).Delete(t.Context(), secret, metav1.DeleteOptions{})
	}
	corrupt := func(key string) func(*server) error {
		return func(s *server) error {
			held := secretWith(with(s.held(t), key, []byte("garbage")))
			return s.tracker.Update(corev1.SchemeGroupVersion.WithResource("secrets"), held, namespace)
		}
	}
	for name, harm := range map[string]func(*server) error{
		"Secret deleted": remove, "authority corrupted": corrupt(rootsKey), "authority's key corrupted": corrupt(authorityKeyKey),
		"certificate corrupted": corrupt(certificateKey), "key corrupted": corrupt(keyKey),
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(configuration())
			now := time.Now()
			var replicas []*Manager
			for range 3 {
				m := manager(s.client())
				m.Now = func() time.Time { return now }
				ensure(t, m)
				replicas = append(replicas, m)
			}
			now = now.Add(24 * time.Hour)
			check := func(when string) {
				for i, m := range replicas {
					if err := handshake(m.GetCertificate, s.bundle(t), now); err != nil {
						t.Errorf("%s, replica %d: %v", when, i, err)
					}
				}
			}
			if err := harm(s); err != nil {
				t.Fatal(err)
			}
			for i, m := range replicas {
				ensure(t, m)
				check("seen by replica " + strconv.Itoa(i))
			}
			for i, m := range replicas {
				now = now.Add(heard)
				ensure(t, m)
				ensure(t, m) // has no need of the old authority any more; others have
				check("taken up by replica " + strconv.Itoa(i))
			}
			now = now.Add(overlap)
			ensure(t, replicas[0])
			check("after the overlap")
			if n := len(certificates(s.bundle(t))); n != 1 {
				t.Errorf("%d authorities in the caBundle in the end", n)
			}
		})
	}
}

// What another program writes into the caBundle is answered, but without a fight.
func TestCABundleThatIsReset(t *testing.T) {
	s := newServer(configuration())
	now := time.Now()
	m := manager(s.client())
	m.Now = func() time.Time { return now }
	ensure(t, m)
	written := 1
	for range 100 {
		s.replaceConfiguration(t)
		now = now.Add(time.Second)
		if err := m.Ensure(t.Context()); err == nil {
			written++
		} else if !errors.Is(err, errHeldBack) {
			t.Fatal(err)
		}
	}
	if want := writeBurst + 100/int(writeEvery/time.Second); written < want-1 || written > want+1 {
		t.Errorf("the caBundle was written %d times in 100 seconds, want about %d", written, want)
	}
	if got := m.writes.Load(); int(got) != written {
		t.Errorf("%d writes counted, want %d", got, written)
	}
}

// Uninstalled is uninstalled: no replica makes anything again.
func TestUninstalled(t *testing.T) {
	s := newServer(configuration())
	m := manager(s.client())
	ensure(t, m)
	client := s.client()
	if err := client.AdmissionregistrationV1().ValidatingWebhookConfigurations().Delete(t.Context(), webhook, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := client.CoreV1().Secrets(namespace).Delete(t.Context(), secret, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	s.wrote()
	if err := m.Ensure(t.Context()); !errors.Is(err, errUninstalled) {
		t.Errorf("got %v, want %v", err, errUninstalled)
	}
	if wrote := s.wrote(); wrote != nil {
		t.Errorf("wrote %v", wrote)
	}
	if _, err := m.GetCertificate(nil); err != nil {
		t.Errorf("requests in flight: %v", err)
	}
}

func TestTwoReplicasAgree(t *testing.T) {
	rubbish := secretWith(map[string][]byte{"tls.crt": []byte("x"), "tls.key": []byte("y")})
	tests := []struct {
		name           string
		server         *server
		verb, resource string
	}{
		{"both create the Secret", newServer(configuration()), "create", "secrets"},
		{"both replace the Secret", newServer(configuration(), rubbish), "update", "secrets"},
		{"both write the caBundle", newServer(configuration()), "patch", "validatingwebhookconfigurations"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			slow := test.server.client()
			first, second := manager(slow), manager(test.server.client())
			before(slow, test.verb, test.resource, func() { ensure(t, second) })
			ensure(t, first)
			if first.serving.Load().serving.Leaf.SerialNumber.Cmp(second.serving.Load().serving.Leaf.SerialNumber) != 0 {
				t.Error("the replicas serve with different certificates")
			}
			for _, m := range []*Manager{first, second} {
				if err := handshake(m.GetCertificate, test.server.bundle(t), time.Now()); err != nil {
					t.Error(err)
				}
			}
			written := 0
			for _, what := range test.server.wrote() {
				if strings.HasSuffix(what, " secrets") {
					written++
				}
			}
			if written != 1 {
				t.Errorf("the Secret was written %d times, want once", written)
			}
		})
	}
}

// A replica that is held up between the Secret and the configuration does not
// put the old authority back.
func TestSlowReplicaDoesNotUndoANewAuthority(t *testing.T) {
	s := newServer(configuration())
	ensure(t, manager(s.client()))
	slow, other := s.client(), s.client()
	first, second := manager(slow), manager(other)
	s.replaceConfiguration(t) // so that the slow one has something to write
	before(slow, "patch", "validatingwebhookconfigurations", func() {
		if err := other.CoreV1().Secrets(namespace).Delete(t.Context(), secret, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
		ensure(t, second)
	})
	ensure(t, first)
	for _, m := range []*Manager{first, second} {
		if err := handshake(m.GetCertificate, s.bundle(t), time.Now()); err != nil {
			t.Error(err)
		}
	}
}

func TestEdges(t *testing.T) {
	down := errors.New("connection refused")
	t.Run("no Secret to be had", func(t *testing.T) {
		client := newServer(configuration()).client()
		fails(client, "get", "secrets", 1, down)
		m := manager(client)
		if err := m.Ensure(t.Context()); !errors.Is(err, down) || !strings.Contains(err.Error(), namespace+"/"+secret) {
			t.Errorf("got %v, want it to name the Secret and the cause", err)
		}
		if _, err := m.GetCertificate(nil); err == nil {
			t.Error("a certificate from nowhere")
		}
	})
	t.Run("no right to write the Secret", func(t *testing.T) {
		client := newServer(configuration()).client()
		fails(client, "create", "secrets", 1, apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, secret, down))
		if err := manager(client).Ensure(t.Context()); !apierrors.IsForbidden(err) {
			t.Errorf("got %v, want forbidden", err)
		}
	})
	t.Run("no webhook configuration", func(t *testing.T) {
		s := newServer()
		m := manager(s.client())
		ensure(t, m)
		if err := m.Check(nil); err != nil {
			t.Errorf("nobody calls, and yet: %v", err)
		}
		if _, err := s.client().AdmissionregistrationV1().ValidatingWebhookConfigurations().
			Create(t.Context(), configuration(), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		ensure(t, m)
		if err := handshake(m.GetCertificate, s.bundle(t), time.Now()); err != nil {
			t.Error(err)
		}
	})
	t.Run("no webhook configuration to look after", func(t *testing.T) {
		m := manager(newServer().client())
		m.WebhookConfiguration = ""
		ensure(t, m)
	})
	t.Run("an IP address for a name", func(t *testing.T) {
		m := manager(newServer(configuration()).client())
		m.DNSNames = []string{"127.0.0.1", "::1"}
		ensure(t, m)
		for _, name := range m.DNSNames {
			if err := m.serving.Load().serving.Leaf.VerifyHostname(name); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("nothing configured", func(t *testing.T) {
		if err := new(Manager).Ensure(t.Context()); err == nil {
			t.Error("no error")
		}
	})
}

// What API servers do not trust yet is not served as long as there is better.
func TestUntrustedAuthorityWaits(t *testing.T) {
	s := newServer(configuration())
	client := s.client()
	now := time.Now()
	m := manager(client)
	m.Now = func() time.Time { return now }
	ensure(t, m)
	if err := s.client().CoreV1().Secrets(namespace).Delete(t.Context(), secret, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	fails(client, "patch", "validatingwebhookconfigurations", 2, errors.New("connection refused"))
	if err := m.Ensure(t.Context()); err == nil {
		t.Error("no error though the caBundle could not be written")
	}
	if err := handshake(m.GetCertificate, s.bundle(t), now); err != nil {
		t.Errorf("with the caBundle as it is: %v", err)
	}
	now = now.Add(leafLife + time.Hour)
	if err := m.Ensure(t.Context()); err == nil {
		t.Error("no error though the caBundle could not be written")
	}
	if m.serving.Load().serving.Leaf.NotAfter.Before(now) {
		t.Error("serves with an expired certificate though there is a good one")
	}
}

func TestRunRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := newServer(configuration()).client()
		fails(client, "get", "secrets", 3, errors.New("connection refused"))
		m := manager(client)
		done := make(chan error, 1)
		go func() { done <- m.Run(t.Context()) }()

		time.Sleep(firstRetry + 2*firstRetry) // by the bubble's clock
		synctest.Wait()
		if m.Check(nil) == nil {
			t.Error("three failures, and yet there is a certificate")
		}
		time.Sleep(4 * firstRetry)
		synctest.Wait()
		if err := m.Check(nil); err != nil {
			t.Error(err)
		}
	})
}

func TestRunRenewsAndRepairs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nearlyDue := data(t, time.Now().Add(2*every+clockSkew/3-leafLife*2/3))
		s := newServer(configuration(), secretWith(nearlyDue))
		m := manager(s.client())
		done := make(chan error, 1)
		go func() { done <- m.Run(t.Context()) }()
		synctest.Wait()
		first := m.serving.Load()
		if !bytes.Equal(s.held(t)[certificateKey], nearlyDue[certificateKey]) {
			t.Error("the certificate was renewed too early")
		}
		s.replaceConfiguration(t)
		time.Sleep(3 * every)
		synctest.Wait()
		if m.serving.Load() == first || bytes.Equal(s.held(t)[certificateKey], nearlyDue[certificateKey]) {
			t.Error("the certificate was not renewed")
		}
		if err := handshake(m.GetCertificate, s.bundle(t), time.Now()); err != nil {
			t.Error(err)
		}
	})
}

// What changes is put right at once, not when the minute is over.
func TestRunHearsOfChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(configuration())
		m := manager(s.client())
		done := make(chan error, 1)
		go func() { done <- m.Run(t.Context()) }()
		time.Sleep(every / 2) // by the bubble's clock
		synctest.Wait()
		s.replaceConfiguration(t)
		time.Sleep(time.Second)
		synctest.Wait()
		if err := handshake(m.GetCertificate, s.bundle(t), time.Now()); err != nil {
			t.Errorf("after the configuration was replaced: %v", err)
		}
		if err := s.client().CoreV1().Secrets(namespace).Delete(t.Context(), secret, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if len(s.held(t)[certificateKey]) == 0 {
			t.Error("the Secret was not made again")
		}
	})
}

func TestRunEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manager(newServer(configuration()).client())
		done := make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { done <- m.Run(ctx) }()
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
