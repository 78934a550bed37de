package pullgate_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each claim of docs/security.md names the tests that hold it, and they are
// there: `TestName`, `TestOther` in `folder`.
func TestClaimsAreTested(t *testing.T) {
	text, err := os.ReadFile("docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| claim | test |")
	names, places := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9]+)`"), regexp.MustCompile("((?:`[A-Za-z0-9]+`(?:, )?)+) in `([a-z/.]+)`")
	claims, found := 0, 0
	for _, line := range strings.Split(table, "\n") {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		claims++
		placed := 0
		for _, place := range places.FindAllStringSubmatch(line, -1) {
			there := testsIn(t, place[2])
			for _, name := range names.FindAllStringSubmatch(place[1], -1) {
				if placed++; !there[name[1]] {
					t.Errorf("there is no %s in %s, by which it should hold that: %s", name[1], place[2], line)
				}
			}
		}
		if named := len(names.FindAllString(line, -1)); named == 0 || placed != named {
			t.Errorf("%d tests named, %d with a folder: %s", named, placed, line)
		}
		found += placed
	}
	if claims < 20 || found < claims {
		t.Errorf("%d claims, %d tests", claims, found)
	}
}

// testsIn lists the tests of a folder.
func testsIn(t *testing.T, folder string) map[string]bool {
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			if function, ok := declaration.(*ast.FuncDecl); ok && function.Recv == nil {
				found[function.Name.Name] = true
			}
		}
	}
	return found
}
