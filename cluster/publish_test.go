package cluster

import (
	"context"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/pullgate/pullgate/nodeprofile"
)

// shelves keep ConfigMaps as an API server does: who has read an old one cannot
// write it.
type shelves struct {
	client.Client
	kept    map[string]*corev1.ConfigMap
	version int
	// before is done once before an update.
	before func()
	reads  int
	writes int
}

func newShelves(names ...string) *shelves {
	s := &shelves{kept: map[string]*corev1.ConfigMap{}}
	for _, name := range names {
		s.kept[name] = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "pullgate-system", Name: name, ResourceVersion: "0"}}
	}
	return s
}

func (s *shelves) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	s.reads++
	there, ok := s.kept[key.Name]
	if !ok {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "configmaps"}, key.Name)
	}
	there.DeepCopyInto(into.(*corev1.ConfigMap))
	return nil
}

func (s *shelves) Update(_ context.Context, object client.Object, _ ...client.UpdateOption) error {
	if before := s.before; before != nil {
		s.before = nil
		before()
	}
	if s.kept[object.GetName()].ResourceVersion != object.GetResourceVersion() {
		return apierrors.NewConflict(schema.GroupResource{Resource: "configmaps"}, object.GetName(), nil)
	}
	s.version++
	s.writes++
	changed := object.DeepCopyObject().(*corev1.ConfigMap)
	changed.ResourceVersion = strings.Repeat("1", s.version)
	s.kept[changed.Name] = changed
	return nil
}

// named are the nodes of each profile that is kept, by ConfigMap.
func (s *shelves) named(t *testing.T) map[string][]string {
	t.Helper()
	named := map[string][]string{}
	for name, kept := range s.kept {
		if text := kept.Data[profileKey]; text != "" {
			profile, err := nodeprofile.Parse([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			named[name] = profile.Nodes
		}
	}
	return named
}

func profileOf(version string) nodeprofile.Profile {
	return nodeprofile.Profile{APIVersion: nodeprofile.APIVersion, Kind: nodeprofile.Kind, Runtime: nodeprofile.Runtime{Name: nodeprofile.Containerd, Version: version}}
}

// Each distinct profile has one ConfigMap, which names the nodes that have it; what
// is as it was is not written again.
func TestShelf(t *testing.T) {
	names := []string{"p-0", "p-1"}
	server := newShelves(names...)
	put := func(shelf *Shelf, node, version string, want int) {
		t.Helper()
		if written, err := shelf.Put(t.Context(), node, profileOf(version)); err != nil || written != want {
			t.Fatalf("%s: %d written, want %d: %v", node, written, want, err)
		}
	}
	expect := func(want map[string][]string) {
		t.Helper()
		got := server.named(t)
		for _, name := range names {
			if !slices.Equal(got[name], want[name]) {
				t.Errorf("%s names %q, want %q", name, got[name], want[name])
			}
		}
	}
	a, b, c := &Shelf{Client: server, Namespace: "pullgate-system", Names: names}, &Shelf{Client: server, Namespace: "pullgate-system", Names: names}, &Shelf{Client: server, Namespace: "pullgate-system", Names: names}
	put(a, "a", "1.7", 1)
	put(b, "b", "1.7", 1)
	put(c, "c", "2.1", 1)
	expect(map[string][]string{"p-0": {"a", "b"}, "p-1": {"c"}})
	server.reads, server.writes = 0, 0
	put(a, "a", "1.7", 0)
	put(b, "b", "1.7", 0)
	if server.reads != 2 || server.writes != 0 {
		t.Errorf("a second pass of two nodes read %d times and wrote %d times", server.reads, server.writes)
	}
	put(b, "b", "2.1", 2) // it was updated
	expect(map[string][]string{"p-0": {"a"}, "p-1": {"c", "b"}})
	if _, err := b.Put(t.Context(), "b", profileOf("2.2")); err == nil || !strings.Contains(err.Error(), "nodeProfile.distinct") {
		t.Errorf("a third profile of two: %v", err)
	}
	put(a, "a", "2.1", 2) // whose place is free then
	expect(map[string][]string{"p-1": {"c", "b", "a"}})
	put(b, "b", "2.2", 2)
	expect(map[string][]string{"p-0": {"b"}, "p-1": {"c", "a"}})
	put(&Shelf{Client: server, Namespace: "pullgate-system", Names: names}, "b", "2.2", 0) // started anew
	put(b, "b", "2.3", 1)                                                                  // alone, it takes its place along
	expect(map[string][]string{"p-0": {"b"}, "p-1": {"c", "a"}})
}

// Who comes second reads again what the first has written, and both are named.
func TestShelfOfTwoAtOnce(t *testing.T) {
	names := []string{"p-0", "p-1"}
	server := newShelves(names...)
	first, second := &Shelf{Client: server, Names: names}, &Shelf{Client: server, Names: names}
	server.before = func() {
		if _, err := first.Put(t.Context(), "a", profileOf("1.7")); err != nil {
			t.Error(err)
		}
	}
	if written, err := second.Put(t.Context(), "b", profileOf("2.1")); err != nil || written != 1 {
		t.Errorf("%d written: %v", written, err)
	}
	if got := server.named(t); !slices.Equal(got["p-0"], []string{"a"}) || !slices.Equal(got["p-1"], []string{"b"}) {
		t.Errorf("kept: %v", got)
	}
}

// What another version has written is neither understood nor overwritten, and what
// is not there is not made.
func TestShelfOfOthers(t *testing.T) {
	server := newShelves("p-0")
	server.kept["p-0"].Data = map[string]string{profileKey: "apiVersion: pullgate.dev/v2\nkind: NodeProfile\n"}
	if written, err := (&Shelf{Client: server, Names: []string{"p-0"}}).Put(t.Context(), "a", profileOf("1.7")); err == nil || written != 0 {
		t.Errorf("%d written: %v", written, err)
	}
	if _, err := (&Shelf{Client: server, Names: []string{"none"}}).Put(t.Context(), "a", profileOf("1.7")); !apierrors.IsNotFound(err) {
		t.Errorf("a ConfigMap that is not there: %v", err)
	}
}

// Nodes that are gone make room for those that come.
func TestShelfIsBounded(t *testing.T) {
	server := newShelves("p-0")
	full := profileOf("1.7")
	for range maxNamed {
		full.Nodes = append(full.Nodes, "gone")
	}
	text, err := full.YAML()
	if err != nil {
		t.Fatal(err)
	}
	server.kept["p-0"].Data = map[string]string{profileKey: string(text)}
	if _, err := (&Shelf{Client: server, Names: []string{"p-0"}}).Put(t.Context(), "a", profileOf("1.7")); err != nil {
		t.Fatal(err)
	}
	if named := server.named(t)["p-0"]; len(named) != maxNamed || named[maxNamed-1] != "a" {
		t.Errorf("%d are named, the last of them %q", len(named), named[len(named)-1])
	}
}

// What is kept is known by the ConfigMap's name, until it is emptied or deleted.
func TestProfiles(t *testing.T) {
	kept := func(name, text string) *corev1.ConfigMap {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{profileKey: text}}
	}
	var p Profiles
	p.set(kept("a", "1"))
	p.set(kept("b", "2"))
	p.set(kept("b", ""))
	p.set(kept("c", "3"))
	p.remove(kept("c", "3"))
	if all := p.All(); len(all) != 1 || string(all["a"]) != "1" {
		t.Errorf("known: %q", all)
	}
	if none := (*Profiles)(nil); none.All() != nil || none.Settings() != nil || !none.Synced() || p.Synced() {
		t.Error("whether all are known is told wrongly")
	}
}

// Settings are the same, whatever nodes have them.
func TestSettingsOfProfiles(t *testing.T) {
	var p Profiles
	settings := func(version string, names ...string) string {
		t.Helper()
		profile := profileOf(version)
		profile.Nodes = names
		text, err := profile.YAML()
		if err != nil {
			t.Fatal(err)
		}
		p.set(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "p"}, Data: map[string]string{profileKey: string(text)}})
		return string(p.Settings()["p"])
	}
	first := settings("1.7", "a")
	if first == "" || settings("1.7", "a", "b") != first || settings("2.1", "a") == first {
		t.Errorf("settings:\n%s", first)
	}
	p.set(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "p"}})
	if left := p.Settings(); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// A node that moves from one profile to another is never in none.
func TestShelfMovesSafely(t *testing.T) {
	server := newShelves("p-0", "p-1")
	put := func(node, version string) {
		t.Helper()
		if _, err := (&Shelf{Client: server, Namespace: "pullgate-system", Names: []string{"p-0", "p-1"}}).Put(t.Context(), node, profileOf(version)); err != nil {
			t.Fatal(err)
		}
	}
	put("stays", "1.7")
	put("moves", "1.7")
	put("other", "2.1")
	server.before = func() {
		server.before = func() { // the second write takes it away
			if !slices.Contains(server.named(t)["p-1"], "moves") {
				t.Errorf("taken away before it was added: %v", server.named(t))
			}
		}
	}
	put("moves", "2.1")
	if got := server.named(t); slices.Contains(got["p-0"], "moves") || server.before != nil {
		t.Errorf("kept: %v", got)
	}
}
