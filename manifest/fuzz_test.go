package manifest

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzKustomization: whatever a kustomization says, what it uses is found out
// without end of folders. It is not built: it may name what is to be fetched.
func FuzzKustomization(f *testing.F) {
	for _, content := range []string{
		"resources: [a.yaml, ../base, '.', '..', https://example.com/x]", "bases: [/]", "resources: {}", "resources: [1]", "configMapGenerator: [{files: ['a=b=c', '=', x]}]", "patches: [{path: p}]\npatchesStrategicMerge: ['a: b\n']",
		"helmCharts: [{valuesFile: v, additionalValuesFiles: [w]}]", "openapi: {path: o}", "\x00", "&a [*a]", "secretGenerator: [{envs: [e], env: f}]",
	} {
		f.Add(content, content)
	}
	f.Fuzz(func(t *testing.T, outer, inner string) {
		dir := t.TempDir()
		base := filepath.Join(dir, "base")
		if err := os.Mkdir(base, 0o700); err != nil {
			t.Fatal(err)
		}
		for name, content := range map[string]string{filepath.Join(dir, "kustomization.yaml"): outer, filepath.Join(base, "kustomization.yaml"): inner} {
			if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		plans := chain(dir)
		if len(plans) == 0 || plans[0].dir != filepath.Clean(dir) {
			t.Fatalf("%d kustomizations", len(plans))
		}
		for _, p := range plans {
			_ = p.uses()
		}
	})
}
