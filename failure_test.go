package pullgate_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each row of docs/failure.md names tests, and all of them exist.
func TestFailuresAreTested(t *testing.T) {
	text, err := os.ReadFile("docs/failure.md")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile("`([a-z/]*[./])?(Test[A-Za-z]+)(/[A-Za-z]+)?`")
	rows := 0
	for row := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(row, "| \n"), " | ")
		if len(cells) != 3 || cells[0] == "what" {
			continue
		}
		rows++
		named := name.FindAllStringSubmatch(cells[2], -1)
		if len(named) == 0 {
			t.Errorf("no test is named for %q", cells[0])
		}
		for _, test := range named {
			room := strings.TrimRight(test[1], "./")
			switch {
			case strings.HasSuffix(test[1], "/"):
				room = "test/" + room
			case room == "":
				room = "test/e2e"
			}
			if !hasTest(t, room, test[2], strings.TrimPrefix(test[3], "/")) {
				t.Errorf("%s has no %s%s, which is named for %q", room, test[2], test[3], cells[0])
			}
		}
	}
	if rows < 20 {
		t.Errorf("%d rows were understood", rows)
	}
}

// hasTest tells whether a package has a test, with a part of that name.
func hasTest(t *testing.T, room, test, part string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(room, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	whole, partial := false, part == ""
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		whole = whole || strings.Contains(string(text), "\nfunc "+test+"(t *testing.T) {")
		partial = partial || strings.Contains(string(text), `{"`+part+`", test`) || strings.Contains(string(text), `t.Run("`+part+`",`)
	}
	return whole && partial
}
