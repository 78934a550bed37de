// Package rigtest has a rig for the length of a test.
package rigtest

import (
	"path/filepath"
	"testing"

	"github.com/pullgate/pullgate/test/e2e/rig"
)

// Binaries are the programs that a rig runs; root is the repository.
func Binaries(t testing.TB, root string) rig.Binaries {
	t.Helper()
	found, err := rig.FindBinaries(root)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// Start puts together what a test runs on, with the programs and, unless the options
// name another, the manifest of the repository at root. It is taken down with the
// test; of one that failed the log has what Pullgate printed.
func Start(t testing.TB, root string, options rig.Options) *rig.Rig {
	t.Helper()
	options.Binaries = Binaries(t, root)
	if options.Manifest == "" {
		options.Manifest = filepath.Join(root, "deploy", "install.yaml")
	}
	r, err := rig.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("pullgate printed:\n%s", r.Gate.Log())
		}
		if err := r.Stop(); err != nil {
			t.Error(err)
		}
	})
	return r
}
