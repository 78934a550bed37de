package live

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/pullgate/pullgate/workload"
)

// read is an object as the API server sends it, with much that nobody needs.
func read(t *testing.T, version, kind, more string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	raw := fmt.Sprintf(`{"apiVersion":%q,"kind":%q,"metadata":{"namespace":"shop","name":"a","uid":"u","resourceVersion":"7","labels":{"l":"v"},"managedFields":[{"manager":"m"}]%s`, version, kind, more)
	if err := o.UnmarshalJSON([]byte(raw)); err != nil {
		t.Fatal(err)
	}
	return o
}

// Of an object there stays who it is, and its images if anybody looks at it.
func TestSlim(t *testing.T) {
	const (
		pod   = `"spec":{"containers":[{"name":"c","image":"web:1","env":[{"name":"E","value":"secret"}]}]}`
		owned = `,"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"r","uid":"r","controller":true}]},`
	)
	tests := map[string]struct {
		object *unstructured.Unstructured
		images string
	}{
		"a Pod":                 {read(t, "v1", "Pod", "},"+pod+"}"), "web:1"},
		"one of a ReplicaSet":   {read(t, "v1", "Pod", owned+pod+"}"), ""},
		"one that is over":      {read(t, "v1", "Pod", "},"+pod+`,"status":{"phase":"Failed"}}`), ""},
		"a Deployment":          {read(t, "apps/v1", "Deployment", `},"spec":{"template":{`+pod+`}}}`), "web:1"},
		"a Job":                 {read(t, "batch/v1", "Job", `},"spec":{"template":{`+pod+`}}}`), "web:1"},
		"a Job that is over":    {read(t, "batch/v1", "Job", `},"spec":{"template":{`+pod+`}},"status":{"conditions":[{"type":"Complete","status":"True"}]}}`), ""},
		"a Job that has failed": {read(t, "batch/v1", "Job", `},"spec":{"template":{`+pod+`}},"status":{"conditions":[{"type":"Failed","status":"True"}]}}`), ""},
		"what cannot be read":   {read(t, "v1", "Pod", `},"spec":{"containers":7}}`), ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			kept, err := slim(&workload.Kinds{})(test.object)
			if err != nil {
				t.Fatal(err)
			}
			e, ok := kept.(*entry)
			if !ok || e.Labels != nil || e.ManagedFields != nil || e.ResourceVersion != "7" || keyOf(e) != "u shop/a" {
				t.Fatalf("%+v is kept", kept)
			}
			got := ""
			if e.workload != nil {
				got = asks(e.workload)
			}
			if got != test.images {
				t.Errorf("images %q, want %q", got, test.images)
			}
			if again, err := slim(&workload.Kinds{})(kept); err != nil || again != kept {
				t.Errorf("twice: %v, %v", again, err)
			}
			if _, err := meta.Accessor(kept); err != nil {
				t.Error(err)
			}
		})
	}
}

// Of a Pod that waits for an image there stays what it waits for, and of what a
// controller made whose it is.
func TestSlimKeepsWhatWaits(t *testing.T) {
	const status = `,"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"r","uid":"r","controller":true}]},` +
		`"spec":{"nodeName":"worker","containers":[{"name":"c","image":"web:1"}]},"status":{"containerStatuses":[{"name":"c","state":%s}]}}`
	for state, waits := range map[string]bool{
		`{"running":{"startedAt":"2026-01-01T00:00:00Z"}}`: false, `{"waiting":{"reason":"CrashLoopBackOff"}}`: false,
		`{"waiting":{"reason":"ErrImagePull","message":"not found"}}`: true, `{"waiting":{"reason":"ContainerCreating"}}`: true, `{"waiting":7}`: false,
	} {
		kept, err := slim(&workload.Kinds{})(read(t, "v1", podKind, fmt.Sprintf(status, state)))
		e, ok := kept.(*entry)
		if err != nil || !ok || e.controller != "r" || e.kind != podKind || (e.waits != nil) != waits {
			t.Errorf("%s: %+v, %v", state, kept, err)
		}
	}
}

// heard notes what it is told of.
type heard struct{ what []string }

func (h *heard) seen(e *entry, initial bool) {
	h.what = append(h.what, fmt.Sprintf("seen %s %t", e.Name, initial))
}
func (h *heard) gone(e *entry) { h.what = append(h.what, "gone "+e.Name) }

func TestHandler(t *testing.T) {
	var h heard
	to, one := handler(&h), deployment("a", "web:1")
	to.OnAdd(one, true)
	to.OnAdd(one, false)
	to.OnUpdate(one, one)
	to.OnDelete(one)
	to.OnDelete(toolscache.DeletedFinalStateUnknown{Obj: one})
	var stranger runtime.Unknown
	to.OnAdd(&stranger, true)
	to.OnDelete(toolscache.DeletedFinalStateUnknown{})
	if got, want := strings.Join(h.what, ", "), "seen a true, seen a false, seen a false, gone a, gone a"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestLongNames(t *testing.T) {
	if got := shortened(strings.Repeat("ü", maxLabel)); len(got) > maxLabel+len("…") || !strings.HasPrefix(got, "üü") || strings.ContainsRune(got, '\uFFFD') {
		t.Errorf("%d bytes: %q", len(got), got)
	}
	if got := shortened("web:1"); got != "web:1" {
		t.Errorf("%q", got)
	}
}
