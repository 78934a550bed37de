package check

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/resolver/keyring"
)

// home makes a home with files in it, and no other configuration.
func home(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "DOCKER_AUTH_CONFIG"} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", dir)
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func auths(entries map[string]string) string {
	text := ""
	for key, user := range entries {
		text += fmt.Sprintf(`,%q:{"auth":%q}`, key, base64.StdEncoding.EncodeToString([]byte(user+":password")))
	}
	return `{"auths":{` + strings.TrimPrefix(text, ",") + `}}`
}

// user looks a repository up; "" where there is no credential.
func user(t *testing.T, d *Docker, repository string) (string, error) {
	t.Helper()
	found, err := d.Lookup(t.Context(), nil, repository)
	if err != nil && !errors.Is(err, keyring.ErrElsewhere) {
		t.Errorf("%s: %v is a failure, want that nodes may have others", repository, err)
	}
	if len(found) == 0 {
		return "", err
	}
	name, _ := found[0].Basic()
	return name, err
}

func TestDockerFiles(t *testing.T) {
	const repository = "reg.example/team/app"
	dir := home(t, map[string]string{
		".docker/config.json":          auths(map[string]string{"reg.example": "docker"}),
		".config/containers/auth.json": auths(map[string]string{"reg.example": "podman"}),
		"other/config.json":            auths(map[string]string{"reg.example": "other"}),
		"run/containers/auth.json":     auths(map[string]string{"reg.example": "run"}),
		"file.json":                    auths(map[string]string{"reg.example": "file"}),
	})
	steps := []struct {
		change func()
		want   string
	}{
		{func() {}, "docker"},
		{func() { t.Setenv("DOCKER_CONFIG", filepath.Join(dir, "other")) }, "other"},
		{func() { t.Setenv("DOCKER_CONFIG", ""); _ = os.Remove(filepath.Join(dir, ".docker/config.json")) }, "podman"},
		{func() { t.Setenv("XDG_RUNTIME_DIR", filepath.Join(dir, "run")) }, "run"},
		{func() { t.Setenv("REGISTRY_AUTH_FILE", filepath.Join(dir, "file.json")) }, "file"},
		{func() {
			t.Setenv("HOME", t.TempDir())
			t.Setenv("REGISTRY_AUTH_FILE", "")
			t.Setenv("XDG_RUNTIME_DIR", "")
		}, ""},
		{func() { t.Setenv("DOCKER_AUTH_CONFIG", auths(map[string]string{"reg.example": "env"})) }, "env"},
	}
	for i, step := range steps {
		step.change()
		d := NewDocker()
		if got, _ := user(t, d, repository); got != step.want {
			t.Errorf("step %d: user %q, want %q (%s)", i, got, step.want, d)
		}
	}
}

func TestDockerKeys(t *testing.T) {
	home(t, map[string]string{".docker/config.json": auths(map[string]string{
		"https://index.docker.io/v1/": "hub", "reg.example": "registry", "reg.example/team": "team",
		"https://old.example/v1/": "old", "port.example:5000": "port",
	})})
	d := NewDocker()
	for repository, want := range map[string]string{
		"docker.io/library/nginx": "hub", "reg.example/app": "registry", "reg.example/team/app": "team",
		"reg.example/team": "team", "reg.example/teamwork/app": "registry", "old.example/a": "old",
		"port.example:5000/a": "port", "port.example/a": "", "sub.reg.example/a": "",
	} {
		if got, _ := user(t, d, repository); got != want {
			t.Errorf("%s: user %q, want %q", repository, got, want)
		}
	}
	home(t, map[string]string{".docker/config.json": auths(map[string]string{"docker.io": "podman"})})
	if got, _ := user(t, NewDocker(), "docker.io/library/nginx"); got != "podman" {
		t.Errorf("Docker Hub as podman writes it: user %q", got)
	}
}

func TestDockerHelpers(t *testing.T) {
	dir := home(t, map[string]string{
		"bin/docker-credential-good": "#!/bin/sh\nread key\necho \"$key\" >> \"$HOME/asked\"\ncase \"$key\" in *missing*) echo 'credentials not found in native keychain'; exit 1;; esac\n" +
			"printf '{\"Username\":\"%s\",\"Secret\":\"s\"}' \"$key\"\n",
		"bin/docker-credential-token": "#!/bin/sh\nprintf '{\"Username\":\"<token>\",\"Secret\":\"s\"}'\n",
		"bin/docker-credential-bad":   "#!/bin/sh\necho MARKER\nexit 1\n",
		".docker/config.json":         `{"credsStore":"good","credHelpers":{"token.example":"token","bad.example":"bad","gone.example":"gone"}}`,
	})
	t.Setenv("PATH", filepath.Join(dir, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
	d := NewDocker()
	tests := map[string]struct{ user, err string }{
		"reg.example/a":     {"reg.example", "the nodes may hold others"},
		"reg.example/b/c":   {"reg.example", "the nodes may hold others"},
		"missing.example/a": {"", ""},
		"token.example/a":   {"", "only a token"},
		"bad.example/a":     {"", "`docker-credential-bad get` says why"},
		"gone.example/a":    {"", "`docker-credential-gone get` says why"},
	}
	for repository, want := range tests {
		got, err := user(t, d, repository)
		if got != want.user || (err == nil) != (want.err == "") || err != nil && !strings.Contains(err.Error(), want.err) {
			t.Errorf("%s: user %q, error %v, want %+v", repository, got, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "MARKER") {
			t.Errorf("%s: what the helper printed is in the error %v", repository, err)
		}
	}
	asked, err := os.ReadFile(filepath.Join(dir, "asked"))
	if err != nil || strings.Count(string(asked), "reg.example\n") != 1 {
		t.Errorf("the helper was asked for\n%s(%v), want each registry once", asked, err)
	}
}

// TestDockerHelperIsAskedAgain: that somebody would not wait for a helper says
// nothing of what it holds.
func TestDockerHelperIsAskedAgain(t *testing.T) {
	dir := home(t, map[string]string{
		"bin/docker-credential-slow": "#!/bin/sh\nread key\nprintf '{\"Username\":\"u\",\"Secret\":\"s\"}'\n",
		".docker/config.json":        `{"credsStore":"slow"}`,
	})
	t.Setenv("PATH", filepath.Join(dir, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
	d := NewDocker()
	impatient, leave := context.WithCancel(t.Context())
	leave()
	if _, err := d.Lookup(impatient, nil, "reg.example/a"); !errors.Is(err, keyring.ErrElsewhere) {
		t.Errorf("who went away learnt %v", err)
	}
	if got, err := user(t, d, "reg.example/a"); got != "u" {
		t.Errorf("who waits is told user %q, %v", got, err)
	}
}

func TestDockerMalformed(t *testing.T) {
	for _, content := range []string{`{"auths":`, `{"auths":{"x":{"auth":"%%MARKER"}}}`, `[]`, `{"auths":{"x":{"auth":"` + base64.StdEncoding.EncodeToString([]byte("MARKER")) + `"}}}`} {
		home(t, map[string]string{".docker/config.json": content})
		d := NewDocker()
		_, err := d.Lookup(t.Context(), nil, "x/y")
		if d.Err == nil || err == nil || !errors.Is(err, keyring.ErrElsewhere) || !strings.Contains(d.String(), "cannot be read") {
			t.Errorf("%s: %v, %v, %s", content, d.Err, err, d)
		}
		if strings.Contains(fmt.Sprint(d.Err, err), "MARKER") {
			t.Errorf("%s: the error quotes it: %v", content, err)
		}
	}
	home(t, nil)
	if found, err := NewDocker().Lookup(t.Context(), nil, "x/y"); len(found) > 0 || err != nil {
		t.Errorf("without a configuration: %v, %v", found, err)
	}
}
