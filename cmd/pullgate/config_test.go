package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/policy"
)

// What `config print` prints is what `serve` would use, and says where each value
// comes from.
func TestConfigPrint(t *testing.T) {
	file := write(t, "c.yaml", header+"mode: warn\nnodes: {hiddenCredentials: []}\n")
	code, out, _ := commandLine(t, "config", "print", file)
	for _, line := range []string{"mode: warn # " + file + ":3", "onUnknown: warn # default"} {
		if code != 0 || !strings.Contains(out, line+"\n") {
			t.Errorf("exit code %d, no %q in %s", code, line, out)
		}
	}
	// An empty list is the default, which is printed in its place.
	if !strings.Contains(out, "'*.azurecr.io'") || strings.Contains(out, "'*.azurecr.us'] # "+file) {
		t.Errorf("hidden credentials: %s", out)
	}
	if code, again, stderr := commandLine(t, "config", "validate", write(t, "printed.yaml", out)); code != 0 {
		t.Errorf("what is printed is refused: %s%s", again, stderr)
	}
	code, out, _ = commandLine(t, "config", "print", "-o", "json", file)
	var printed struct {
		Configuration policy.Configuration
		Origins       map[string]string
	}
	if err := json.Unmarshal([]byte(out), &printed); err != nil || code != 0 {
		t.Fatalf("exit code %d: %v: %s", code, err, out)
	}
	if printed.Configuration.Mode != policy.Warn || printed.Origins["mode"] != file+":3" || printed.Origins["cache.size"] != "default" {
		t.Errorf("%s", out)
	}
	if code, out, _ = commandLine(t, "config", "print"); code != 0 || !strings.Contains(out, "mode: enforce # default") {
		t.Errorf("without a file: %d: %s", code, out)
	}
}

func TestConfigPrintRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"a bad file":  {[]string{write(t, "bad.yaml", header+"mode: strict\n")}, "mode"},
		"no file":     {[]string{"/none/c.yaml"}, "/none/c.yaml"},
		"two files":   {[]string{"a", "b"}, "one FILE at most"},
		"no format":   {[]string{"-o", "toml"}, "[yaml json]"},
		"a bad glob":  {[]string{write(t, "glob.yaml", header+"nodes: {hiddenCredentials: [\"https://a\"]}\n")}, "scheme"},
		"no document": {[]string{write(t, "empty.yaml", "")}, "empty"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, stderr := commandLine(t, append([]string{"config", "print"}, test.args...)...)
			if code != exitUsage || out != "" || !strings.Contains(stderr, test.want) {
				t.Errorf("exit code %d, %q, %s", code, out, stderr)
			}
		})
	}
}

// The schema that is printed is the one that editors find.
func TestConfigSchema(t *testing.T) {
	published, err := os.ReadFile("../../docs/configuration.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if code, out, _ := commandLine(t, "config", "schema"); code != 0 || out != string(published) {
		t.Errorf("exit code %d, %d bytes, want %d", code, len(out), len(published))
	}
}
