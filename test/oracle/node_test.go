package oracle

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/distribution/reference"
	"k8s.io/kubernetes/pkg/credentialprovider"

	"github.com/pullgate/pullgate/resolver/keyring/providers"
)

// TestNodeConfig compares the nodes' files. The kubelet goes on to the next
// place where it cannot read one, Pullgate says so.
func TestNodeConfig(t *testing.T) {
	cases := 0
	for _, name := range []string{"config.json", ".dockercfg"} {
		path := filepath.Join(t.TempDir(), name)
		node := &providers.NodeConfig{Path: path}
		for i, document := range documents() {
			when := time.Unix(int64(i), 0)
			if err := os.WriteFile(path, []byte(document), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, when, when); err != nil {
				t.Fatal(err)
			}
			compareNode(t, node, readNode(name, filepath.Dir(path)), document)
			cases++
		}
	}
	atLeast(t, cases, 80)
}

// readNode returns what the kubelet reads, nil for nothing.
func readNode(name, directory string) credentialprovider.DockerConfig {
	read := credentialprovider.ReadDockercfgFile
	if name == "config.json" {
		read = credentialprovider.ReadDockerConfigJSONFile
	}
	config, err := read([]string{directory})
	if err == nil && config == nil {
		return credentialprovider.DockerConfig{}
	}
	return config
}

func compareNode(t *testing.T, node *providers.NodeConfig, config credentialprovider.DockerConfig, document string) {
	t.Helper()
	ring := &credentialprovider.BasicDockerKeyring{}
	for _, address := range slices.Sorted(maps.Keys(config)) {
		ring.Add(nil, credentialprovider.DockerConfig{address: config[address]})
	}
	for _, image := range images() {
		named, err := reference.ParseNormalizedNamed(image)
		if err != nil {
			t.Fatal(err)
		}
		found, err := node.Lookup(t.Context(), nil, named.Name())
		if (err == nil) != (config != nil) {
			t.Errorf("%s: Pullgate says %v, the kubelet reads %d entries", document, err, len(config))
		}
		want, _ := ring.Lookup(named.Name())
		var got []login
		for _, credential := range found {
			got = append(got, newLogin(credential.Basic()))
		}
		if !slices.Equal(got, logins(want)) {
			t.Errorf("%s for %s: the kubelet tries %v, Pullgate %v", document, image, logins(want), got)
		}
	}
}
