package providers

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/keyring/dockerconfig"
	"github.com/pullgate/pullgate/resolver/pull"
)

// maxConfig is the most that is read of a file: that of a node is a few
// kilobytes.
const maxConfig = 10 << 20

// NodeConfig yields the credentials in the nodes' config.json, or in a
// .dockercfg where the file is called so (pkg/credentialprovider/provider.go).
// The kubelet keeps what it read for five minutes; here the file is read anew
// when its modification time or size has changed. It may be used by several
// goroutines.
type NodeConfig struct {
	// Path is the file. One that is missing or malformed yields nothing and
	// an error: the kubelet would look elsewhere on the node, where we
	// cannot.
	Path string

	lock sync.Mutex
	// last is what the file looked like when it was read.
	last    os.FileInfo
	current *dockerconfig.Index
	problem error
}

// Lookup returns the file's credentials for the repository.
func (n *NodeConfig) Lookup(_ context.Context, _ *keyring.Account, repository string) ([]pull.Credential, error) {
	current, err := n.load()
	if err != nil {
		return nil, fmt.Errorf("the nodes' docker configuration %s is passed over: %w", n.Path, err)
	}
	return current.Lookup(repository), nil
}

// load returns what is in the file, or the error of the last attempt to read
// it while it stays as it is.
func (n *NodeConfig) load() (*dockerconfig.Index, error) {
	n.lock.Lock()
	defer n.lock.Unlock()
	info, err := os.Stat(n.Path)
	if err != nil {
		return nil, err
	}
	if n.last == nil || !info.ModTime().Equal(n.last.ModTime()) || info.Size() != n.last.Size() {
		n.last = info
		n.current, n.problem = n.read(info)
	}
	return n.current, n.problem
}

func (n *NodeConfig) read(info os.FileInfo) (*dockerconfig.Index, error) {
	data, err := readFile(n.Path, info)
	if err != nil {
		return nil, err
	}
	name := filepath.Base(n.Path)
	config, err := dockerconfig.Parse(data, name == ".dockercfg")
	if err != nil {
		return nil, fmt.Errorf("malformed: %s", dockerconfig.KubeletText(err))
	}
	current := new(dockerconfig.Index)
	current.Add(pull.Source{Kind: pull.FromNode, Name: name}, config.Logins())
	current.Sort()
	return current, nil
}

// readFile reads a regular file of bounded size; a pipe or device would hold
// us up.
func readFile(path string, info os.FileInfo) ([]byte, error) {
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	file, err := os.Open(path) //nolint:gosec // the path stands in the operator's configuration
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, maxConfig+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxConfig {
		return nil, fmt.Errorf("%s is larger than %d MiB", path, maxConfig>>20)
	}
	return data, nil
}
