package cluster

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// secret is one that holds so many bytes.
func secret(bytes int) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{"last-applied": "the value again"}},
		Type:       corev1.SecretTypeDockerConfigJson, Data: map[string][]byte{"k": make([]byte, bytes)},
	}
}

func account(secrets ...string) *corev1.ServiceAccount {
	result := &corev1.ServiceAccount{}
	for _, name := range secrets {
		result.ImagePullSecrets = append(result.ImagePullSecrets, corev1.LocalObjectReference{Name: name})
	}
	return result
}

func TestSourceReadsEachTime(t *testing.T) {
	server := &apiServer{objects: map[string]client.Object{"shop/a": secret(3), "shop/builder": account("a")}}
	observed := map[string]int{}
	source := Source{Reader: server, Observe: func(kind string, err error) {
		if observed[kind]++; apierrors.IsNotFound(err) {
			observed["missing"]++
		}
	}}
	for range 2 {
		got, err := source.Secret(t.Context(), "shop", "a")
		if err != nil || len(got.Data["k"]) != 3 {
			t.Errorf("%v, %v", got, err)
		}
	}
	got, err := source.ServiceAccount(t.Context(), "shop", "builder")
	if err != nil || len(got.ImagePullSecrets) != 1 || server.count() != 3 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := source.Secret(t.Context(), "bakery", "a"); !apierrors.IsNotFound(err) {
		t.Errorf("another namespace's: %v", err)
	}
	if want := map[string]int{"Secret": 3, "ServiceAccount": 1, "missing": 1}; !maps.Equal(observed, want) {
		t.Errorf("observed %v, want %v", observed, want)
	}
}

func TestRememberKeepsForAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		builder := account("a")
		builder.UID, builder.Annotations = "1", map[string]string{"role": "x"}
		server := &apiServer{objects: map[string]client.Object{"shop/a": secret(3), "shop/builder": builder}}
		source := Remember(Source{Reader: server})
		read := func() {
			t.Helper()
			got, err := source.Secret(t.Context(), "shop", "a")
			if err != nil || got.Type != corev1.SecretTypeDockerConfigJson || len(got.Data["k"]) != 3 || got.Annotations != nil {
				t.Errorf("%v, %v", got, err)
			}
			owner, err := source.ServiceAccount(t.Context(), "shop", "builder")
			if err != nil || len(owner.ImagePullSecrets) != 1 || owner.ImagePullSecrets[0].Name != "a" || owner.UID != "1" || owner.Annotations["role"] != "x" {
				t.Errorf("%v, %v", owner, err)
			}
		}
		for _, test := range []struct {
			after time.Duration
			reads int
		}{{0, 2}, {0, 0}, {rememberedFor, 0}, {time.Nanosecond, 2}, {0, 0}, {time.Hour, 2}} {
			time.Sleep(test.after)
			read()
			if got := server.count(); got != test.reads {
				t.Errorf("%s later: %d reads, want %d", test.after, got, test.reads)
			}
		}
	})
}

func TestRememberTellsNamesApart(t *testing.T) {
	server := &apiServer{objects: map[string]client.Object{"shop/a": secret(1), "shop/b": secret(2), "bakery/a": secret(3)}}
	source := Remember(Source{Reader: server})
	for range 2 {
		for i, name := range [][2]string{{"shop", "a"}, {"shop", "b"}, {"bakery", "a"}} {
			got, err := source.Secret(t.Context(), name[0], name[1])
			if err != nil || len(got.Data["k"]) != i+1 {
				t.Errorf("%v: %v, %v", name, got, err)
			}
		}
	}
	server.objects["shop/a"] = account("x", "y")
	if got, err := source.ServiceAccount(t.Context(), "shop", "a"); err != nil || len(got.ImagePullSecrets) != 2 {
		t.Errorf("an account of a secret's name: %v, %v", got, err)
	}
}

// slowServer takes a second for each read.
type slowServer struct{ *apiServer }

func (s slowServer) Get(ctx context.Context, key client.ObjectKey, into client.Object, options ...client.GetOption) error {
	time.Sleep(time.Second)
	return s.apiServer.Get(ctx, key, into, options...)
}

// Who asks at the same time has an object read once; who has gone does not end
// the others' read.
func TestRememberReadsOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &apiServer{objects: map[string]client.Object{"shop/a": secret(1)}}
		source := Remember(Source{Reader: slowServer{server}})
		impatient, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		var group sync.WaitGroup
		group.Go(func() {
			if _, err := source.Secret(impatient, "shop", "a"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("in a millisecond: %v", err)
			}
		})
		for range 100 {
			group.Go(func() {
				if got, err := source.Secret(t.Context(), "shop", "a"); err != nil || len(got.Data["k"]) != 1 {
					t.Errorf("%v, %v", got, err)
				}
			})
		}
		group.Wait()
		if got := server.count(); got != 1 {
			t.Errorf("%d reads for all", got)
		}
	})
}

// A read that ends since time is up has failed; one for which nobody waits has not.
func TestRememberTellsWhyAReadEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := make(chan error, 1)
		source := Remember(Source{Reader: slowServer{&apiServer{}}, Observe: func(_ string, err error) { seen <- err }})
		late, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, _ = source.Secret(late, "shop", "a")
		if err := <-seen; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("time was up: %v", err)
		}
		gone, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		_, _ = source.Secret(gone, "shop", "a")
		if err := <-seen; !errors.Is(err, context.Canceled) {
			t.Errorf("who asked has gone: %v", err)
		}
	})
}

// Neither that an object is missing is remembered nor that it could not be read.
func TestRememberErrors(t *testing.T) {
	server := &apiServer{objects: map[string]client.Object{}}
	source := Remember(Source{Reader: server})
	for range 3 {
		if _, err := source.Secret(t.Context(), "shop", "a"); !apierrors.IsNotFound(err) {
			t.Errorf("secret: %v", err)
		}
		if _, err := source.ServiceAccount(t.Context(), "shop", "a"); !apierrors.IsNotFound(err) {
			t.Errorf("account: %v", err)
		}
	}
	if got := server.count(); got != 6 {
		t.Errorf("%d reads of what is missing", got)
	}
	server.err = errors.New("connection refused")
	for range 3 {
		if _, err := source.Secret(t.Context(), "shop", "b"); err == nil || apierrors.IsNotFound(err) {
			t.Errorf("down: %v", err)
		}
	}
	if got := server.count(); got != 3 {
		t.Errorf("%d reads of what cannot be read", got)
	}
	server.err, server.objects["shop/b"] = nil, secret(1)
	if got, err := source.Secret(t.Context(), "shop", "b"); err != nil || len(got.Data["k"]) != 1 {
		t.Errorf("up again: %v, %v", got, err)
	}
}

// What is large is read each time: anybody may fill the memory with it.
func TestRememberBounds(t *testing.T) {
	server := &apiServer{objects: map[string]client.Object{"shop/small": secret(maxRemembered - 1), "shop/large": secret(maxRemembered)}}
	source := Remember(Source{Reader: server})
	for name, reads := range map[string]int{"small": 1, "large": 3} {
		for range 3 {
			if _, err := source.Secret(t.Context(), "shop", name); err != nil {
				t.Error(err)
			}
		}
		if got := server.count(); got != reads {
			t.Errorf("%s: %d reads, want %d", name, got, reads)
		}
	}
	annotated := account("a")
	annotated.Annotations = map[string]string{"k": strings.Repeat("x", maxRemembered)}
	server.objects["shop/many"], server.objects["shop/annotated"] = account(make([]string, 1000)...), annotated
	for _, name := range []string{"many", "annotated"} {
		for range 2 {
			if _, err := source.ServiceAccount(t.Context(), "shop", name); err != nil {
				t.Error(err)
			}
		}
		if got := server.count(); got != 2 {
			t.Errorf("%s: %d reads of a large account", name, got)
		}
	}
}
