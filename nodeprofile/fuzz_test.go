package nodeprofile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// parsed are the files of a node whose contents are read.
func parsed() []string {
	return []string{
		"etc/containerd/config.toml", "etc/containerd/certs.d/quay.io/hosts.toml", "etc/rancher/k3s/registries.yaml", "etc/crio/crio.conf",
		"etc/containers/registries.conf", "etc/containers/registries.conf.d/000-shortnames.conf", "var/lib/kubelet/config.yaml", "var/lib/kubelet/config.json",
		"etc/kubernetes/kubelet.conf.d/10.conf", "etc/systemd/system/containerd.service.d/http-proxy.conf", "etc/kubernetes/credential-providers.yaml", "etc/environment",
	}
}

// FuzzFiles: whatever is in a node's files, a profile comes of it that can be read
// again.
func FuzzFiles(f *testing.F) {
	for _, name := range roots(f) {
		_ = filepath.WalkDir(filepath.Join("testdata", name), func(path string, entry os.DirEntry, _ error) error {
			if content, err := os.ReadFile(path); err == nil && !entry.IsDir() { // folders have none
				for kind := range parsed() {
					if filepath.Base(parsed()[kind]) == filepath.Base(path) {
						f.Add(string(content), uint8(kind))
					}
				}
			}
			return nil
		})
	}
	for kind := range parsed() {
		for _, content := range []string{"", "{}", "[]", "\x00", "a = 1", "a: &a [*a]", "imports = [\"/etc/containerd/config.toml\"]", "version = 3\n[plugins]\nx = 1\n", "mirrors:\n  '*':\n    endpoint: [1]\n"} {
			f.Add(content, uint8(kind))
		}
	}
	f.Fuzz(func(t *testing.T, content string, kind uint8) {
		root := t.TempDir()
		name := filepath.Join(root, parsed()[int(kind)%len(parsed())])
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		profile := Read(root, "2.4.2")
		written, err := profile.YAML()
		if err != nil {
			t.Fatal(err)
		}
		if profile.Runtime.Name == "" {
			return
		}
		read, err := Parse(written)
		if err != nil {
			t.Fatalf("what is written cannot be read: %v\n%s", err, written)
		}
		if again, err := read.YAML(); err != nil || string(again) != string(written) {
			t.Errorf("%v, written\n%s, read\n%s", err, written, again)
		}
	})
}

// FuzzParse: whatever a ConfigMap keeps as a profile, what is taken for one leads
// to files within the folder that is given.
func FuzzParse(f *testing.F) {
	for _, name := range roots(f) {
		if content, err := os.ReadFile(filepath.Join("testdata", name+".yaml")); err == nil {
			f.Add(string(content))
		}
	}
	const head = "apiVersion: " + APIVersion + "\nkind: " + Kind + "\nruntime: {name: containerd}\n"
	for _, rest := range []string{
		"", "registries: [{host: ../../up, hosts: [{url: 'https://a'}]}]", "registries: [{host: 'a:b:c', server: {url: '%zz'}}]", "nodes: ['[']", "registries: [{host: \"a\\nb\"}]",
		"registries: [{host: '*', hosts: [{url: 'http://[::1', headers: [\"a\\nb\"], authorities: ['x']}]}]", "shortNames: {aliases: {\"a\\\"\": b}}",
	} {
		f.Add(head + rest)
		f.Add(strings.Replace(head, "containerd", "cri-o", 1) + rest)
	}
	f.Fuzz(func(t *testing.T, text string) {
		profile, err := Parse([]byte(text))
		_ = Settings([]byte(text))
		if err != nil {
			return
		}
		outer := t.TempDir()
		dir := filepath.Join(outer, "inner")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		_, _ = profile.WriteHosts(dir)
		_, _ = profile.WriteRegistries(dir)
		_ = profile.Doubt("quay.io", "quay.io/app")
		_ = profile.Hidden(nil, nil)
		entries, err := os.ReadDir(outer)
		if err != nil || len(entries) != 1 {
			t.Errorf("%d files beside the folder: %v", len(entries)-1, err)
		}
	})
}
