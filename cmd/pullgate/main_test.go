package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const header = "apiVersion: pullgate.dev/v1alpha1\nkind: Configuration\n"

// commandLine runs a command line, and returns what it came to.
func commandLine(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	root := newRoot()
	root.SetOut(&out)
	root.SetErr(&errs)
	root.SetIn(strings.NewReader(""))
	code = execute(t.Context(), root, args)
	return code, out.String(), errs.String()
}

// write makes a file of a test.
func write(t *testing.T, name, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// wantFailure fails unless a command line ended with a code, and with words of
// an error and, if it names one, a hint.
func wantFailure(t *testing.T, wantCode, code int, stdout, stderr string, want ...string) {
	t.Helper()
	if code != wantCode || stdout != "" || !strings.HasPrefix(stderr, "error: ") || strings.Contains(stderr, "goroutine") {
		t.Errorf("code %d, output %q, errors %q", code, stdout, stderr)
	}
	for _, part := range want {
		if !strings.Contains(stderr, part) {
			t.Errorf("no %q in %q", part, stderr)
		}
	}
}

func TestWrongUsage(t *testing.T) {
	tests := []struct {
		args string
		want []string
	}{
		{"serv", []string{`unknown command "serv"`, "hint: `pullgate --help` lists the commands"}},
		{"--verbose", []string{"unknown flag: --verbose", "hint: `pullgate --help` lists the flags"}},
		{"serve --port 1", []string{"unknown flag: --port", "`pullgate serve --help`"}},
		{"serve now", []string{`pullgate serve takes no arguments, got "now"`, "hint:"}},
		{"serve --log-level debug-6", []string{`--log-level "debug-6" is no level`}}, // would show Secrets
		{"serve --log-level loud", []string{`--log-level "loud" is no level`, "debug, info, warn or error"}},
		{"serve --drain-time=-5s", []string{"--drain-time -5s is negative", "hint: write how long"}},
		{"check --image nginx --timeout -1m", []string{"--timeout -1m0s is negative"}},
		{"serve --config", []string{"flag needs an argument: --config"}},
		{"doctor me", []string{`pullgate doctor takes no arguments, got "me"`}},
		{"doctor -o yaml", []string{`--output "yaml" is unknown`, "hint: write one of [text json]"}},
		{"version x", []string{"takes no arguments"}},
		{"config check", []string{`unknown command "check" for "pullgate config"`}},
		{"config validate", []string{"one FILE expected, got 0 arguments", "hint:"}},
		{"config validate a b", []string{"one FILE expected, got 2 arguments"}},
		{"config validate --strict a", []string{"unknown flag: --strict"}},
	}
	for _, test := range tests {
		t.Run(test.args, func(t *testing.T) {
			code, stdout, stderr := commandLine(t, strings.Fields(test.args)...)
			wantFailure(t, exitUsage, code, stdout, stderr, test.want...)
		})
	}
}

func TestHelp(t *testing.T) {
	for _, args := range []string{"", "--help", "serve --help", "config", "config validate -h", "version --help"} {
		code, stdout, stderr := commandLine(t, strings.Fields(args)...)
		if code != 0 || !strings.Contains(stdout, "Usage:") || stderr != "" {
			t.Errorf("%q: code %d, errors %q, output\n%s", args, code, stderr, stdout)
		}
	}
}

func TestVersion(t *testing.T) {
	code, stdout, stderr := commandLine(t, "version")
	if code != 0 || !strings.HasPrefix(stdout, "pullgate ") || !strings.Contains(stdout, "go1.") || stderr != "" {
		t.Errorf("code %d: %s%s", code, stdout, stderr)
	}
}

func TestConfigValidate(t *testing.T) {
	t.Run("good", func(t *testing.T) {
		file := write(t, "good.yaml", header+"mode: off\nnodes: {cloudCredentials: [ecr, google, acr]}\n")
		if code, stdout, stderr := commandLine(t, "config", "validate", file); code != 0 || stdout != file+" is valid\n" || stderr != "" {
			t.Errorf("code %d: %s%s", code, stdout, stderr)
		}
	})
	tests := []struct {
		name, content string
		want          []string
	}{
		{"bad", header + "mode: strict\nmods: warn\n", []string{"mods (line 4): unknown field", "docs/configuration.md"}},
		{"several problems", header + "mode: strict\ndepth: deep\n", []string{`mode: Unsupported value: "strict"`, "; depth: Unsupported"}},
		{"empty", "", []string{"the file is empty"}},
		{"rubbish", "\x00\x01", []string{"neither YAML nor JSON"}},
		{"large", strings.Repeat("#\n", 4<<20), []string{"larger than 1024 KiB"}},
		{"a cloud that is none", header + "nodes: {cloudCredentials: [ecr, gcp]}\n",
			[]string{`nodes.cloudCredentials[1]: Unsupported value: "gcp": supported values: "ecr", "google", "acr"`}},
		{"a host that matches nothing", header + "nodes: {hiddenCredentials: [a.example.com, '%zz']}\n", []string{"nodes.hiddenCredentials[1]: "}},
		{"a host with a scheme", header + "nodes: {hiddenCredentials: ['https://a.example.com']}\n", []string{`nodes.hiddenCredentials[0]: no image names a scheme: write "a.example.com"`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			file := write(t, "c.yaml", test.content)
			code, stdout, stderr := commandLine(t, "config", "validate", file)
			wantFailure(t, exitUsage, code, stdout, stderr, append(test.want, "error: configuration "+file+": ", "\nhint: ")...)
		})
	}
	t.Run("missing", func(t *testing.T) {
		code, stdout, stderr := commandLine(t, "config", "validate", filepath.Join(t.TempDir(), "none.yaml"))
		wantFailure(t, exitUsage, code, stdout, stderr, "none.yaml: no such file", "hint: name the file")
	})
	t.Run("a folder", func(t *testing.T) {
		code, stdout, stderr := commandLine(t, "config", "validate", t.TempDir())
		wantFailure(t, exitUsage, code, stdout, stderr, "is a directory")
	})
	t.Run("endless", func(t *testing.T) {
		code, stdout, stderr := commandLine(t, "config", "validate", "/dev/zero")
		wantFailure(t, exitUsage, code, stdout, stderr, "larger than")
	})
	t.Run("unreadable", func(t *testing.T) {
		file := write(t, "c.yaml", header)
		if err := os.Chmod(file, 0); err != nil {
			t.Fatal(err)
		}
		if readable, err := os.Open(file); err == nil { // for root it is
			_ = readable.Close()
			return
		}
		code, stdout, stderr := commandLine(t, "config", "validate", file)
		wantFailure(t, exitUsage, code, stdout, stderr, "permission denied", "make the file readable")
	})
}

func TestCheckAddress(t *testing.T) {
	for address, good := range map[string]bool{":9443": true, "127.0.0.1:1": true, "[::1]:65535": true, "9443": false, ":0": false, ":65536": false, ":-1": false, ":http": false, "": false, "a:b:c": false} {
		if err := checkAddress("--bind-address", address); (err == nil) != good {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// A kubeconfig's server may have a password in its URL.
func TestServersPassword(t *testing.T) {
	file := kubeconfig(t, "https://me:hush@127.0.0.1:1")
	for _, args := range []string{"doctor", "audit", "explain pod/web", "check --cluster --image nginx"} {
		code, stdout, stderr := commandLine(t, append(strings.Fields(args), "--kubeconfig", file)...)
		wantFailure(t, exitUsage, code, stdout, stderr, "gives no answer", "127.0.0.1:1")
		if strings.Contains(stderr, "hush") {
			t.Errorf("pullgate %s shows the password: %s", args, stderr)
		}
	}
}
