package check

import (
	"context"
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/pullgate/pullgate/manifest"
	"github.com/pullgate/pullgate/resolver/keyring"
)

// clusterOf is a cluster with one Secret and one ServiceAccount, or an error.
type clusterOf struct{ err error }

func (c clusterOf) Secret(_ context.Context, _, name string) (*corev1.Secret, error) {
	if c.err != nil || name != "live" {
		return nil, c.errorOf(name)
	}
	return &corev1.Secret{Type: "live"}, nil
}

func (c clusterOf) ServiceAccount(_ context.Context, _, name string) (*corev1.ServiceAccount, error) {
	if c.err != nil || name != "live" {
		return nil, c.errorOf(name)
	}
	return &corev1.ServiceAccount{}, nil
}

func (c clusterOf) errorOf(name string) error {
	if c.err != nil {
		return c.err
	}
	return apierrors.NewNotFound(schema.GroupResource{Resource: "things"}, name)
}

// addRaw adds an object as one of a file.
func addRaw(source *ManifestSource, raw, namespace string) bool {
	object := &manifest.Object{Raw: []byte(raw), Start: manifest.Position{File: "x.yaml", Line: 3}}
	taken, _ := source.add(readHeader(object.Raw), object, namespace)
	return taken
}

func TestManifestSource(t *testing.T) {
	const (
		plain     = `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a","namespace":"shop"},"data":{"k":"dg=="},"stringData":{"k":"w","l":"x"}}`
		elsewhere = `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"b"},"type":"t"}`
		wrong     = `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"c","namespace":"shop"},"data":{"k":"MARKER"}}`
		account   = `{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"builder","namespace":"shop"},"imagePullSecrets":[{"name":"a"}]}`
	)
	given := NewManifestSource(nil)
	for _, raw := range []string{plain, elsewhere, wrong, account} {
		if !addRaw(given, raw, "here") {
			t.Fatalf("%s was not taken", raw)
		}
	}
	for _, raw := range []string{`{"apiVersion":"v1","kind":"Pod"}`, `{"apiVersion":"x.example/v1","kind":"Secret"}`, `3`} {
		if addRaw(given, raw, "here") {
			t.Errorf("%s was taken", raw)
		}
	}
	ctx := t.Context()
	a, err := given.Secret(ctx, "shop", "a")
	if err != nil || a.Type != corev1.SecretTypeOpaque || string(a.Data["k"]) != "w" || string(a.Data["l"]) != "x" {
		t.Errorf("a: %v, %v: stringData is to win, and the type to be Opaque", a, err)
	}
	if b, err := given.Secret(ctx, "here", "b"); err != nil || b.Type != "t" {
		t.Errorf("b, of no namespace: %v, %v", b, err)
	}
	if _, err := given.Secret(ctx, "shop", "c"); !errors.Is(err, keyring.ErrElsewhere) || strings.Contains(err.Error(), "MARKER") {
		t.Errorf("c: error %v, want that it is refused, quoting nothing", err)
	}
	if _, err := given.Secret(ctx, "other", "a"); !errors.Is(err, keyring.ErrElsewhere) {
		t.Errorf("a of another namespace: %v", err)
	}
	if builder, err := given.ServiceAccount(ctx, "shop", "builder"); err != nil || len(builder.ImagePullSecrets) != 1 {
		t.Errorf("builder: %v, %v", builder, err)
	}
	if fresh, err := given.ServiceAccount(ctx, "shop", "default"); err != nil || len(fresh.ImagePullSecrets) != 0 {
		t.Errorf("default: %v, %v, want one as it is made", fresh, err)
	}
	if _, err := given.ServiceAccount(ctx, "shop", "other"); !errors.Is(err, keyring.ErrElsewhere) {
		t.Errorf("an account that is not given: %v", err)
	}
	if got, want := given.String(), "3 Secrets and 1 ServiceAccount among the manifests"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestManifestSourceBehindACluster(t *testing.T) {
	ctx := t.Context()
	given := NewManifestSource(clusterOf{})
	mine := `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"live","namespace":"shop"},"type":"given"}`
	addRaw(given, mine, "")
	if s, err := given.Secret(ctx, "shop", "live"); err != nil || s.Type != "given" {
		t.Errorf("%v, %v: the manifest's is to win", s, err)
	}
	if s, err := given.Secret(ctx, "other", "live"); err != nil || s.Type != "live" {
		t.Errorf("%v, %v: the cluster's is to be read", s, err)
	}
	if _, err := given.Secret(ctx, "shop", "gone"); !apierrors.IsNotFound(err) {
		t.Errorf("error %v, want that it does not exist", err)
	}
	if _, err := given.ServiceAccount(ctx, "shop", "default"); !apierrors.IsNotFound(err) {
		t.Errorf("error %v, want that it does not exist", err)
	}
	forbidden := NewManifestSource(clusterOf{err: apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "a", nil)})
	if _, err := forbidden.Secret(ctx, "shop", "a"); !errors.Is(err, keyring.ErrElsewhere) || !strings.Contains(err.Error(), "forbidden") {
		t.Errorf("forbidden: %v", err)
	}
	down := NewManifestSource(clusterOf{err: errors.New("down")})
	if _, err := down.ServiceAccount(ctx, "shop", "a"); err == nil || errors.Is(err, keyring.ErrElsewhere) {
		t.Errorf("down: %v, want a failure", err)
	}
}
