package pullgate_test

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// How large things may be.
const (
	maxCircle        = 3   // files of a package that use each other in a circle
	maxMethods       = 14  // of a type
	maxFunctionLines = 80  // from func to its last brace
	maxFileLines     = 350 // tests aside
)

// Circles and types that are larger still, by package and by type. What is in
// here gets smaller, and at the end nothing is.
var (
	allowedCircles = map[string]int{}
	allowedMethods = map[string]int{}
)

// house is what one package consists of, tests left out: its files by name.
type house struct {
	files map[string]*ast.File
	set   *token.FileSet
}

// houses reads all packages of ours, by their folder.
func houses(t *testing.T) map[string]house {
	t.Helper()
	all := map[string]house{}
	for room := range rooms(t) {
		paths, err := filepath.Glob(filepath.Join(room, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		read := house{map[string]*ast.File{}, token.NewFileSet()}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(read.set, path, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			read.files[filepath.Base(path)] = file
		}
		all[room] = read
	}
	return all
}

// declares returns what a file declares for the whole package, methods aside.
func declares(file *ast.File) []string {
	var names []string
	for _, declared := range file.Decls {
		switch declared := declared.(type) {
		case *ast.FuncDecl:
			if declared.Recv == nil {
				names = append(names, declared.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range declared.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					names = append(names, spec.Name.Name)
				case *ast.ValueSpec:
					for _, name := range spec.Names {
						names = append(names, name.Name)
					}
				}
			}
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "_" })
}

// uses tells which names of which other files each file says. A name counts
// wherever it stands, be it a field's or a variable's of some function: one name
// is for one concept.
func (h house) uses() map[string]map[string][]string {
	home := map[string]string{}
	for name, file := range h.files {
		for _, declared := range declares(file) {
			home[declared] = name
		}
	}
	uses := map[string]map[string][]string{}
	for name, file := range h.files {
		uses[name] = map[string][]string{}
		ast.Inspect(file, func(node ast.Node) bool {
			if said, ok := node.(*ast.Ident); ok && said != file.Name {
				other := home[said.Name]
				if other != "" && other != name && !slices.Contains(uses[name][other], said.Name) {
					uses[name][other] = append(uses[name][other], said.Name)
				}
			}
			return true
		})
	}
	return uses
}

// largestCircle returns the most files that all lead to each other.
func largestCircle(uses map[string]map[string][]string) []string {
	leads := map[string]map[string]bool{}
	var walk func(from, at string)
	walk = func(from, at string) {
		for next := range uses[at] {
			if !leads[from][next] {
				leads[from][next] = true
				walk(from, next)
			}
		}
	}
	for file := range uses {
		leads[file] = map[string]bool{}
		walk(file, file)
	}
	var largest []string
	for _, file := range slices.Sorted(maps.Keys(uses)) {
		circle := []string{file}
		for other := range leads[file] {
			if other != file && leads[other][file] {
				circle = append(circle, other)
			}
		}
		if len(circle) > len(largest) {
			largest = circle
		}
	}
	return largest
}

// ties says which names hold a circle together, the fewest first: there it is
// untied the easiest.
func ties(circle []string, uses map[string]map[string][]string) string {
	type tie struct{ from, to string }
	var all []tie
	for _, from := range circle {
		for _, to := range circle {
			if len(uses[from][to]) > 0 {
				all = append(all, tie{from, to})
			}
		}
	}
	slices.SortFunc(all, func(a, b tie) int {
		return cmp.Or(len(uses[a.from][a.to])-len(uses[b.from][b.to]), cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to))
	})
	var text strings.Builder
	for _, tie := range all {
		fmt.Fprintf(&text, "\n\t%s uses of %s: %s", tie.from, tie.to, strings.Join(uses[tie.from][tie.to], ", "))
	}
	return text.String()
}

// One can read a package from one end to the other: what its files use of each
// other goes one way, but for a few that belong together.
func TestFilesFormNoCircle(t *testing.T) {
	all := houses(t)
	for room, house := range all {
		uses := house.uses()
		circle := largestCircle(uses)
		allowed, listed := allowedCircles[room]
		switch {
		case listed && (len(circle) < allowed || allowed <= maxCircle):
			t.Errorf("%s: %d files use each other in a circle: allow no %d", room, len(circle), allowed)
		case len(circle) > max(allowed, maxCircle):
			t.Errorf("%s: %d files use each other in a circle, %d may: move what ties them to where it belongs:%s",
				room, len(circle), max(allowed, maxCircle), ties(circle, uses))
		}
	}
	for room := range allowedCircles {
		if _, there := all[room]; !there {
			t.Errorf("%s is allowed a circle, but is not there", room)
		}
	}
}

// No type does everything.
func TestTypesHaveFewMethods(t *testing.T) {
	methods := map[string]int{}
	for room, house := range houses(t) {
		for _, file := range house.files {
			for _, declared := range file.Decls {
				if function, ok := declared.(*ast.FuncDecl); ok && function.Recv != nil {
					methods[room+"."+receiver(function)]++
				}
			}
		}
	}
	for name, count := range methods {
		if count > max(allowedMethods[name], maxMethods) {
			t.Errorf("%s has %d methods, %d may: it is more than one thing", name, count, max(allowedMethods[name], maxMethods))
		}
	}
	for name, allowed := range allowedMethods {
		if methods[name] < allowed || allowed <= maxMethods {
			t.Errorf("%s has %d methods: allow no %d", name, methods[name], allowed)
		}
	}
}

// receiver returns the name of the type that a method belongs to.
func receiver(method *ast.FuncDecl) string {
	name := ""
	ast.Inspect(method.Recv.List[0].Type, func(node ast.Node) bool {
		if said, ok := node.(*ast.Ident); ok && name == "" {
			name = said.Name
		}
		return name == ""
	})
	return name
}

// Each package says in doc.go what it is for, and nowhere else.
func TestPackagesSayTheirJob(t *testing.T) {
	for room, house := range houses(t) {
		for name, file := range house.files {
			if (file.Doc != nil) != (name == "doc.go") {
				t.Errorf("%s/%s: the comment on the package belongs into doc.go", room, name)
			}
		}
		if len(house.files) > 0 && house.files["doc.go"] == nil {
			t.Errorf("%s has no doc.go that says its job", room)
		}
	}
}

// Texts are for people: what one has to know of them is a value beside them. So
// nobody looks into a message, nor into what a node says, once they are written.
func TestTextsAreNotReadBack(t *testing.T) {
	texts := []string{"Message", "Summary", "Detail", "Hint", "Node"}
	reads := []string{"Contains", "ContainsAny", "Cut", "CutPrefix", "CutSuffix", "EqualFold", "Fields", "HasPrefix", "HasSuffix",
		"Index", "Split", "SplitN", "SplitSeq", "TrimPrefix", "TrimSuffix"}
	all := houses(t)
	for _, room := range []string{"resolver", "policy", "check", "report", "webhook"} {
		for _, file := range all[room].files {
			ast.Inspect(file, func(node ast.Node) bool {
				call, ok := node.(*ast.CallExpr)
				if !ok || !calls(call, "strings", reads) {
					return true
				}
				for _, given := range call.Args {
					if field, ok := given.(*ast.SelectorExpr); ok && slices.Contains(texts, field.Sel.Name) {
						t.Errorf("%s: a text is read back: %s", all[room].set.Position(call.Pos()), field.Sel.Name)
					}
				}
				return true
			})
		}
	}
}

// calls tells whether a call is of one of a package's functions.
func calls(call *ast.CallExpr, of string, functions []string) bool {
	called, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !slices.Contains(functions, called.Sel.Name) {
		return false
	}
	from, ok := called.X.(*ast.Ident)
	return ok && from.Name == of
}

// Functions and files are as long as one can take in.
func TestNothingIsLong(t *testing.T) {
	for room, house := range houses(t) {
		for name, file := range house.files {
			if lines := house.set.Position(file.FileEnd).Line; lines > maxFileLines {
				t.Errorf("%s/%s has %d lines, %d may", room, name, lines, maxFileLines)
			}
			for _, declared := range file.Decls {
				function, ok := declared.(*ast.FuncDecl)
				if !ok {
					continue
				}
				from, to := house.set.Position(function.Pos()), house.set.Position(function.End())
				if lines := to.Line - from.Line + 1; lines > maxFunctionLines {
					t.Errorf("%s: %s has %d lines, %d may", from, function.Name.Name, lines, maxFunctionLines)
				}
			}
		}
	}
}
