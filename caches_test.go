package pullgate_test

import (
	"go/ast"
	"testing"
)

// Whatever is kept by what users name is in a cache of ours, and each says how much
// it keeps at most.
func TestEveryCacheIsBounded(t *testing.T) {
	found := 0
	for room, house := range houses(t) {
		for name, file := range house.files {
			ast.Inspect(file, func(node ast.Node) bool {
				literal, ok := node.(*ast.CompositeLit)
				if !ok || !isCacheOptions(literal.Type) || room == "resolver/cache" {
					return true
				}
				found++
				if !sets(literal, "Entries") {
					t.Errorf("%s/%s has a cache without a bound", room, name)
				}
				return true
			})
		}
	}
	if found < 8 {
		t.Errorf("%d caches", found)
	}
}

// isCacheOptions tells whether a type is cache.Options[K, V].
func isCacheOptions(kind ast.Expr) bool {
	generic, ok := kind.(*ast.IndexListExpr)
	if !ok {
		return false
	}
	named, ok := generic.X.(*ast.SelectorExpr)
	if !ok || named.Sel.Name != "Options" {
		return false
	}
	of, ok := named.X.(*ast.Ident)
	return ok && of.Name == "cache"
}

// sets tells whether a literal has a value for a field.
func sets(literal *ast.CompositeLit, field string) bool {
	for _, element := range literal.Elts {
		if pair, ok := element.(*ast.KeyValueExpr); ok {
			if key, ok := pair.Key.(*ast.Ident); ok && key.Name == field {
				return true
			}
		}
	}
	return false
}
