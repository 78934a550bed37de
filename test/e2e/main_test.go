// Package e2e tests Pullgate on a real API server, with a real kubectl and
// real registries.
package e2e

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/pullgate/pullgate/test/e2e/rig"
)

// root is the repository.
const root = "../.."

// updateFlag writes what was recorded instead of comparing it.
const updateFlag = "update"

// TestMain builds nothing; it says what has to be built. The binary is a
// credential provider, too.
func TestMain(m *testing.M) {
	if os.Getenv("E2E_PROVIDER") != "" {
		os.Exit(asProvider())
	}
	flag.Bool(updateFlag, false, "write what kubectl printed into the documentation")
	if _, err := rig.FindBinaries(root); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func updating() bool { return flag.Lookup(updateFlag).Value.String() == "true" }

// installRollouts is the manifest for a cluster with Rollouts.
func installRollouts() string { return filepath.Join("testdata", "install-rollouts.yaml") }
