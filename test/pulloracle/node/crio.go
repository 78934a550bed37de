package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/pullgate/pullgate/test/e2e/child"
)

// CRIOOptions say which CRI-O to run.
type CRIOOptions struct {
	// Binary is the program.
	Binary string
	// Registries is its registries.conf.
	Registries string
	// Certs are the files of its certs.d, by their paths in it.
	Certs map[string]string
}

// AbleCRIO says why CRI-O cannot run here; nil if it can. It wants programs of
// the distribution's even where it only pulls.
func AbleCRIO() error {
	if err := Able(); err != nil {
		return errors.New(strings.ReplaceAll(err.Error(), "containerd", "CRI-O"))
	}
	for _, program := range []string{"conmon", "runc"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("CRI-O needs %s, of the package of that name: %w", program, err)
		}
	}
	return nil
}

// StartCRIO runs CRI-O in a folder of its own, with an empty store. AbleCRIO
// says whether it can.
func StartCRIO(ctx context.Context, options CRIOOptions) (*Node, error) {
	keeper, err := child.NewKeeper("", "pullgate-crio")
	if err != nil {
		return nil, err
	}
	n := &Node{keeper: keeper}
	if err := n.startCRIO(ctx, options); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

func (n *Node) startCRIO(ctx context.Context, options CRIOOptions) error {
	dir := n.keeper.Dir
	files := map[string]string{
		"crio.conf": crioConfig(dir),
		"home/.config/containers/registries.conf": options.Registries,
		"storage.conf": fmt.Sprintf("[storage]\ndriver = \"vfs\"\ngraphroot = %q\nrunroot = %q\n", dir+"/root", dir+"/run"),
		"policy.json":  `{"default": [{"type": "insecureAcceptAnything"}]}`,
	}
	for file, text := range options.Certs { // where its library looks first
		files[filepath.Join("home/.config/containers/certs.d", file)] = text
	}
	if err := writeAll(dir, files); err != nil {
		return err
	}
	daemon, err := n.keeper.Start(child.Spec{
		Name: "crio", Path: options.Binary, Args: []string{"--config", dir + "/crio.conf", "--config-dir", dir + "/crio.conf.d"},
		Env: append(direct(), "HOME="+dir+"/home", "XDG_RUNTIME_DIR="+dir, "CONTAINERS_STORAGE_CONF="+dir+"/storage.conf"),
	})
	if err != nil {
		return err
	}
	n.daemon = daemon
	n.conn, err = grpc.NewClient("unix://"+dir+"/crio.sock", grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("dial CRI-O: %w", err)
	}
	n.images = cri.NewImageServiceClient(n.conn)
	return daemon.Await("ready", time.Now().Add(startFor), func() bool {
		_, err := n.images.ListImages(ctx, &cri.ListImagesRequest{})
		return err == nil
	})
}

// writeAll writes files into a folder.
func writeAll(dir string, files map[string]string) error {
	for file, text := range files {
		path := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return fmt.Errorf("make a folder of CRI-O's: %w", err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return fmt.Errorf("write a file of CRI-O's: %w", err)
		}
	}
	return nil
}

// crioConfig keeps everything in the node's folder, and has CRI-O want no more
// than it needs to pull: no pinned namespaces, no systemd, no hooks.
func crioConfig(dir string) string {
	return fmt.Sprintf(`[crio]
root = "%[1]s/root"
runroot = "%[1]s/run"
storage_driver = "vfs"
log_dir = "%[1]s/logs"
version_file = "%[1]s/version"
version_file_persist = "%[1]s/version-persist"
clean_shutdown_file = "%[1]s/clean.shutdown"
[crio.api]
listen = "%[1]s/crio.sock"
stream_port = "0"
[crio.runtime]
conmon_cgroup = "pod"
cgroup_manager = "cgroupfs"
pinns_path = "/bin/true"
namespaces_dir = "%[1]s/ns"
container_exits_dir = "%[1]s/exits"
container_attach_socket_dir = "%[1]s/attach"
hooks_dir = ["%[1]s/hooks"]
default_runtime = "runc"
[crio.runtime.runtimes.runc]
runtime_path = ""
runtime_root = "%[1]s/runc"
monitor_path = ""
[crio.image]
signature_policy = "%[1]s/policy.json"
signature_policy_dir = "%[1]s/policies"
[crio.network]
network_dir = "%[1]s/cni"
plugin_dirs = ["%[1]s/cni"]
[crio.nri]
enable_nri = false
[crio.stats]
`, dir)
}
