package containerd

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/wire"
)

// A hosts.toml that cannot be read is told once, by its name and without what
// stands in it; the registry itself is asked.
func TestAMalformedHostsFileIsTold(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "reg.example.com"), 0o700); err != nil {
		t.Fatal(err)
	}
	const content = "server = \"https://bob:s3cret@reg.example.com\nAuthorization s3cret"
	if err := os.WriteFile(filepath.Join(dir, "reg.example.com", "hosts.toml"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	hosts := Hosts{
		Dir: dir, Wire: wire.New(wire.Guard{}, wire.Patience{}, nil, wire.NewRoom()),
		Complaints: NewComplaints(slog.New(slog.NewTextHandler(&text, nil))),
	}
	for range 2 {
		found, err := hosts.For(t.Context(), "reg.example.com", pull.Credential{}, ByHosts)
		if err != nil || len(found) != 1 || found[0].Host != "reg.example.com" {
			t.Errorf("%v, %v", found, err)
		}
	}
	if got := text.String(); strings.Count(got, "hosts.toml") != 1 || !strings.Contains(got, "failed to decode") || strings.Contains(got, "s3cret") {
		t.Errorf("it told %q", got)
	}
}
