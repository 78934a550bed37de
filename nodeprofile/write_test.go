package nodeprofile

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// What is written reads as what it was read from, but for what only the node
// has.
func TestWriteHosts(t *testing.T) {
	for _, name := range []string{"containerd", "k3s", "rke2", "microk8s", "kind"} {
		p := Read(filepath.Join("testdata", name), "")
		dir := t.TempDir()
		written, err := p.WriteHosts(dir)
		if err != nil || written != dir {
			t.Fatalf("%s: %q, %v", name, written, err)
		}
		for i := range p.Registries {
			for j := range p.Registries[i].Hosts {
				bare(&p.Registries[i].Hosts[j])
			}
			bare(&p.Registries[i].Server)
		}
		back := readHostFolders(&root{dir: dir}, []string{"/"})
		slices.SortFunc(back, func(a, b Registry) int { return strings.Compare(a.Host, b.Host) })
		if !reflect.DeepEqual(back, p.Registries) {
			t.Errorf("%s:\n%+v\nwas\n%+v", name, back, p.Registries)
		}
	}
}

// bare takes off what is not written.
func bare(h *Host) {
	h.Headers, h.ClientCertificate, h.Login, h.Rewrite = nil, false, false, nil
}

// A profile leads to no file outside its folder, and CRI-O's is for nobody else.
func TestWriteHostsWithin(t *testing.T) {
	for _, host := range []string{"", ".", "..", "../up", "a/b", `a\b`} {
		dir := filepath.Join(t.TempDir(), "in")
		p := Profile{Runtime: Runtime{Name: Containerd}, Registries: []Registry{{Host: host}}}
		if _, err := p.WriteHosts(dir); err == nil || !strings.Contains(err.Error(), "is no host") {
			t.Errorf("%q: %v", host, err)
		}
	}
	dir := t.TempDir()
	written, err := Read("testdata/openshift", "").WriteHosts(dir)
	if entries, _ := os.ReadDir(dir); err != nil || written != "" || len(entries) > 0 {
		t.Errorf("CRI-O: %q, %v, %d", written, err, len(entries))
	}
	p := Profile{Runtime: Runtime{Name: Containerd, HostsPath: defaultHostsPath}, Registries: []Registry{{Host: "a.io"}}}
	if written, err := p.WriteHosts(dir); err != nil || len(filepath.SplitList(written)) != 2 {
		t.Errorf("a list: %q, %v", written, err)
	}
}

func TestDoubt(t *testing.T) {
	tests := []struct{ node, host, repository, want string }{
		{"containerd", "quay.io", "quay.io/a", "hosts.toml: is no TOML"},
		{"k3s", "docker.io", "docker.io/library/nginx", "ask a mirror for another name"},
		{"k3s", "quay.io", "quay.io/a", "have a credential for a mirror"},
		{"k3s", "late.example.com", "late.example.com/a", "log in by the URL"},
		{"rke2", "docker.io", "docker.io/library/nginx", "have a credential for a mirror"},
		{"rke2", "private.example.com", "private.example.com/a", "show a client certificate"},
		{"rke2", "quay.io", "quay.io/a", ""},
		{"microk8s", "localhost:32000", "localhost:32000/a", ""},
		{"kind", "localhost:5001", "localhost:5001/a", "send X-Token"},
		{"openshift", "quay.io", "quay.io/openshift-release-dev/a", ""},
		{"openshift", "quay.io", "quay.io/openshift-release-device/a", ""},
		{"openshift", "blocked.example.com", "blocked.example.com/a", ""},
		{"openshift", "docker.io", "docker.io/library/nginx", ""},
	}
	for _, tt := range tests {
		got := Read(filepath.Join("testdata", tt.node), "").Doubt(tt.host, tt.repository)
		if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s, %s: %q, want %q", tt.node, tt.repository, got, tt.want)
		}
	}
	for _, part := range []Share{ShareMirrors, ShareAuthorities, ShareCredentials} {
		p := Profile{Withheld: []string{string(part)}}
		if p.Doubt("quay.io", "quay.io/a") == "" {
			t.Errorf("no doubt without %s", part)
		}
	}
}

func TestHidden(t *testing.T) {
	plugins := []string{"*.dkr.ecr.*.amazonaws.com", "registry.example.com/team"}
	config := []string{"empty.example.com", "ghcr.io", "docker.io"}
	p := Read("testdata/containerd", "")
	known := p.Kubelet.Providers
	others := []Provider{{Name: known[0].Name, MatchImages: known[0].MatchImages, Fingerprint: "sha256:00"}, {Name: known[0].Name}}
	for _, tt := range []struct {
		credentials []Credential
		providers   []Provider
		want        []string
	}{
		{nil, nil, slices.Concat(config, plugins)}, {p.Credentials, nil, plugins}, {p.Credentials, others, plugins},
		{nil, known, config}, {p.Credentials, known, nil}, {p.Credentials[1:2], known, []string{"empty.example.com", "docker.io"}},
		{[]Credential{{Registry: "ghcr.io", Fingerprint: "sha256:00"}}, known, config},
	} {
		if got := p.Hidden(tt.credentials, tt.providers); !slices.Equal(got, tt.want) {
			t.Errorf("%+v: %q", tt, got)
		}
	}
	p.Keep(slices.DeleteFunc(Shares(), func(part Share) bool { return part == ShareProviders || part == ShareFingerprints }))
	if got := p.Hidden([]Credential{{Registry: "ghcr.io"}}, append(known, Provider{})); !slices.Equal(got, slices.Concat([]string{"empty.example.com", "docker.io"}, plugins)) {
		t.Errorf("which are the same is not shared: %q", got)
	}
	rke2 := Read("testdata/rke2", "")
	if got := rke2.Hidden(rke2.Credentials, rke2.Kubelet.Providers); !slices.Equal(got, []string{"mirror.example.com"}) {
		t.Errorf("rke2: %q", got)
	}
}

// CRI-O's insecure_registries has networks, which registries.conf has not.
func TestInsecureNetworks(t *testing.T) {
	p := Profile{Runtime: Runtime{Name: CRIO}, Registries: []Registry{{Host: "10.0.0.0/8", Server: Host{SkipVerify: true}}, {Host: "fd00::/8"}}}
	for host, doubted := range map[string]bool{
		"10.1.2.3:5000": true, "10.1.2.3": true, "[fd00::1]:5000": true, "11.1.2.3": false, "quay.io": false,
	} {
		if got := p.Doubt(host, host+"/app"); (got != "") != doubted {
			t.Errorf("%s: %q", host, got)
		}
	}
	file, err := p.WriteRegistries(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(file); err != nil || strings.Contains(string(text), "10.0.0.0") {
		t.Errorf("%v: %s", err, text)
	}
}

// Two providers are the same that are asked in the same way.
func TestReadProviders(t *testing.T) {
	read := func(text string) string {
		t.Helper()
		file := filepath.Join(t.TempDir(), "providers.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		all := ReadProviders(file)
		if len(all) != 1 {
			t.Fatalf("%d providers in %s", len(all), text)
		}
		return all[0].Fingerprint
	}
	const whole = `{"providers": [{"name": "a", "apiVersion": "v1", "matchImages": ["a.io"], "defaultCacheDuration": "1s", "args": ["get"], "env": [{"name": "A", "value": "x"}], "tokenAttributes": {"cacheType": "Token"}}]}`
	first := read(whole)
	for change, same := range map[[2]string]bool{
		{`"1s"`, `"2s"`}: true, {`"x"`, `"y"`}: true, {`"get"`, `"give"`}: false, {`"a.io"`, `"*.a.io"`}: false,
		{`"name": "A"`, `"name": "B"`}: false, {`"v1"`, `"v1beta1"`}: false, {`"Token"`, `"ServiceAccount"`}: false, {`"name": "a"`, `"name": "b"`}: false,
	} {
		if got := read(strings.Replace(whole, change[0], change[1], 1)); (got == first) != same || got == "" {
			t.Errorf("%s for %s: %s, was %s", change[1], change[0], got, first)
		}
	}
	if none := ReadProviders(""); none != nil {
		t.Errorf("no file has %v", none)
	}
}
