package pullgate_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Each claim of docs/security.md names the tests that hold it, and they are
// there: `TestName`, `TestOther` in `folder`. The same goes for what is fuzzed.
func TestClaimsAreTested(t *testing.T) {
	text, err := os.ReadFile("docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| claim | test |")
	claimed, table, _ := strings.Cut(table, "## What is fuzzed?")
	_, fuzzed, _ := strings.Cut(table, "| from whom | what | target |")
	if rows, found := named(t, claimed); rows < 20 || len(found) < rows {
		t.Errorf("%d claims, %d tests", rows, len(found))
	}
	_, found := named(t, fuzzed)
	for _, target := range targets(t) {
		if !slices.Contains(found, target) {
			t.Errorf("%s is not among what is fuzzed", target)
		}
	}
}

// named lists the tests that the rows of a table name, as FOLDER.NAME, and counts
// the rows. All have to be there.
func named(t *testing.T, table string) (rows int, found []string) {
	names, places := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9]+)`"), regexp.MustCompile("((?:`[A-Za-z0-9]+`(?:, )?)+) in `([a-z/.]+)`")
	for line := range strings.SplitSeq(table, "\n") {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		rows++
		before := len(found)
		for _, place := range places.FindAllStringSubmatch(line, -1) {
			there := testsIn(t, place[2])
			for _, name := range names.FindAllStringSubmatch(place[1], -1) {
				if found = append(found, place[2]+"."+name[1]); !there[name[1]] {
					t.Errorf("there is no %s in %s, by which it should hold that: %s", name[1], place[2], line)
				}
			}
		}
		placed, all := len(found)-before, len(names.FindAllString(line, -1))
		if all == 0 || placed != all {
			t.Errorf("%d tests named, %d with a folder: %s", all, placed, line)
		}
	}
	return rows, found
}

// targets lists what test/fuzz fuzzes, as FOLDER.NAME.
func targets(t *testing.T) (all []string) {
	rooms := slices.Collect(maps.Keys(rooms(t)))
	for _, room := range append(rooms, "test/oracle") {
		for name := range testsIn(t, room) {
			if strings.HasPrefix(name, "Fuzz") {
				all = append(all, room+"."+name)
			}
		}
	}
	slices.Sort(all)
	return all
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
