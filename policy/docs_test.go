package policy

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the documentation anew")

const (
	page  = "../docs/configuration.md"
	begin = "<!-- keys: made by `go test ./policy -update` -->\n"
	end   = "<!-- end of keys -->"
)

// TestKeysDocumented keeps the table of keys in docs/configuration.md equal to
// the comments on the types.
func TestKeysDocumented(t *testing.T) {
	var b strings.Builder
	b.WriteString("| key | meaning |\n|---|---|\n")
	(&documenter{types: parseTypes(t)}).describe(&b, "", "Configuration")
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	table, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no place for the keys, between %q and %q", page, begin, end)
	}
	if *update {
		if err := os.WriteFile(page, []byte(before+begin+b.String()+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if table != b.String() {
		t.Errorf("the keys in %s differ from the types: run `go test ./policy -update`", page)
	}
}

// parseTypes reads this package's struct types with their comments.
func parseTypes(t *testing.T) map[string]*ast.StructType {
	t.Helper()
	types := map[string]*ast.StructType{}
	for _, file := range []string{"configuration.go", "../workload/kinds.go"} {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				if s, ok := spec.Type.(*ast.StructType); ok {
					types[spec.Name.Name] = s
				}
			}
			return true
		})
	}
	return types
}

type documenter struct{ types map[string]*ast.StructType }

// describe writes a row for each key of a type, and the rows below it.
func (d *documenter) describe(b *strings.Builder, prefix, name string) {
	for _, field := range d.types[name].Fields.List {
		if field.Tag == nil || len(field.Names) == 0 {
			continue
		}
		key, _, _ := strings.Cut(reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("json"), ",")
		below, list := elementType(field.Type)
		path := prefix + key
		if list && d.types[below] != nil {
			path += "[]"
		}
		fmt.Fprintf(b, "| `%s` | %s |\n", path, strings.ReplaceAll(meaning(field, key), "|", `\|`))
		if d.types[below] != nil {
			d.describe(b, path+".", below)
		}
	}
}

// meaning is what the comment on a field says of its key.
func meaning(field *ast.Field, key string) string {
	meaning := strings.Join(strings.Fields(field.Doc.Text()), " ")
	for _, verb := range []string{" is ", " are "} {
		if rest, ok := strings.CutPrefix(meaning, field.Names[0].Name+verb); ok {
			meaning = strings.ToUpper(rest[:1]) + rest[1:]
		}
	}
	if meaning == "" {
		meaning = "The " + key + "."
	}
	return meaning
}

// elementType returns the name of a field's type, and whether it is a list.
func elementType(expr ast.Expr) (name string, list bool) {
	switch e := expr.(type) {
	case *ast.ArrayType:
		name, _ = elementType(e.Elt)
		return name, true
	case *ast.StarExpr:
		return elementType(e.X)
	case *ast.SelectorExpr:
		return e.Sel.Name, false
	case *ast.Ident:
		return e.Name, false
	}
	return "", false
}
