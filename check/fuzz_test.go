package check

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzDocker: whatever is in the user's docker configuration, what is wrong with it
// is told without a word of it. Helpers are not asked: they are programs.
func FuzzDocker(f *testing.F) {
	const marker = "s3cr3tM4rk3r"
	for _, content := range []string{
		"{}", `{"auths":{"quay.io":{"auth":"` + marker + `"}}}`, `{"auths":{"quay.io":{"auth":"dTpw"}}}`, `{"auths":[]}`, marker, `{"credsStore":1}`, `{"credHelpers":{"a":"b"}}`, "", `{"auths":{"https://` + marker + `@x":null}}`,
	} {
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content string) {
		dir := t.TempDir()
		t.Setenv("DOCKER_CONFIG", dir)
		if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		docker := NewDocker()
		if docker.Err != nil && strings.Contains(docker.Err.Error(), marker) || strings.Contains(docker.String(), marker) {
			t.Errorf("%v, %s", docker.Err, docker)
		}
	})
}
