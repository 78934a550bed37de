package tell

import (
	"encoding/json"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/pullgate/pullgate/resolver/pull"
)

// FuzzReports: whatever Reports say that are there already, they are read, and a
// workload's own is written.
func FuzzReports(f *testing.F) {
	for _, text := range []string{
		`{"metadata":{"name":"a","ownerReferences":[{"uid":"u"}],"annotations":{"pullgate.dev/findings":"x"}}}`, `{"metadata":null}`, `{"metadata":{"ownerReferences":{}}}`,
		`{"metadata":{"ownerReferences":[1,{"uid":2}],"annotations":[]}}`, `{}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		found := map[string]any{}
		if json.Unmarshal([]byte(text), &found) != nil || found == nil {
			return
		}
		s := &shelf{kept: map[string]*unstructured.Unstructured{"a": {Object: found}}}
		reports := &Reports{Client: s, Self: "pullgate"}
		if err := reports.Open(t.Context(), serving(reportKinds()[0])); err != nil {
			t.Fatal(err)
		}
		w := Workload{UID: "mine", Findings: []Finding{{Container: "c", Image: "a:1", Verdict: pull.Broken, Reason: pull.TagNotFound}}}
		before := reports.reported("mine")
		if err := reports.Tell(t.Context(), w, time.Unix(0, 0)); err != nil || before != w.hash() && len(s.writes) != 1 {
			t.Errorf("%v, written %v", err, s.writes)
		}
	})
}
