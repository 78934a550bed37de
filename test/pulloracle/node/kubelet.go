package node

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/pullgate/pullgate/test/e2e/child"
)

// stopFor is how long the kubelet has to end.
const stopFor = 10 * time.Second

// KubeletOptions say which kubelet to run.
type KubeletOptions struct {
	// Binary is the program.
	Binary string
	// Name is the Node's, and Address the one that it is to have; empty: what
	// the kubelet finds.
	Name, Address string
	// Kubeconfig leads to the API server.
	Kubeconfig string
	// Dir is the kubelet's folder; a config.json in it has the node's own
	// credentials.
	Dir string
	// ProviderConfig and ProviderDir are those of credential provider plugins.
	ProviderConfig, ProviderDir string
	// Shared has containers see what the kubelet mounts, such as the tokens of
	// ServiceAccounts. The caller has to be in a mount namespace of its own, of
	// shared mounts, and of a network namespace: the kubelet answers API servers
	// at its usual port.
	Shared bool
	// Serial has it pull one image after the other, as kubelets do by default.
	Serial bool
	// PullQPS is how many pulls it begins in a second; 0: as many as there are.
	PullQPS int
}

// Kubelet is a running kubelet.
type Kubelet struct {
	daemon *child.Child
}

// StartKubelet runs a kubelet that has its Pods run by this containerd.
func (n *Node) StartKubelet(options KubeletOptions) (*Kubelet, error) {
	config := filepath.Join(options.Dir, "kubelet.yaml")
	if err := os.WriteFile(config, []byte(n.kubeletConfig(options)), 0o600); err != nil {
		return nil, fmt.Errorf("write the kubelet's configuration: %w", err)
	}
	spec := child.Spec{Name: "kubelet", Path: "/bin/sh", Env: append(direct(), "HOME="+options.Dir), Args: []string{
		"-euc", kubeletScript, "kubelet", options.Dir,
		options.Binary, "--config=" + config, "--kubeconfig=" + options.Kubeconfig, "--hostname-override=" + options.Name, "--node-ip=" + options.Address,
		"--root-dir=" + options.Dir, "--cert-dir=" + options.Dir,
		"--image-credential-provider-config=" + options.ProviderConfig, "--image-credential-provider-bin-dir=" + options.ProviderDir,
	}}
	if !options.Shared {
		spec.Path, spec.Args = "unshare", append([]string{"--mount", spec.Path}, spec.Args...)
	} else {
		more, err := reachable(options)
		if err != nil {
			return nil, err
		}
		spec.Args = append(spec.Args, "--config-dir="+more)
	}
	daemon, err := n.keeper.Start(spec)
	if err != nil {
		return nil, err
	}
	return &Kubelet{daemon: daemon}, nil
}

// reachable is a folder with what lets API servers, and whoever else is in the
// network namespace, read logs and forward ports.
func reachable(options KubeletOptions) (string, error) {
	dir := filepath.Join(options.Dir, "kubelet.conf.d")
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "server.conf"), fmt.Appendf(nil, `
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
enableServer: true
address: %s
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
`, options.Address), 0o600)
	}
	if err != nil {
		return "", fmt.Errorf("write the configuration of the kubelet's server: %w", err)
	}
	return dir, nil
}

// Await asks until the answer is yes, the kubelet has ended, or it is too late.
func (k *Kubelet) Await(what string, deadline time.Time, ready func() bool) error {
	return k.daemon.Await(what, deadline, ready)
}

// kubeletScript keeps from this machine what a kubelet does to one of its own,
// whatever its folder: it writes to two others, which stay empty here, and sets
// kernel parameters (pkg/kubelet/cm/container_manager_linux.go,
// setupKernelTunables). It may be started again, in the same mount namespace.
const kubeletScript = `
dir=$1; shift
for parameter in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
  copy=$dir/$(basename $parameter)
  [ -e "$copy" ] || cat /proc/sys/$parameter > "$copy"
  mount --bind "$copy" /proc/sys/$parameter
done
mkdir -p /var/lib/kubelet /var/log/containers
mount -t tmpfs plugins /var/lib/kubelet
mount -t tmpfs logs /var/log/containers
exec "$@"
`

// kubeletConfig has Pods pulled at once and told of at once, and leaves out
// what has nothing to do with pulls. An empty list would be lost where a further
// folder of configuration is merged with it.
func (n *Node) kubeletConfig(options KubeletOptions) string {
	dir := options.Dir
	return fmt.Sprintf(`
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix://%s
cgroupDriver: cgroupfs
cgroupsPerQOS: false
enforceNodeAllocatable: [none]
failCgroupV1: false
failSwapOn: false
localStorageCapacityIsolation: false
podLogsDir: %s
volumePluginDir: %s
enableServer: false
maxPods: 500
evictionHard: {}
imageGCHighThresholdPercent: 100
nodeStatusMaxImages: -1
nodeStatusUpdateFrequency: 1s
registryPullQPS: %d
registryBurst: %d
serializeImagePulls: %t
healthzPort: 0
eventRecordQPS: 200
kubeAPIQPS: 200
kubeAPIBurst: 400
`, n.Socket(), filepath.Join(dir, "logs"), filepath.Join(dir, "plugins-of-volumes"),
		options.PullQPS, max(options.PullQPS, 1), options.Serial)
}

// Log is what the kubelet printed.
func (k *Kubelet) Log() string { return k.daemon.Log() }

// Stop ends the kubelet; its containers go on.
func (k *Kubelet) Stop() { k.daemon.Stop(stopFor) }
