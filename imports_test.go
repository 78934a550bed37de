// Package pullgate_test keeps the arrows between the rooms one way.
package pullgate_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/pullgate/pullgate/"

// rooms returns what each package of ours imports directly, tests left out. It
// reads the files itself: the result of a test that asks another program is
// remembered by go test though files have changed.
func rooms(t *testing.T) map[string][]string {
	t.Helper()
	imports := map[string][]string{}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && isOutside(path):
			return fs.SkipDir
		case entry.IsDir(), !strings.HasSuffix(path, ".go"), strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		room := filepath.ToSlash(filepath.Dir(path))
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			imports[room] = append(imports[room], strings.TrimPrefix(imported, module))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return imports
}

// isOutside tells whether a folder is none of this module's: hidden, what the
// go command passes over, or a module of its own.
func isOutside(folder string) bool {
	name := filepath.Base(folder)
	_, err := os.Stat(filepath.Join(folder, "go.mod"))
	return err == nil || name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
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
		"workload":                    nil,
		"resolver/pull":               nil,
		"resolver/cache":              nil,
		"resolver/coalesce":           nil,
		"resolver/fair":               nil,
		"resolver/clock":              nil,
		"resolver/toll":               nil,
		"resolver/nodes":              {"resolver/pull"},
		"resolver/profiles":           {"resolver/pull"},
		"resolver/keyring/sourcetest": {"resolver/keyring"},
		"resolver/markers":            nil,
		"resolver/cloud":              {"resolver/pull"},
		"resolver/wording":            {"resolver/pull", "workload"},
		"resolver":                    {"workload", "resolver/pull", "resolver/cache", "resolver/coalesce", "resolver/fair", "resolver/wording", "resolver/nodes", "resolver/keyring", "resolver/registry"},
		"policy":                      {"workload", "resolver", "resolver/pull"},
		"engine":                      {"workload", "resolver", "resolver/pull", "policy"},
		"webhook":                     append([]string{"metrics", "probe", "webhook/sampling"}, core...),
		"probe":                       nil,
		"advice":                      nil,
		"doctor":                      {"advice", "cluster", "probe", "policy", "nodeprofile", "resolver/pull", "resolver/nodes", "resolver/registry/answers"},
		"wiring":                      append([]string{"nodeprofile", "resolver/profiles", "resolver/nodes", "resolver/keyring", "resolver/keyring/providers", "resolver/registry", "resolver/registry/crio", "resolver/cloud"}, core...),
		"webhook/server":              {"webhook/sampling"},
		"webhook/sampling":            nil,
		"webhook/callers":             {"webhook/sampling"},
		"certs":                       nil,
		"metrics":                     {"resolver/pull"},
		"cluster":                     {"nodeprofile", "resolver/nodes", "resolver/cache", "resolver/coalesce"},
		"manifest":                    nil,
		"nodeprofile":                 {"resolver/keyring/dockerconfig"},
		"explain":                     {"advice", "stuck", "imminence", "workload", "resolver", "resolver/pull"},
		"report":                      {"workload", "resolver/pull", "policy"},
		"audit":                       {"workload", "resolver", "resolver/pull", "resolver/nodes", "policy", "engine", "report", "stuck", "imminence"},
		"audit/pace":                  nil,
		"stuck":                       nil,
		"imminence":                   {"workload", "resolver/pull"},
		"audit/tell":                  {"workload", "resolver/pull"},
		"audit/live":                  {"workload", "resolver", "resolver/pull", "resolver/toll", "policy", "engine", "audit/pace", "stuck", "imminence", "audit/tell", "resolver/nodes"},
		"check":                       append([]string{"manifest", "report", "resolver/nodes", "resolver/keyring", "resolver/coalesce", "resolver/clock"}, core...),
	}
	maps.Copy(allowed, map[string][]string{ // whose credentials
		"resolver/keyring/dockerconfig": {"resolver/pull"},
		"resolver/keyring":              {"resolver/pull", "resolver/cache", "resolver/coalesce", "resolver/keyring/dockerconfig"},
		"resolver/keyring/providers":    {"resolver/cache", "resolver/coalesce", "resolver/fair", "resolver/pull", "resolver/keyring", "resolver/keyring/dockerconfig"},
	})
	maps.Copy(allowed, map[string][]string{ // how registries are asked
		"resolver/registry/wire":       {"resolver/clock", "resolver/fair", "resolver/toll"},
		"resolver/registry/contents":   nil,
		"resolver/registry/answers":    {"resolver/pull", "resolver/registry/contents", "resolver/registry/wire"},
		"resolver/registry/containerd": {"resolver/pull", "resolver/registry/answers", "resolver/registry/contents", "resolver/registry/wire"},
		"resolver/registry/crio":       {"resolver/pull", "resolver/registry/answers", "resolver/registry/wire"},
		"resolver/registry": {"resolver/pull", "resolver/cache", "resolver/registry/answers", "resolver/registry/containerd",
			"resolver/registry/contents", "resolver/registry/crio", "resolver/registry/wire"},
	})
	all := rooms(t)
	for room, imports := range all {
		may, listed := allowed[room]
		if room == "cmd/pullgate" {
			continue // brings all together
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
	for room, may := range allowed {
		if _, there := all[room]; !there {
			t.Errorf("%s is in this test, but nowhere else", room)
		}
		for _, path := range may {
			if !slices.Contains(all[room], path) {
				t.Errorf("%s may import %s, but does not: take it off its list", room, path)
			}
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
		"github.com/containerd/containerd/v2/core/remotes":        {"resolver/registry", "resolver/registry/contents"},
		"github.com/containerd/containerd/v2/core/images":         {"resolver/registry", "resolver/registry/answers", "resolver/registry/containerd", "resolver/registry/contents"},
		"k8s.io/api/admissionregistration/v1":                     {"certs", "doctor"},
		"github.com/spf13/cobra":                                  {"cmd/pullgate"},
		"sigs.k8s.io/controller-runtime/pkg/webhook":              {"cmd/pullgate", "webhook/server"},
		"github.com/prometheus/client_golang/prometheus":          {"audit/live", "certs", "cmd/pullgate", "metrics", "webhook"},
		"sigs.k8s.io/controller-runtime/pkg/metrics":              {"cmd/pullgate"},
		"github.com/containerd/containerd/v2/core/remotes/docker": {"resolver/registry", "resolver/registry/answers", "resolver/registry/containerd", "resolver/registry/wire"},
		"go.podman.io/image/v5/manifest":                          {"resolver/registry/crio"},
		"go.podman.io/image/v5/pkg/sysregistriesv2":               {"resolver/registry/crio"},
		"github.com/aws/aws-sdk-go-v2/config":                     {"resolver/cloud"},
		"github.com/Azure/azure-sdk-for-go/sdk/azidentity":        {"resolver/cloud"},
		"golang.org/x/oauth2/google":                              {"resolver/cloud"},
		"github.com/coreos/go-oidc/v3/oidc":                       {"webhook/callers"},
	}
	all := rooms(t)
	for room, imports := range all {
		for _, path := range imports {
			if may, owned := owners[path]; owned && !slices.Contains(may, room) {
				t.Errorf("%s imports %s, which is for %v", room, path, may)
			}
		}
	}
	for path, may := range owners {
		for _, room := range may {
			if !slices.Contains(all[room], path) {
				t.Errorf("%s owns %s, but does not import it: take it off the list", room, path)
			}
		}
	}
}
