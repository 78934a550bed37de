package pullgate_test

import (
	"go/ast"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// dialling are the names of other packages by which somebody reaches the network.
var dialling = map[string][]string{
	"net": {"Dial", "DialTimeout", "DialTCP", "DialUDP", "DialIP", "DialUnix", "Dialer", "DefaultResolver", "Resolver",
		"LookupHost", "LookupIP", "LookupAddr", "LookupCNAME", "LookupTXT", "LookupSRV", "ResolveTCPAddr", "ResolveIPAddr", "ResolveUDPAddr"},
	"net/http":              {"Client", "Transport", "DefaultClient", "DefaultTransport", "Get", "Head", "Post", "PostForm"},
	"crypto/tls":            {"Dial", "DialWithDialer", "Dialer"},
	"syscall":               {"Connect", "Socket"},
	"golang.org/x/sys/unix": {"Connect", "Socket"},
}

// dialsByItself are packages of others that reach registries by a way of their own.
var dialsByItself = []string{
	"github.com/google/go-containerregistry/pkg/v1/remote",
	"github.com/google/go-containerregistry/pkg/crane",
	"go.podman.io/image/v5/docker", "go.podman.io/image/v5/copy", "go.podman.io/image/v5/transports/alltransports",
	"github.com/containerd/containerd/v2/core/transfer/registry",
	"oras.land/oras-go/v2/registry/remote",
	"net/rpc", "net/smtp", "golang.org/x/net/proxy", "golang.org/x/net/websocket", "google.golang.org/grpc",
}

// Nobody dials on behalf of a Pod but the guarded dialler of resolver/registry/wire:
// each file that names what dials is in this list, with the reason, and no file
// imports what would do so by itself.
func TestNobodyElseDials(t *testing.T) {
	why := map[string]string{
		"resolver/registry/wire/guard.go":     "the guard, and the names that a test has looked up",
		"resolver/registry/wire/link.go":      "the guarded dialler",
		"resolver/registry/wire/transport.go": "sends over it",
		"resolver/registry/wire/wire.go":      "clients over it",
		"resolver/registry/crio/session.go":   "is given one of those",
		"resolver/cloud/acr.go":               "the authority that the environment names; the registry over the guarded one",
		"resolver/cloud/google.go":            "token endpoints that the environment names",
		"cmd/pullgate/serve.go":               "the cluster's API server",
		"webhook/callers/tokens.go":           "the cluster's API server",
		"manifest/read.go":                    "URLs of the command line",
		"manifest/url.go":                     "URLs of the command line",
		"doctor/reach.go":                     "what an operator has doctor look at",
		"doctor/egress.go":                    "what an operator has doctor look at",
	}
	seen := map[string]bool{}
	for room, house := range houses(t) {
		for name, file := range house.files {
			path := filepath.ToSlash(filepath.Join(room, name))
			names, refused := dials(file)
			for _, imported := range refused {
				t.Errorf("%s imports %s, which dials by itself", path, imported)
			}
			if len(names) == 0 {
				continue
			}
			seen[path] = true
			if why[path] == "" {
				t.Errorf("%s uses %s: what is dialled for a Pod goes over resolver/registry/wire", path, strings.Join(names, ", "))
			}
		}
	}
	for _, path := range slices.Sorted(maps.Keys(why)) {
		if !seen[path] {
			t.Errorf("%s dials nothing: take it off the list", path)
		}
	}
}

// dials returns what a file uses that dials, and what it must not import.
func dials(file *ast.File) (names, refused []string) {
	imported := map[string]string{} // path by name
	for _, spec := range file.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		name := path[strings.LastIndexByte(path, '/')+1:]
		if spec.Name != nil {
			name = spec.Name.Name
		}
		imported[name] = path
		if slices.ContainsFunc(dialsByItself, func(bad string) bool { return path == bad }) {
			refused = append(refused, path)
		}
	}
	ast.Inspect(file, func(node ast.Node) bool {
		said, ok := node.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if of, ok := said.X.(*ast.Ident); ok && slices.Contains(dialling[imported[of.Name]], said.Sel.Name) {
			names = append(names, of.Name+"."+said.Sel.Name)
		}
		return true
	})
	slices.Sort(names)
	return slices.Compact(names), refused
}
