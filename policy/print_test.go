package policy

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// originOf is how `config print` says where values come from.
func originOf(lines map[string]int) func(string) string {
	return func(path string) string {
		if line, ok := lines[path]; ok {
			return fmt.Sprintf("c.yaml:%d", line)
		}
		return "default"
	}
}

func print(t *testing.T, file string) (Configuration, string) {
	t.Helper()
	c, lines, err := Trace([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	text, err := Print(c, originOf(lines)).YAML()
	if err != nil {
		t.Fatal(err)
	}
	return c, string(text)
}

// What is printed is the configuration that it is printed of, with every key.
func TestPrintIsRead(t *testing.T) {
	for name, file := range map[string]string{"whole": whole, "nothing": header, "off": header + "mode: off\nexempt: {users: [\"yes\", \"1\", \"a: b\", \"#\"]}\n"} {
		c, text := print(t, file)
		again, err := Parse([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
		want, _ := json.Marshal(c)
		if got, _ := json.Marshal(again); string(got) != string(want) {
			t.Errorf("%s: read again %s\nwant %s", name, got, want)
		}
		for path := range keys(reflect.TypeFor[Configuration](), "") {
			key := path[strings.LastIndexByte(path, '.')+1:]
			if !strings.Contains(path, "[]") && !strings.Contains(text, key+":") {
				t.Errorf("%s: %s is not printed", name, path)
			}
		}
	}
}

// Each value says where it comes from, those in lists and behind aliases too.
func TestPrintOrigins(t *testing.T) {
	_, text := print(t, header+`onUnknown: allow
rules:
- namespaces: &mine [a, b]
  mode: warn
- namespaces: *mine
  reasons: [RateLimited]
  mode: off
nodes: {platforms: [linux/arm64]}
cache:
  positiveTTL: 1m
  size: # nothing
`)
	for _, line := range []string{
		"apiVersion: pullgate.dev/v1alpha1 # c.yaml:1", "mode: enforce # default", "onUnknown: allow # c.yaml:3",
		"namespaces: [a, b] # c.yaml:5", "mode: warn # c.yaml:6", "namespaces: [a, b] # c.yaml:7", "reasons: [RateLimited] # c.yaml:8", `mode: "off" # c.yaml:9`,
		"images: [] # default", "platforms: [linux/arm64] # c.yaml:10", "positiveTTL: 1m # c.yaml:12", "size: 100000 # default",
		"namespaces: [kube-system] # default", `dryRunMode: "" # default`, "host: docker.io # default",
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %q in:\n%s", line, text)
		}
	}
	c, lines, err := Trace([]byte(header))
	if err != nil {
		t.Fatal(err)
	}
	printed := Print(c, originOf(lines))
	value, err := printed.Value()
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(value)
	if err != nil || !strings.Contains(string(data), `"cache":{"positiveTTL":"5m","size":100000}`) {
		t.Errorf("%v: %s", err, data)
	}
	if from := printed.Origins; from["cache.size"] != "default" || from["audit.registries[0].host"] != "default" || from["kind"] != "c.yaml:2" {
		t.Errorf("%v", from)
	}
}
