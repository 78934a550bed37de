package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	// Its module has the schema of SARIF in it.
	_ "github.com/securego/gosec/v2/cwe"
)

// sarifSchema is OASIS' schema of SARIF 2.1.0, as gosec ships it.
func sarifSchema(t *testing.T) string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/securego/gosec/v2").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(strings.TrimSpace(string(dir)), "report/sarif/testdata/sarif-schema-2.1.0.json")
}

// TestSchemas validates every golden report, and those of made-up results with
// everything in them, against the schemas of their formats.
func TestSchemas(t *testing.T) {
	for format, schema := range map[string]string{"json": root + "/docs/report.schema.json", "sarif": sarifSchema(t)} {
		t.Run(format, func(t *testing.T) {
			compiler := jsonschema.NewCompiler()
			compiler.AssertFormat()
			compiled, err := compiler.Compile(schema)
			if err != nil {
				t.Fatal(err)
			}
			reports, err := filepath.Glob("testdata/golden/*." + format)
			if err != nil || len(reports) == 0 {
				t.Fatalf("no golden reports: %v", err)
			}
			for _, report := range append(reports, root+"/report/testdata/sample."+format) {
				validate(t, compiled, report)
			}
		})
	}
}

func validate(t *testing.T, schema *jsonschema.Schema, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("%s: %v", file, err)
	}
}
