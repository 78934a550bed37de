package main

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// servers are a registry that has app:1, and one that has nothing.
func servers(t *testing.T) (full, empty *httptest.Server) {
	t.Helper()
	quiet := registry.Logger(log.New(io.Discard, "", 0))
	stored := registry.New(quiet)
	full, empty = httptest.NewUnstartedServer(stored), httptest.NewUnstartedServer(registry.New(quiet))
	for _, server := range []*httptest.Server{full, empty} {
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.StartTLS()
	}
	t.Cleanup(full.Close)
	t.Cleanup(empty.Close)
	ref, err := name.ParseReference(strings.TrimPrefix(full.URL, "https://") + "/app:1")
	if err != nil {
		t.Fatal(err)
	}
	image, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image, remote.WithTransport(full.Client().Transport)); err != nil {
		t.Fatal(err)
	}
	return full, empty
}

// authority is the CA of a server as a YAML text.
func authority(t *testing.T, server *httptest.Server) string {
	t.Helper()
	text, err := json.Marshal(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What a node's profile says counts: its mirrors, its CAs, what it has and others
// have not. An image is broken only if it is for each.
func TestProfiles(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	full, empty := servers(t)
	profile := func(server *httptest.Server, ofHost, ofNode string) string {
		return write(t, "node.yaml", fmt.Sprintf(`
apiVersion: pullgate.dev/v1alpha1
kind: NodeProfile
distribution: k3s
runtime: {name: containerd, path: local}
registries: [{host: images.invalid, server: {url: %q%s}}]
%s
`, server.URL, ofHost, ofNode))
	}
	own := ", authorities: [" + authority(t, full) + "]"
	has, lacks := profile(full, own, ""), profile(empty, own, "")
	trusts := profile(full, "", "authorities: ["+authority(t, full)+"]")
	header := profile(empty, own+", headers: [Authorization]", "")
	tests := []struct {
		name     string
		profiles []string
		want     string
		code     int
	}{
		{"nothing known", nil, `"reason": "RegistryUnreachable"`, 0},
		{"a mirror", []string{has}, `"reason": "Pullable"`, 0},
		{"a mirror's CA in the trust store", []string{trusts}, `"reason": "Pullable"`, 0},
		{"a mirror without its CA", []string{profile(full, "", "")}, `"reason": "UntrustedCertificate"`, 0},
		{"a mirror that has it not", []string{lacks}, `"reason": "RepositoryNotFound"`, exitFound},
		{"one of two", []string{has, lacks}, `could not pull it (RepositoryNotFound)"`, 0},
		{"none of two", []string{lacks, profile(empty, own, "")}, `"reason": "RepositoryNotFound"`, exitFound},
		{"what the node alone has", []string{header}, `"reason": "NodeCredentialsUnknown"`, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			config := write(t, "config.yaml", fmt.Sprintf("apiVersion: pullgate.dev/v1alpha1\nkind: Configuration\nnodes: {profiles: [%s]}\n", strings.Join(tt.profiles, ", ")))
			code, stdout, stderr := commandLine(t, "check", "--config", config, "--image", "images.invalid/app:1", "-o", "json", "--platform", "linux/amd64")
			if code != tt.code || !strings.Contains(stdout, tt.want) {
				t.Errorf("code %d, want %d with %s\n%s%s", code, tt.code, tt.want, stdout, stderr)
			}
			if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
				t.Errorf("%d things left behind, %v", len(left), err)
			}
		})
	}
}

// A profile that is none says which.
func TestProfilesRefused(t *testing.T) {
	config := func(profile string) string {
		return write(t, "config.yaml", "apiVersion: pullgate.dev/v1alpha1\nkind: Configuration\nnodes: {profiles: ["+profile+"]}\n")
	}
	for profile, want := range map[string]string{
		filepath.Join(t.TempDir(), "none.yaml"): "nodes.profiles[0]: ",
		write(t, "p.yaml", "kind: Secret"):      "no node profile",
		write(t, "p.yaml", "apiVersion: pullgate.dev/v1alpha1\nkind: NodeProfile\nruntime: {name: containerd}\nregistries: [{host: ../../up}]"): "is no host",
	} {
		code, stdout, stderr := commandLine(t, "check", "--config", config(profile), "--image", "a.example.com/a:1")
		if code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%s: code %d\n%s%s", want, code, stdout, stderr)
		}
	}
}
