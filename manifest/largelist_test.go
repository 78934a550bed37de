package manifest

import (
	"fmt"
	"strings"
	"testing"
)

// TestLargeList: a List that is taken apart by its lines is read as one that is
// not, to the line.
func TestLargeList(t *testing.T) {
	list := func(n int, indent, more string) string {
		var text strings.Builder
		text.WriteString("apiVersion: v1\n# a comment\nitems:\n")
		for i := range n {
			item := fmt.Sprintf("- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: p%d\n    annotations:\n      a: |\n\n        - no item\n      b: 'x\n        y'\n# a comment\n  spec:\n    containers:\n    - image: a:%d\n%s", i, i, more)
			text.WriteString(indent + strings.ReplaceAll(strings.TrimSuffix(item, "\n"), "\n", "\n"+indent) + "\n")
		}
		return text.String() + "kind: List\nmetadata:\n  resourceVersion: \"\"\n"
	}
	padding := "    - image: b\n      args: [\"" + strings.Repeat("x", 3000) + "\"]\n"
	for name, indent := range map[string]string{"kubectl's": "", "indented": "  "} {
		t.Run(name, func(t *testing.T) {
			text := list(400, indent, padding)
			if len(text) < largeList {
				t.Fatal("the List is not large")
			}
			large := read(Input{Files: []string{Stdin}, Stdin: strings.NewReader(text)})
			small := read(Input{Files: []string{Stdin}, Stdin: strings.NewReader(list(400, indent, ""))})
			wantProblem(t, large, "")
			if len(large.Objects) != 400 || len(small.Objects) != 400 {
				t.Fatalf("%d and %d objects", len(large.Objects), len(small.Objects))
			}
			for i := range large.Objects {
				at := large.Objects[i].Find("spec.containers[0].image", "")
				if got := strings.Split(text, "\n")[at.Line-1]; !strings.HasSuffix(got, fmt.Sprintf("image: a:%d", i)) {
					t.Fatalf("object %d: line %d is %q", i, at.Line, got)
				}
			}
			if kept := len(large.Objects[0].place.text.(*yamlText).trees.last); kept > maxTrees {
				t.Errorf("%d trees are kept, want %d at most", kept, maxTrees)
			}
			if got, want := large.Objects[7].Start.Line-4, 7*16; got != want {
				t.Errorf("object 7 begins at line %d, want %d", got, want)
			}
		})
	}
	for name, text := range map[string]string{
		"anchors":    strings.Replace(list(400, "", padding), "name: p0", "name: &n p0", 1),
		"not a list": strings.Replace(list(400, "", padding), "kind: List\n", "", 1),
		"flow":       "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Pod, x: \"" + strings.Repeat("x", largeList) + "\"}]\n",
	} {
		s := read(Input{Files: []string{Stdin}, Stdin: strings.NewReader(text)})
		wantProblem(t, s, "")
		if want := map[string]int{"anchors": 400, "flow": 1}[name]; len(s.Objects) != want {
			t.Errorf("%s: %d objects, want %d", name, len(s.Objects), want)
		}
	}
	s := read(Input{Files: []string{Stdin}, Stdin: strings.NewReader("apiVersion: v1\nkind: List\nitems:\n  a: \"" + strings.Repeat("x", largeList) + "\"\n")})
	wantProblem(t, s, "-:1: items: a list of objects is expected")
	broken := strings.Replace(list(400, "", padding), "name: p3\n", "name: {\n", 1)
	s = read(Input{Files: []string{Stdin}, Stdin: strings.NewReader(broken)})
	if len(s.Objects) != 399 || len(s.Problems) != 1 || s.Problems[0].Line < 4+3*16 || s.Problems[0].Line > 4+4*16 {
		t.Errorf("of a List with one broken item %d objects and %v", len(s.Objects), s.Problems)
	}
}
