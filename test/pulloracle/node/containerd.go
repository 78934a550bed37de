// Package node runs a real containerd and pulls with it as the kubelet does.
package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/pullgate/pullgate/test/e2e/child"
)

// startFor is how long containerd may take to answer.
const startFor = 30 * time.Second

// Options say which containerd to run.
type Options struct {
	// Binary is the program.
	Binary string
	// Local has it pull without the transfer service.
	Local bool
	// Old is that it is older than 2.1: it has no transfer service to pull by, and
	// is configured in another way. It pulls, and runs no Pods.
	Old bool
	// Certs is the folder of hosts.toml.
	Certs string
	// Sandbox is the image of Pods' sandboxes, and Shim the program that runs
	// them. Without them containerd pulls, and runs no Pods.
	Sandbox, Shim string
	// Plugins is the folder of the CNI plugins, and Network the list of those to
	// use, in CNI's format. Without them Pods have the network of the machine.
	Plugins, Network string
	// Room is how many bytes its store holds; 0: what the disk has.
	Room int
	// Verifiers is the folder of the programs that are to agree to each pull.
	Verifiers string
}

// Node is a running containerd.
type Node struct {
	keeper *child.Keeper
	daemon *child.Child
	conn   *grpc.ClientConn
	images cri.ImageServiceClient
}

// Start runs containerd in a folder of its own, with an empty store. Able says
// whether it can.
func Start(ctx context.Context, options Options) (*Node, error) {
	keeper, err := child.NewKeeper("", "pullgate-oracle")
	if err != nil {
		return nil, err
	}
	n := &Node{keeper: keeper}
	if err := n.start(ctx, options); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// Able says why containerd cannot run here; nil if it can.
func Able() error {
	if runtime.GOOS != "linux" {
		return fmt.Errorf("containerd runs on Linux, and this is %s: the recorded answers in testdata/oracle.json serve the tests here", runtime.GOOS)
	}
	if os.Geteuid() != 0 {
		return errors.New("containerd needs root, because it mounts the layers that it unpacks: run this as root, or leave it; the recorded answers in testdata/oracle.json serve the tests")
	}
	return nil
}

func (n *Node) start(ctx context.Context, options Options) error {
	config := filepath.Join(n.keeper.Dir, "config.toml")
	if err := os.WriteFile(config, []byte(n.config(options)), 0o600); err != nil {
		return fmt.Errorf("write containerd's configuration: %w", err)
	}
	if err := errors.Join(n.writeNetwork(options.Network), os.Mkdir(n.store(), 0o700)); err != nil {
		return err
	}
	spec := child.Spec{Name: "containerd", Path: options.Binary, Args: []string{"--config", config}, Env: direct()}
	if options.Sandbox != "" {
		spec = apart(n.bounded(spec, options.Room))
	}
	daemon, err := n.keeper.Start(spec)
	if err != nil {
		return err
	}
	n.daemon = daemon
	n.conn, err = grpc.NewClient("unix://"+n.Socket(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("dial containerd: %w", err)
	}
	n.images = cri.NewImageServiceClient(n.conn)
	return daemon.Await("ready", time.Now().Add(startFor), func() bool {
		_, err := n.images.ListImages(ctx, &cri.ListImagesRequest{})
		return err == nil
	})
}

// networks is the folder in which containerd looks for CNI's configuration.
func (n *Node) networks() string { return filepath.Join(n.keeper.Dir, "cni") }

func (n *Node) writeNetwork(list string) error {
	if list == "" {
		return nil
	}
	if err := os.MkdirAll(n.networks(), 0o700); err != nil {
		return fmt.Errorf("make the folder of the Pods' network: %w", err)
	}
	return os.WriteFile(filepath.Join(n.networks(), "pods.conflist"), []byte(list), 0o600)
}

// apart gives containerd namespaces of its own, so that every container and
// every mount ends with it, whatever ends it; mounts from outside come in.
func apart(spec child.Spec) child.Spec {
	spec.Args = append([]string{"--mount", "--propagation", "slave", "--pid", "--mount-proc", "--fork", "--kill-child", spec.Path}, spec.Args...)
	spec.Path = "unshare"
	return spec
}

// store is the folder of what containerd keeps.
func (n *Node) store() string { return filepath.Join(n.keeper.Dir, "root") }

// bounded gives containerd's store so many bytes of memory and no more.
func (n *Node) bounded(spec child.Spec, bytes int) child.Spec {
	if bytes == 0 {
		return spec
	}
	script := fmt.Sprintf(`mount -t tmpfs -o size=%d store "$0" && exec "$@"`, bytes)
	spec.Args = append([]string{"-c", script, n.store(), spec.Path}, spec.Args...)
	spec.Path = "/bin/sh"
	return spec
}

// direct takes the proxies out of the environment: everything is on this
// machine.
func direct() []string {
	return []string{"HTTP_PROXY=", "HTTPS_PROXY=", "ALL_PROXY=", "http_proxy=", "https_proxy=", "all_proxy="}
}

// Socket is the file at which containerd answers.
func (n *Node) Socket() string { return filepath.Join(n.keeper.Dir, "containerd.sock") }

// config keeps everything in the node's folder. The plugins that are left out
// would write outside of it (opt, nri).
func (n *Node) config(options Options) string {
	dir := n.keeper.Dir
	if options.Old {
		return n.oldConfig(options.Certs)
	}
	return fmt.Sprintf(`version = 4
root = %q
state = %q
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri"]
[plugins.'io.containerd.server.v1.grpc']
  address = %q
[plugins.'io.containerd.server.v1.ttrpc']
  address = %q
[plugins.'io.containerd.cri.v1.images']
  use_local_image_pull = %t
[plugins.'io.containerd.cri.v1.images'.registry]
  config_path = %q
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = %q
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true # root in a container may not be able to lower it
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
  runtime_path = %q
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = [%q]
  conf_dir = %q
[plugins.'io.containerd.image-verifier.v1.bindir']
  bin_dir = %q
`, n.store(), dir+"/state", n.Socket(), dir+"/ttrpc.sock", options.Local, options.Certs, options.Sandbox, options.Shim, cmp.Or(options.Plugins, n.networks()), n.networks(), options.Verifiers)
}

// oldConfig is config in the version that containerd 1.7 and 2.0 both read.
func (n *Node) oldConfig(certs string) string {
	dir := n.keeper.Dir
	return fmt.Sprintf(`version = 2
root = %q
state = %q
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri"]
[grpc]
  address = %q
[ttrpc]
  address = %q
[plugins.'io.containerd.grpc.v1.cri'.registry]
  config_path = %q
[plugins.'io.containerd.grpc.v1.cri'.cni]
  bin_dir = %q
  conf_dir = %q
`, n.store(), dir+"/state", n.Socket(), dir+"/ttrpc.sock", certs, n.networks(), n.networks())
}

// Close ends containerd and removes what it stored.
func (n *Node) Close() error {
	var err error
	if n.conn != nil {
		err = n.conn.Close()
	}
	containers := n.containers()
	if n.daemon != nil {
		n.daemon.Stop(10 * time.Second)
	}
	return errors.Join(err, removeCgroups(containers), n.keeper.Close())
}

// Log is what containerd printed.
func (n *Node) Log() string { return n.daemon.Log() }

// Version asks containerd which one it is.
func (n *Node) Version(ctx context.Context) (string, error) {
	version, err := cri.NewRuntimeServiceClient(n.conn).Version(ctx, &cri.VersionRequest{})
	if err != nil {
		return "", fmt.Errorf("ask containerd for its version: %w", err)
	}
	return version.GetRuntimeVersion(), nil
}
