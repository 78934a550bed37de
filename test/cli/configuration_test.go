package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// object is a mapping in a file.
type object = map[string]any

// configurationSchema is that of configuration files, and the names of its keys.
func configurationSchema(t *testing.T) (schema *jsonschema.Schema, keys []string) {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile(root + "/docs/configuration.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema, slices.Collect(maps.Keys(schema.Properties))
}

// TestConfigurationSchema validates every configuration in the documentation and
// beside the chart, in whole or in part, by the schema and by the program.
func TestConfigurationSchema(t *testing.T) {
	schema, keys := configurationSchema(t)
	count := map[string]int{}
	for file, text := range examples(t) {
		for _, example := range text {
			configuration := configurationIn(example, keys)
			if configuration == nil {
				continue
			}
			count[filepath.Dir(file)]++
			data, err := json.Marshal(configuration)
			if err != nil {
				t.Fatal(err)
			}
			value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(value); err != nil {
				t.Errorf("%s: %v", file, err)
			}
			if message := programOn(t, data); message != "" {
				t.Errorf("%s: %s", file, message)
			}
		}
	}
	for _, dir := range []string{"docs", "deploy", "deploy/chart", "deploy/values"} {
		if count[dir] == 0 {
			t.Errorf("no configuration is in %s: %v", dir, count)
		}
	}
}

// What the program refuses for its form, an editor marks too.
func TestConfigurationSchemaRefuses(t *testing.T) {
	schema, _ := configurationSchema(t)
	header := `{"apiVersion": "pullgate.dev/v1alpha1", "kind": "Configuration", `
	for _, text := range []string{
		`{"kind": "Configuration"}`, `{"apiVersion": "v1", "kind": "Configuration"}`,
		header + `"mode": "strict"}`, header + `"mods": "warn"}`, header + `"cache": {"size": "7"}}`, header + `"cache": {"positiveTTL": "5 minutes"}}`,
		header + `"rules": [{"namespaces": ["a"]}]}`, header + `"rules": [{"mode": "warn", "reasons": ["Rate"]}]}`, header + `"rules": {"mode": "warn"}}`,
		header + `"nodes": {"runtimes": ["docker"]}}`, header + `"nodes": {"cloudCredentials": ["aws"]}}`, header + `"notes": ["All"]}`,
		header + `"audit": {"registries": [{"host": "a"}]}}`, header + `"workloads": [{"kind": "Rollout"}]}`, header + `"allowSkipAnnotation": "yes"}`,
	} {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if schema.Validate(value) == nil {
			t.Errorf("the schema takes %s", text)
		}
		if programOn(t, []byte(text)) == "" {
			t.Errorf("the program takes %s", text)
		}
	}
}

// examples are the YAML in the documentation and beside the chart, by its file.
func examples(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, pattern := range []string{"README.md", "docs/*.md", "deploy/*.yaml", "deploy/chart/values.yaml", "deploy/chart/README.md", "deploy/values/*.yaml"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			texts := []string{string(data)}
			if strings.HasSuffix(file, ".md") {
				texts = blocks(string(data))
			}
			name, _ := filepath.Rel(root, file)
			found[name] = documents(t, name, texts)
		}
	}
	return found
}

// blocks are the blocks of YAML in a page.
func blocks(page string) (texts []string) {
	for i, part := range strings.Split("\n"+page, "\n```") {
		if text, yes := strings.CutPrefix(part, "yaml\n"); yes && i%2 == 1 {
			texts = append(texts, text)
		}
	}
	return texts
}

// documents are those in files and blocks, each by itself, with the files in
// ConfigMaps beside them.
func documents(t *testing.T, name string, texts []string) (all []string) {
	t.Helper()
	for _, text := range texts {
		decoder := yaml.NewDecoder(strings.NewReader(text))
		for {
			var document object
			err := decoder.Decode(&document)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Logf("%s: passed over: %v", name, err) // a list, or a part of a file
				break
			}
			data, err := yaml.Marshal(document)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, string(data))
			if files, ok := document["data"].(object); ok && document["kind"] == "ConfigMap" {
				for _, content := range files {
					text, _ := content.(string)
					all = append(all, text)
				}
			}
		}
	}
	return all
}

// configurationIn is the configuration that a document is or, as the chart's
// values do, has in it; a part of one gets its header. Nil: there is none.
func configurationIn(document string, keys []string) object {
	var content object
	if err := yaml.Unmarshal([]byte(document), &content); err != nil {
		return nil
	}
	if inner, ok := content["config"].(object); ok {
		content = inner
	}
	for key := range content {
		if !slices.Contains(keys, key) {
			return nil
		}
	}
	if kind, ok := content["kind"]; len(content) == 0 || ok && kind != "Configuration" {
		return nil
	}
	content["apiVersion"], content["kind"] = "pullgate.dev/v1alpha1", "Configuration"
	return content
}

// programOn is what the program finds wrong with a configuration.
func programOn(t *testing.T, data []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(filepath.Join(binDir, "pullgate"), "config", "validate", file).CombinedOutput()
	if err == nil {
		return ""
	}
	return string(out)
}
