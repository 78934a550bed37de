// Package pullgate_test keeps the arrows between the rooms one way.
package pullgate_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/pullgate/pullgate/"

// rooms returns what each package of ours imports directly, tests left out.
func rooms(t *testing.T) map[string][]string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	output, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	imports := map[string][]string{}
	for line := range strings.Lines(string(output)) {
		words := strings.Fields(strings.ReplaceAll(line, module, ""))
		imports[words[0]] = words[1:]
	}
	return imports
}

// ours leaves out what is not in this module.
func ours(imports []string, all map[string][]string) []string {
	return slices.DeleteFunc(slices.Clone(imports), func(path string) bool {
		_, known := all[path]
		return !known
	})
}

// What each room may import of ours. The core knows no front, the fronts do not
// know each other, and cmd/pullgate brings all together.
func TestArrowsGoOneWay(t *testing.T) {
	core := []string{"resolver/pull", "workload", "resolver", "policy", "engine"}
	allowed := map[string][]string{
		"workload":          nil,
		"resolver/pull":     nil,
		"resolver/nodes":    {"resolver/pull"},
		"resolver/keyring":  {"resolver/pull"},
		"resolver/registry": {"resolver/pull"},
		"resolver":          {"workload", "resolver/pull", "resolver/nodes", "resolver/keyring", "resolver/registry"},
		"policy":            {"workload", "resolver", "resolver/pull"},
		"engine":            {"workload", "resolver", "resolver/pull", "policy"},
		"webhook":           core,
		"certs":             nil,
		"metrics":           {"resolver/pull"},
		"cluster":           {"resolver/nodes", "resolver/pull"},
		"manifest":          nil,
		"report":            {"workload", "resolver/pull"},
		"check":             append([]string{"manifest", "report", "resolver/nodes", "resolver/keyring", "resolver/registry"}, core...),
	}
	all := rooms(t)
	for room, imports := range all {
		may, listed := allowed[room]
		if room == "cmd/pullgate" || strings.HasSuffix(room, "pullgate") {
			continue // brings all together; and the module itself has no package
		}
		if !listed {
			t.Errorf("%s is not in this test: say what it may import", room)
		}
		for _, path := range ours(imports, all) {
			if !slices.Contains(may, path) {
				t.Errorf("%s imports %s", room, path)
			}
		}
	}
	for room := range allowed {
		if _, there := all[room]; !there {
			t.Errorf("%s is in this test, but nowhere else", room)
		}
	}
}

// The pure rooms do no I/O.
func TestPureRooms(t *testing.T) {
	impure := []string{"net", "net/http", "os", "os/exec", "io/fs", "path/filepath", "database/sql", "syscall"}
	all := rooms(t)
	for _, room := range []string{"workload", "policy", "resolver/pull", "resolver/nodes", "engine"} {
		for _, path := range all[room] {
			if slices.Contains(impure, path) {
				t.Errorf("%s imports %s", room, path)
			}
		}
	}
}

// What belongs to one room alone is imported by no other.
func TestOwners(t *testing.T) {
	owners := map[string][]string{
		"k8s.io/api/admission/v1":                                 {"webhook"},
		"github.com/containerd/containerd/v2/core/remotes":        {"resolver/registry"},
		"github.com/containerd/containerd/v2/core/images":         {"resolver/registry"},
		"k8s.io/api/admissionregistration/v1":                     {"certs"},
		"github.com/spf13/cobra":                                  {"cmd/pullgate"},
		"sigs.k8s.io/controller-runtime/pkg/webhook":              {"cmd/pullgate"},
		"github.com/prometheus/client_golang/prometheus":          {"cmd/pullgate", "metrics", "webhook"},
		"sigs.k8s.io/controller-runtime/pkg/metrics":              {"cmd/pullgate"},
		"github.com/containerd/containerd/v2/core/remotes/docker": {"resolver/registry"},
	}
	for room, imports := range rooms(t) {
		for _, path := range imports {
			if may, owned := owners[path]; owned && !slices.Contains(may, room) {
				t.Errorf("%s imports %s, which is for %v", room, path, may)
			}
		}
	}
}
