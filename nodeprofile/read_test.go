package nodeprofile

import (
	"encoding/base64"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the profiles anew")

// secret is a password, or part of one, in all file systems of testdata.
const secret = "marker-secret-7fd1"

// roots are the nodes' file systems in testdata.
func roots(t testing.TB) []string {
	t.Helper()
	entries, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, entry := range entries {
		if entry.IsDir() {
			all = append(all, entry.Name())
		}
	}
	return all
}

// rootOf makes a file system of some files.
func rootOf(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for file, text := range files {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(file)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Each file system has its profile beside it.
func TestRead(t *testing.T) {
	for _, name := range roots(t) {
		t.Run(name, func(t *testing.T) {
			got, err := Read(filepath.Join("testdata", name), "").YAML()
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", name+".yaml")
			if *update {
				if err := os.WriteFile(golden, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if _, err := Parse(got); err != nil {
				t.Errorf("what is written cannot be read: %v", err)
			}
		})
	}
}

// No secret gets into a profile, be it that a file cannot be read.
func TestNoSecrets(t *testing.T) {
	forms := []string{secret, base64.StdEncoding.EncodeToString([]byte("robot:" + secret)), base64.StdEncoding.EncodeToString([]byte(secret)), "robot"}
	for _, name := range roots(t) {
		seen := 0
		_ = filepath.WalkDir(filepath.Join("testdata", name), func(path string, _ os.DirEntry, _ error) error {
			data, _ := os.ReadFile(path) // folders have none
			for _, form := range forms {
				seen += strings.Count(string(data), form)
			}
			return nil
		})
		profile, err := Read(filepath.Join("testdata", name), "").YAML()
		if err != nil || seen == 0 {
			t.Fatalf("%s: %d secrets, %v", name, seen, err)
		}
		for _, form := range forms {
			if strings.Contains(string(profile), form) {
				t.Errorf("%s: %s is in the profile\n%s", name, form, profile)
			}
		}
	}
}

// A file that cannot be parsed is named, and nothing of it is.
func TestUnreadableFiles(t *testing.T) {
	for _, name := range []string{
		"etc/containerd/config.toml", "var/lib/kubelet/config.yaml", "var/lib/kubelet/config.json", "etc/rancher/k3s/registries.yaml",
	} {
		dir := rootOf(t, map[string]string{"etc/containerd/config.toml": "version = 3\n", name: "a: {" + secret + ": [\n\t" + secret})
		p := Read(dir, "")
		if len(p.Problems) != 1 || !strings.HasPrefix(p.Problems[0], "/"+name+": is no") || strings.Contains(p.Problems[0], secret) {
			t.Errorf("%s: %q", name, p.Problems)
		}
	}
}

// What a node goes by and what is not there, or is not read, proves no refusal.
func TestDoubtsOfNodes(t *testing.T) {
	const unit, containerd = "etc/systemd/system/kubelet.service", "etc/containerd/config.toml"
	for name, test := range map[string]struct {
		files map[string]string
		want  string
	}{
		"nothing": {map[string]string{containerd: "version = 3\n"}, ""},
		"providers that are not there": {map[string]string{containerd: "version = 3\n", unit: "[Service]\nExecStart=kubelet --image-credential-provider-config=/opt/p.yaml\n"},
			"the nodes' profile has problems: /opt/p.yaml: is not there, and the kubelet goes by it"},
		"Docker": {map[string]string{containerd: "version = 3\n", "var/lib/kubelet/kubeadm-flags.env": `KUBELET_KUBEADM_ARGS="--container-runtime-endpoint=unix:///var/run/cri-dockerd.sock"`},
			"the nodes' profile has problems: the node: it pulls by Docker, whose settings are not read"},
		"Docker of k3s": {map[string]string{"etc/rancher/k3s/config.yaml": "docker: true\n"},
			"the nodes' profile has problems: the node: it pulls by Docker, whose settings are not read"},
		"a credential for all": {map[string]string{"etc/rancher/rke2/registries.yaml": "configs: {'*': {auth: {username: robot, password: " + secret + "}}}\n"},
			"nodes have a credential for all registries, which their profile has not"},
	} {
		dir := rootOf(t, test.files)
		if got := Read(dir, "").Doubt("registry.example.com", "registry.example.com/app"); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// A unit of containerd's may name another file.
func TestFileOfUnit(t *testing.T) {
	for _, flags := range []string{"--config /etc/site.toml", "--config=/etc/site.toml", "-c /etc/site.toml --log-level=info"} {
		dir := rootOf(t, map[string]string{
			"etc/containerd/config.toml": "version = 3\n", "etc/site.toml": "version = 3\n[plugins.'io.containerd.cri.v1.images']\nuse_local_image_pull = true\n",
			"usr/lib/systemd/system/containerd.service": "[Service]\nExecStart=/usr/bin/containerd " + flags + "\n",
		})
		if got := Read(dir, "").Runtime; got.Path != Local {
			t.Errorf("%s: %+v", flags, got)
		}
	}
}

// What is not to be shared is left out, and it is said that it is.
func TestKeep(t *testing.T) {
	whole := Read("testdata/containerd", "")
	for _, left := range Shares() {
		p := Read("testdata/containerd", "")
		p.Keep(slices.DeleteFunc(Shares(), func(part Share) bool { return part == left }))
		if !slices.Equal(p.Withheld, []string{string(left)}) {
			t.Errorf("%s: withheld %q", left, p.Withheld)
		}
		text, err := p.YAML()
		if err != nil {
			t.Fatal(err)
		}
		of := map[Share]string{
			ShareMirrors: "mirror.example.com", ShareAuthorities: "CERTIFICATE", ShareProxies: "proxy.example.com", ShareCredentials: "ghcr.io",
			ShareFingerprints: whole.Credentials[1].Fingerprint, ShareProviders: whole.Kubelet.Providers[0].Fingerprint,
		}
		for part, text2 := range of {
			goes := part == left || part == ShareFingerprints && left == ShareCredentials
			if !goes && !strings.Contains(string(text), text2) {
				t.Errorf("without %s, %s is gone", left, part)
			}
		}
		if strings.Contains(string(text), of[left]) {
			t.Errorf("%s is still there", left)
		}
	}
}

// That short names are left out is said, too: without it CRI-O would refuse each.
func TestKeepShortNames(t *testing.T) {
	p := Profile{Runtime: Runtime{Name: CRIO}, ShortNames: ShortNames{Mode: "enforcing", Search: []string{"quay.io"}}}
	p.Keep(nil)
	if p.ShortNames.Search != nil || p.Doubt("quay.io", "quay.io/a") == "" {
		t.Errorf("%+v without a doubt", p)
	}
}

// Links lead through the node's file system, and not out of it.
func TestLinksStayWithin(t *testing.T) {
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(outside, []byte("version = 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "etc/containerd"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{outside, strings.Repeat("../", 30) + outside, "config.toml"} {
		link := filepath.Join(dir, "etc/containerd/config.toml")
		_ = os.Remove(link) // there is none at first
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
		if p := Read(dir, ""); p.Runtime.Name != "" {
			t.Errorf("%s: %+v", target, p)
		}
	}
}

// The path needs the version, or a setting that only the local one knows.
func TestPaths(t *testing.T) {
	config := func(text string) string {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, "etc/containerd"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "etc/containerd/config.toml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	images, cri := "version = 3\n[plugins.'io.containerd.cri.v1.images']\n", "version = 2\n[plugins.'io.containerd.grpc.v1.cri']\n"
	tests := []struct{ text, version, path, by string }{
		{"version = 3\n", "", "", ""},
		{"version = 3\n", "2.1.0", Transfer, ""},
		{"version = 3\n", "2.0.5", Local, ""},
		{"version = 3\n", "1.7.27", Local, ""},
		{images + "use_local_image_pull = true\n", "2.4.2", Local, "use_local_image_pull"},
		{images + "disable_snapshot_annotations = false\n", "", Local, "disable_snapshot_annotations"},
		{images + "disable_snapshot_annotations = true\n", "2.2.0", Transfer, ""},
		{images + "max_concurrent_downloads = 10\n", "2.2.0", Local, "max_concurrent_downloads"},
		{images + "image_pull_with_sync_fs = true\n", "", Local, "image_pull_with_sync_fs"},
		{cri + "[plugins.'io.containerd.grpc.v1.cri'.containerd]\ndiscard_unpacked_layers = true\n", "2.2.0", Local, "discard_unpacked_layers"},
		{cri + "[plugins.'io.containerd.grpc.v1.cri'.registry.mirrors.'a.io']\nendpoint = ['https://b.io']\n", "2.2.0", Local, "registry.mirrors"},
	}
	for _, tt := range tests {
		if got := Read(config(tt.text), tt.version).Runtime; got.Path != tt.path || got.LocalFor != tt.by {
			t.Errorf("%s of %q: %+v", tt.text, tt.version, got)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const header = "apiVersion: pullgate.dev/v1alpha1\nkind: NodeProfile\n"
	for text, want := range map[string]string{
		"": "apiVersion", "a: [": "no node profile", header: "names no runtime", header + "runtime: {name: docker}": "write containerd or cri-o",
		header + "runtime: {name: cri-o}\nnodes: ['[']": "nodes[0]", header + "runtime: {name: cri-o}\nmirrors: []": "unknown field",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
