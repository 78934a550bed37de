package live

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
)

const (
	// documentKey is under which a ConfigMap holds its document.
	documentKey = "document.json.gz"
	// maxDocument is less than a ConfigMap takes (Kubernetes pkg/apis/core/
	// validation/validation.go: 1 MiB).
	maxDocument = 900 << 10
	// maxUnpacked is how much a document is at most: what was found out packs to a
	// fifth, and a ConfigMap takes no more than that.
	maxUnpacked = 16 << 20
)

var errTooLarge = errors.New("it is larger than what a ConfigMap may keep")

// shelf keeps documents in ConfigMaps.
type shelf struct {
	maps typedcorev1.ConfigMapInterface
	last map[string]edition
}

// edition is a ConfigMap as it was read or written last. Labels stay as they are.
type edition struct {
	meta metav1.ObjectMeta
	sum  [sha256.Size]byte // of the document
}

// load reads a document, and tells whether there is one.
func (s *shelf) load(ctx context.Context, name string, into any) (bool, error) {
	object, err := s.maps.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read what was kept: %w", err)
	}
	s.last[name] = editionOf(object)
	document, written := object.BinaryData[documentKey]
	if !written { // the chart makes them empty
		return false, nil
	}
	packed, err := gzip.NewReader(bytes.NewReader(document))
	if err == nil {
		bounded := &io.LimitedReader{R: packed, N: maxUnpacked}
		if err = json.NewDecoder(bounded).Decode(into); err != nil && bounded.N == 0 {
			err = errTooLarge
		}
	}
	if err != nil {
		return false, fmt.Errorf("read the ConfigMap %s: %w", name, err)
	}
	return true, nil
}

// save writes a document.
func (s *shelf) save(ctx context.Context, name string, document any) error {
	var packed bytes.Buffer
	to := gzip.NewWriter(&packed)
	if err := errors.Join(json.NewEncoder(to).Encode(document), to.Close()); err != nil {
		return fmt.Errorf("write the ConfigMap %s: %w", name, err)
	}
	if packed.Len() > maxDocument {
		return fmt.Errorf("write the ConfigMap %s: %w", name, errTooLarge)
	}
	err := s.put(ctx, name, packed.Bytes())
	if err != nil && s.renewed(ctx, name) {
		err = s.put(ctx, name, packed.Bytes())
	}
	if err != nil {
		return fmt.Errorf("write the ConfigMap %s: %w", name, err)
	}
	return nil
}

// put writes over the last edition: of two who write, the one who knows less fails.
func (s *shelf) put(ctx context.Context, name string, document []byte) (err error) {
	object := &corev1.ConfigMap{ObjectMeta: s.last[name].meta, BinaryData: map[string][]byte{documentKey: document}}
	object.Name = name
	if object.ResourceVersion == "" {
		object, err = s.maps.Create(ctx, object, metav1.CreateOptions{})
	} else {
		object, err = s.maps.Update(ctx, object, metav1.UpdateOptions{})
	}
	if err == nil {
		s.last[name] = editionOf(object)
	}
	return err
}

// renewed tells whether the last edition stands again, after a write failed: the
// document is the one that was written last, and somebody changed the rest, such
// as an upgrade its labels, or took the ConfigMap away.
func (s *shelf) renewed(ctx context.Context, name string) bool {
	object, err := s.maps.Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		delete(s.last, name)
		return true
	case err != nil || editionOf(object).sum != s.last[name].sum || object.ResourceVersion == s.last[name].meta.ResourceVersion:
		return false
	default:
		s.last[name] = editionOf(object)
		return true
	}
}

func editionOf(object *corev1.ConfigMap) edition {
	return edition{object.ObjectMeta, sha256.Sum256(object.BinaryData[documentKey])}
}
