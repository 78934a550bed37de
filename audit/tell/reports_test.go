package tell

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/pullgate/pullgate/resolver/pull"
)

// shelf is an API server that keeps Reports, a page of one at a time.
type shelf struct {
	dynamic.NamespaceableResourceInterface
	kept   map[string]*unstructured.Unstructured
	writes []string
	err    error
}

func (s *shelf) Resource(schema.GroupVersionResource) dynamic.NamespaceableResourceInterface {
	return s
}
func (s *shelf) Namespace(string) dynamic.ResourceInterface { return s }

func (s *shelf) List(_ context.Context, options metav1.ListOptions) (*unstructured.UnstructuredList, error) {
	names := slices.Sorted(maps.Keys(s.kept))
	list := &unstructured.UnstructuredList{}
	for i, name := range names {
		if name <= options.Continue {
			continue
		}
		list.Items = append(list.Items, *s.kept[name])
		if i < len(names)-1 {
			list.SetContinue(name)
		}
		break
	}
	return list, s.err
}

func (s *shelf) Apply(_ context.Context, name string, report *unstructured.Unstructured, options metav1.ApplyOptions, _ ...string) (*unstructured.Unstructured, error) {
	s.writes = append(s.writes, "apply "+name+" by "+options.FieldManager)
	if s.err == nil {
		s.kept[name] = report
	}
	return report, s.err
}

func (s *shelf) Delete(_ context.Context, name string, _ metav1.DeleteOptions, _ ...string) error {
	s.writes = append(s.writes, "delete "+name)
	if s.kept[name] == nil && s.err == nil {
		return apierrors.NewNotFound(schema.GroupResource{}, name)
	}
	delete(s.kept, name)
	return s.err
}

// serving is a mapper of an API server with these kinds.
func serving(kinds ...schema.GroupVersionKind) meta.RESTMapper {
	mapper := meta.NewDefaultRESTMapper(nil)
	for _, kind := range kinds {
		mapper.Add(kind, meta.RESTScopeNamespace)
	}
	return mapper
}

// A Report is written when a verdict changes, by whoever looks then, and goes
// when all is well.
func TestReports(t *testing.T) {
	broken, other, reworded, undecided, sound := web(), web(), web(), web(), web()
	hurts, moved := web(), web()
	hurts.Findings = []Finding{found(pull.TagNotFound)}
	hurts.Findings[0].When, hurts.Findings[0].Hurts = "already", "it hurts already"
	moved.Sound, moved.Notices = true, []Notice{{Reason: pull.TagMoved, Container: "c", Image: "web:1", Message: "it has moved"}}
	broken.Findings = []Finding{found(pull.TagNotFound)}
	other.Findings = []Finding{found(pull.TagNotFound), found(pull.RegistryUnreachable)}
	reworded.Findings = []Finding{found(pull.TagNotFound)}
	reworded.Findings[0].Message = "did you mean web:2?"
	sound.Sound = true
	s := &shelf{kept: map[string]*unstructured.Unstructured{}}
	var r *Reports
	open := func() {
		t.Helper()
		r = &Reports{Client: s, Self: "pullgate"}
		if err := r.Open(t.Context(), serving(reportKinds()...)); err != nil {
			t.Fatal(err)
		}
	}
	open()
	for i, step := range []struct {
		w    Workload
		want string
	}{
		{sound, ""}, {undecided, ""},
		{broken, "apply pullgate-u by pullgate"}, {broken, ""}, {reworded, ""},
		{other, "apply pullgate-u by pullgate"}, {undecided, ""},
		{broken, "apply pullgate-u by pullgate"}, {hurts, "apply pullgate-u by pullgate"}, {hurts, ""},
		{sound, "delete pullgate-u"}, {sound, ""}, {moved, "apply pullgate-u by pullgate"}, {moved, ""},
		{sound, "delete pullgate-u"},
	} {
		s.writes = nil
		for range 2 { // the second time by another leader
			if err := r.Tell(t.Context(), step.w, time.Unix(7, 0)); err != nil {
				t.Fatal(err)
			}
			open()
		}
		if got := strings.Join(s.writes, ", "); got != step.want {
			t.Errorf("step %d: %s, want %s", i, got, step.want)
		}
	}
	s.err = errors.New("forbidden")
	for range 2 {
		if err := r.Tell(t.Context(), broken, time.Unix(7, 0)); !errors.Is(err, s.err) {
			t.Errorf("%v", err)
		}
	}
}

// What is written is within its bounds and belongs to the workload.
func TestReport(t *testing.T) {
	w := web()
	for i := range maxResults + 7 {
		f := found(pull.TagNotFound)
		f.Image, f.Message, f.Hint = fmt.Sprint(strings.Repeat("i", 2000), i), strings.Repeat("\"ü\n", 1000), "correct it"
		w.Findings = append(w.Findings, f)
	}
	w.Findings[0].Reason, w.Findings[0].Verdict = pull.RateLimited, pull.Unknown
	w.Findings[1].When = "already"
	w.Notices = []Notice{{Reason: pull.TagMoved}}
	s := &shelf{kept: map[string]*unstructured.Unstructured{}}
	r := &Reports{Client: s, Self: "pullgate"}
	if err := r.Open(t.Context(), serving(reportKinds()[1])); err != nil {
		t.Fatal(err)
	}
	if err := r.Tell(t.Context(), w, time.Unix(7, 0)); err != nil {
		t.Fatal(err)
	}
	report := s.kept["pullgate-u"]
	if owners := report.GetOwnerReferences(); report.GetKind() != "PolicyReport" || len(owners) != 1 || owners[0].UID != "u" || owners[0].Kind != "Deployment" {
		t.Errorf("%s of %+v", report.GetKind(), owners)
	}
	if _, named, _ := unstructured.NestedString(report.Object, "source"); named {
		t.Error("a PolicyReport has no source, which only its results have")
	}
	fail, _, _ := unstructured.NestedInt64(report.Object, "summary", "fail")
	warn, _, _ := unstructured.NestedInt64(report.Object, "summary", "warn")
	results, _, err := unstructured.NestedSlice(report.Object, "results")
	if err != nil || len(results) != maxResults || fail != maxResults+6 || warn != 2 {
		t.Errorf("%d results, %d fail, %d warn, %v", len(results), fail, warn, err)
	}
	for i, one := range results {
		raw, err := json.Marshal(one)
		if err != nil || len(raw) > maxResult || len(raw) < maxResult/2 {
			t.Errorf("result %d has %d bytes, %v", i, len(raw), err)
		}
	}
	if err := r.Remove(t.Context()); err != nil || len(s.kept) != 0 {
		t.Errorf("%v: %v", err, s.kept)
	}
}

func TestNoReports(t *testing.T) {
	if err := (&Reports{}).Open(t.Context(), serving()); !errors.Is(err, ErrNoReports) {
		t.Errorf("%v", err)
	}
}
