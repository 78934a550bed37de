package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// pages is a client.Reader that lists Deployments in pages.
type pages struct {
	client.Reader
	// all are the pages by their token; one that is missing has expired.
	all   map[string][]string
	next  map[string]string
	err   error
	asked []string
}

func (p *pages) List(_ context.Context, into client.ObjectList, options ...client.ListOption) error {
	var o client.ListOptions
	o.ApplyOptions(options)
	list := into.(*unstructured.UnstructuredList)
	p.asked = append(p.asked, fmt.Sprintf("%s %s %d %s", list.GetKind(), o.Namespace, o.Limit, o.Continue))
	if p.err != nil {
		return p.err
	}
	names, there := p.all[o.Continue]
	if !there {
		return apierrors.NewResourceExpired("too old")
	}
	for _, name := range names {
		item := unstructured.Unstructured{Object: map[string]any{}}
		item.SetName(name)
		list.Items = append(list.Items, item)
	}
	if o.Limit > 0 {
		list.SetContinue(p.next[o.Continue])
	}
	return nil
}

func TestList(t *testing.T) {
	kind := schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}
	var got []string
	each := func(raw []byte) error {
		text := string(raw)
		if !strings.Contains(text, `"apiVersion":"apps/v1"`) || !strings.Contains(text, `"kind":"Deployment"`) {
			t.Errorf("it does not name its kind: %s", raw)
		}
		_, name, _ := strings.Cut(text, `"name":"`)
		name, _, _ = strings.Cut(name, `"`)
		got = append(got, name)
		return nil
	}
	from := &pages{all: map[string][]string{"": {"a", "b"}, "2": {"c"}}, next: map[string]string{"": "2"}}
	if err := List(t.Context(), from, kind, "shop", each); err != nil || !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("%v, %v", got, err)
	}
	if want := []string{"DeploymentList shop 500 ", "DeploymentList shop 500 2"}; !slices.Equal(from.asked, want) {
		t.Errorf("asked %q", from.asked)
	}
	from.asked, got = nil, nil
	delete(from.all, "2")
	if err := List(t.Context(), from, kind, "", each); err != nil || !slices.Equal(got, []string{"a", "b", "a", "b"}) {
		t.Errorf("expired: %v, %v", got, err)
	}
	if want := []string{"DeploymentList  500 ", "DeploymentList  500 2", "DeploymentList  0 "}; !slices.Equal(from.asked, want) {
		t.Errorf("expired: asked %q", from.asked)
	}
	from.err = apierrors.NewForbidden(schema.GroupResource{}, "", nil)
	if err := List(t.Context(), from, kind, "", each); !apierrors.IsForbidden(err) {
		t.Errorf("forbidden: %v", err)
	}
	from.err = nil
	failed := errors.New("unreadable")
	if err := List(t.Context(), from, kind, "", func([]byte) error { return failed }); !errors.Is(err, failed) {
		t.Errorf("each: %v", err)
	}
}
