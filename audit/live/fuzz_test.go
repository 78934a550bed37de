package live

import (
	"bytes"
	"compress/gzip"
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// packed is a ConfigMap with a document.
func packed(t testing.TB, name string, document []byte) *corev1.ConfigMap {
	t.Helper()
	var text bytes.Buffer
	to := gzip.NewWriter(&text)
	_, err := to.Write(document)
	if err := errors.Join(err, to.Close()); err != nil {
		t.Fatal(err)
	}
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, ResourceVersion: "1"}, BinaryData: map[string][]byte{documentKey: text.Bytes()}}
}

// FuzzKept: whatever is kept of the term before, a term begins, and what it takes
// for known of a workload is of the images that the workload has.
func FuzzKept(f *testing.F) {
	for _, document := range []string{
		`{"workloads":{"K":{"at":1800000000}}}`, `{"partial":true,"workloads":{"K":{"at":-1,"images":[{"r":"TagNotFound","s":9223372036854775807,"t":"x"}],"event":{}}}}`,
		`{"workloads":{"K":{"at":1,"images":[]}}}`, `{"workloads":null}`, `{"inOrder":true,"hosts":{"quay.io":{}}}`, `{"hosts":{"":null}}`, `null`, `[`, ``,
	} {
		f.Add([]byte(document), true)
		f.Add([]byte(document), false)
	}
	f.Fuzz(func(t *testing.T, document []byte, zipped bool) {
		c := &cupboard{kept: map[string]*corev1.ConfigMap{}}
		for _, name := range []string{findingsName, requestsName} {
			c.kept[name] = packed(t, name, document)
			if !zipped {
				c.kept[name].BinaryData[documentKey] = document
			}
		}
		r := newRig(t, policy.Auditing{})
		newKeeper(c, r.term).resume(t.Context())
		if r.past == nil {
			return
		}
		w := &workload.Workload{Templates: []workload.Template{{Images: []workload.Image{{Container: "c", Reference: "quay.io/app:1"}}}}}
		for _, look := range r.past.Workloads {
			known := look.recalled("u", w, func(string, string) bool { return false })
			if known == nil {
				continue
			}
			if len(known.images) != 1 || known.images[0].image != "quay.io/app:1" {
				t.Errorf("known is %+v", known)
			}
			if told := known.toTell(); told.Sound && known.images[0].verdict != pull.Pullable && known.images[0].verdict != pull.Skipped {
				t.Errorf("it is told to be sound: %+v", known)
			}
			_ = known.brokenFor(time.Now())
		}
	})
}

// What unpacks to more than anybody would keep is not read to its end.
func TestKeptAsABomb(t *testing.T) {
	bomb := packed(t, findingsName, append([]byte(`{"workloads":{"`), bytes.Repeat([]byte("x"), 2*maxUnpacked)...))
	if size := len(bomb.BinaryData[documentKey]); size > maxDocument {
		t.Fatalf("%d bytes do not fit into a ConfigMap", size)
	}
	s := &shelf{maps: &cupboard{kept: map[string]*corev1.ConfigMap{findingsName: bomb}}, last: map[string]edition{}}
	var read past
	if found, err := s.load(t.Context(), findingsName, &read); found || !errors.Is(err, errTooLarge) {
		t.Errorf("%t, %v", found, err)
	}
}
