package providers

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pullgate/pullgate/resolver/keyring"
)

// write puts content into a file whose modification time is of its own, so
// that no two writes look alike however fast they follow each other.
func write(t *testing.T, path, content string, age time.Duration) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	when := time.Now().Add(-age)
	if err := os.Chtimes(path, when, when); err != nil {
		t.Fatal(err)
	}
}

func wantNode(t *testing.T, source keyring.NodeSource, repository string, want ...string) {
	t.Helper()
	found, err := source.Lookup(t.Context(), nil, repository)
	if got := tried(found); err != nil || !slices.Equal(got, want) {
		t.Errorf("%s: %q, %v, want %q", repository, got, err, want)
	}
}

func wantProblem(t *testing.T, source keyring.NodeSource, repository, text string) {
	t.Helper()
	found, err := source.Lookup(t.Context(), nil, repository)
	if err == nil || !strings.Contains(err.Error(), text) || len(found) > 0 {
		t.Errorf("%s: %q, %v, want nothing and an error with %q", repository, tried(found), err, text)
	}
}

func TestNodeConfig(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	write(t, path, `{"auths":{"quay.io":{"auth":"dTpw"},"https://index.docker.io/v1/":{"username":"h"}},"credsStore":"x"}`, time.Hour)
	node := &NodeConfig{Path: path}
	wantNode(t, node, "quay.io/app", "u:p@node/config.json")
	wantNode(t, node, "docker.io/library/nginx", "h:@node/config.json")
	wantNode(t, node, "ghcr.io/app")
}

func TestNodeDockercfg(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".dockercfg")
	write(t, path, `{"quay.io":{"auth":"dTpw"}}`, 0)
	wantNode(t, &NodeConfig{Path: path}, "quay.io/app", "u:p@node/.dockercfg")
}

// TestNodeConfigChanges: a changed file is read again, a bad one passed over
// until it is good.
func TestNodeConfigChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	node := &NodeConfig{Path: path}
	wantProblem(t, node, "quay.io/app", "no such file")
	write(t, path, `{"auths":{"quay.io":{"username":"a"}}}`, time.Hour)
	wantNode(t, node, "quay.io/app", "a:@node/config.json")
	write(t, path, `{"auths":{"quay.io":{"username":"b"}}}`, time.Minute)
	wantNode(t, node, "quay.io/app", "b:@node/config.json")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, `{"auths":{"quay.io":{"username":"longer"}}}`, time.Minute)
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	wantNode(t, node, "quay.io/app", "longer:@node/config.json")
	write(t, path, `{"auths":{"quay.io":{"auth":"!"}}}`, time.Second)
	wantProblem(t, node, "quay.io/app", "config.json is passed over: malformed: illegal base64 data at input byte 0")
	wantProblem(t, node, "quay.io/app", "malformed")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, node, "quay.io/app", "no such file")
	write(t, path, `{"auths":{"quay.io":{"username":"c"}}}`, 0)
	wantNode(t, node, "quay.io/app", "c:@node/config.json")
}

// TestNodeConfigUnchanged: a file that looks the same is not read again.
func TestNodeConfigUnchanged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	node := &NodeConfig{Path: path}
	write(t, path, `{"auths":{"quay.io":{"username":"a"}}}`, 0)
	wantNode(t, node, "quay.io/app", "a:@node/config.json")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, `{"auths":{"quay.io":{"username":"b"}}}`, 0)
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	wantNode(t, node, "quay.io/app", "a:@node/config.json")
}

func TestNodeConfigOddFiles(t *testing.T) {
	directory := t.TempDir()
	wantProblem(t, &NodeConfig{Path: directory}, "quay.io/app", "is not a regular file")
	wantProblem(t, &NodeConfig{Path: os.DevNull}, "quay.io/app", "is not a regular file")
	wantProblem(t, &NodeConfig{}, "quay.io/app", "no such file")
	large := filepath.Join(directory, "config.json")
	write(t, large, "", 0)
	if err := os.Truncate(large, maxConfig+1); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, &NodeConfig{Path: large}, "quay.io/app", "is larger than 10 MiB")
}
