package ground

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/pullgate/pullgate/test/pulloracle/node"
)

// inside is set in the environment of a program that has entered.
const inside = "PULLGATE_GROUND"

// Enter has this program go on in namespaces of its own for network and mounts,
// from its beginning; there it returns when they are furnished. Whatever is
// started or mounted in them ends with them.
func Enter() error {
	if os.Getenv(inside) != "" {
		return furnish()
	}
	if err := Able(); err != nil {
		return err
	}
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		return fmt.Errorf("enter a network namespace: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("enter a network namespace: %w", err)
	}
	args := append([]string{unshare, "--net", "--mount", self}, os.Args[1:]...)
	return syscall.Exec(unshare, args, append(os.Environ(), inside+"=1")) //nolint:gosec // ourselves
}

// Able says what this machine lacks; nil if nothing.
func Able() error {
	if err := node.AbleToRun(); err != nil {
		return err
	}
	for _, program := range []string{"runc", "nft", "conntrack", "ip", "unshare", plugins + "/bridge"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%w: run `apt-get install -y --no-install-recommends runc containernetworking-plugins nftables conntrack iproute2`", err)
		}
	}
	return nil
}

// script gives the namespace its one address, a way out that leads nowhere,
// without which nothing could be sent to a Service, and forwards between Pods.
const script = `
ip link set lo up
ip address add ` + Address + `/32 dev lo
ip link add uplink type bridge
ip link set uplink up
ip route add default dev uplink src ` + Address + `
echo 1 > /proc/sys/net/ipv4/ip_forward
mount --make-rshared /
mkdir -p /var/lib/cni /run/netns
mount -t tmpfs cni /var/lib/cni
mount -t tmpfs netns /run/netns
`

func furnish() error {
	out, err := exec.Command("/bin/sh", "-euc", script).CombinedOutput() //nolint:noctx // it ends at once
	if err != nil {
		return fmt.Errorf("furnish the network namespace: %w: %s", err, out)
	}
	return nil
}

// unmount takes away what kubelets have mounted below a folder, which cannot be
// removed before. Nobody else sees these mounts.
func unmount(folder string) error {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return fmt.Errorf("read what is mounted: %w", err)
	}
	var errs []error
	for line := range strings.Lines(string(mounts)) {
		fields := strings.Fields(line)
		if len(fields) < 2 || !strings.HasPrefix(fields[1], folder+"/") {
			continue
		}
		// What is mounted below another goes with it, and is none any more.
		if err := syscall.Unmount(fields[1], syscall.MNT_DETACH); !errors.Is(err, syscall.EINVAL) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
