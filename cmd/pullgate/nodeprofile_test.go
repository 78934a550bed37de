package main

import (
	"strings"
	"testing"

	"github.com/pullgate/pullgate/nodeprofile"
)

func TestNodeProfile(t *testing.T) {
	const node = "../../nodeprofile/testdata/k3s"
	code, stdout, stderr := commandLine(t, "node-profile", "--root", node, "--node", "a", "--node", "b-*", "--share", "mirrors,credentials")
	profile, err := nodeprofile.Parse([]byte(stdout))
	if code != 0 || stderr != "" || err != nil {
		t.Fatalf("code %d, %v\n%s%s", code, err, stdout, stderr)
	}
	if got := strings.Join(profile.Nodes, " ") + " " + profile.Distribution + " " + strings.Join(profile.Withheld, " "); got != "a b-* k3s authorities proxies fingerprints" {
		t.Errorf("got %s", got)
	}
	code, stdout, stderr = commandLine(t, "node-profile", "--root", "../../nodeprofile/testdata/containerd")
	if code != 0 || !strings.Contains(stderr, "warning: /etc/containerd/certs.d/broken.example.com/hosts.toml: is no TOML\n") || strings.Contains(stdout+stderr, "marker-secret") {
		t.Errorf("code %d\n%s%s", code, stdout, stderr)
	}
	for args, want := range map[string]string{
		"--root /nowhere/at/all":       "error: --root /nowhere/at/all is no folder\nhint: ",
		"--root " + t.TempDir():        "has neither containerd's nor CRI-O's configuration\nhint: ",
		"--share keys --root " + node:  `error: --share "keys" is unknown`,
		"--output json --root " + node: `error: --output "json" is unknown`,
		"here":                         "takes no arguments",
	} {
		if code, stdout, stderr := commandLine(t, append([]string{"node-profile"}, strings.Fields(args)...)...); code != exitUsage || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%s: code %d\n%s%s", args, code, stdout, stderr)
		}
	}
}
