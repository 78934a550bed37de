package cluster

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// pageSize is how many objects are read at a time.
const pageSize = 500

// List reads the objects of a kind page by page, in one namespace or in all
// (""), and hands each over as JSON. Where the pages have become too old in
// between, it begins again without pages: some objects are then handed over
// twice.
func List(ctx context.Context, from client.Reader, kind schema.GroupVersionKind, namespace string, each func(raw []byte) error) error {
	limit := int64(pageSize)
	for next := ""; ; {
		page := &unstructured.UnstructuredList{}
		page.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
		err := from.List(ctx, page, client.InNamespace(namespace), client.Limit(limit), client.Continue(next))
		if apierrors.IsResourceExpired(err) && next != "" {
			next, limit = "", 0
			continue
		}
		if err != nil {
			return fmt.Errorf("list %s: %w", kind.GroupKind(), err)
		}
		if err := handOver(page, kind, each); err != nil {
			return err
		}
		if next = page.GetContinue(); next == "" {
			return nil
		}
	}
}

// handOver writes each object as JSON. Items of a list need not name their
// kind.
func handOver(page *unstructured.UnstructuredList, kind schema.GroupVersionKind, each func(raw []byte) error) error {
	for i := range page.Items {
		page.Items[i].SetGroupVersionKind(kind)
		raw, err := page.Items[i].MarshalJSON()
		if err == nil {
			err = each(raw)
		}
		if err != nil {
			return fmt.Errorf("read a %s: %w", kind.Kind, err)
		}
	}
	return nil
}
