package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// AbleToRun says why Pods cannot be run here; nil if they can. Without runc it
// cannot tell all, and is to be asked again when there is one.
func AbleToRun() error {
	for _, able := range []func() error{Able, ableToSeparate, ableToGroup, ableToContain} {
		if err := able(); err != nil {
			return err
		}
	}
	return nil
}

// ableToSeparate tries what keeps a node's processes and mounts apart, and the
// file system of its containers.
func ableToSeparate() error {
	dir, err := os.MkdirTemp("", "pullgate-probe-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	const script = "mount -t tmpfs proc /proc && cd $0 && mkdir lower upper work merged && " +
		"mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay merged"
	if out, err := exec.Command("unshare", "--mount", "--pid", "--fork", "--mount-proc", "sh", "-c", script, dir).CombinedOutput(); err != nil { //nolint:gosec,noctx // it ends at once
		return fmt.Errorf("a node needs namespaces, and mounts with overlays in %s: %w: %s", os.TempDir(), err, out)
	}
	kmsg, err := os.Open("/dev/kmsg") // pkg/kubelet/oom/oom_watcher_linux.go
	if err != nil {
		return fmt.Errorf("a kubelet reads the kernel's messages: %w", err)
	}
	return kmsg.Close()
}

// ableToGroup says why no cgroups can be made here.
func ableToGroup() error {
	roots := cgroupRoots()
	if len(roots) == 0 {
		return errors.New("a node needs cgroups, and none are mounted at /sys/fs/cgroup")
	}
	for _, root := range roots {
		probe, err := os.MkdirTemp(root, "pullgate-probe-")
		if err == nil {
			err = os.Remove(probe)
		}
		if err != nil {
			return fmt.Errorf("a node makes cgroups for its Pods: %w", err)
		}
	}
	return nil
}

// ableToContain runs a container, if runc is there.
func ableToContain() error {
	if _, err := exec.LookPath("runc"); err != nil {
		return nil
	}
	dir, err := os.MkdirTemp("", "pullgate-probe-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	type object = map[string]any
	mounts := []object{{"destination": "/proc", "source": "proc", "type": "proc"}}
	for _, folder := range []string{"/bin", "/lib", "/lib64", "/usr"} {
		if _, err := os.Stat(folder); err == nil {
			mounts = append(mounts, object{"destination": folder, "source": folder, "type": "bind", "options": []string{"rbind", "ro"}})
		}
	}
	config, err := json.Marshal(object{
		"ociVersion": "1.0.2", "root": object{"path": "rootfs"}, "mounts": mounts,
		"process": object{"cwd": "/", "args": []string{"/bin/true"}},
		"linux": object{"cgroupsPath": "/" + filepath.Base(dir), "namespaces": []object{
			{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}}},
	})
	err = errors.Join(err, os.Mkdir(filepath.Join(dir, "rootfs"), 0o700), os.WriteFile(filepath.Join(dir, "config.json"), config, 0o600))
	if err != nil {
		return err
	}
	out, err := exec.Command("runc", "run", "--bundle", dir, filepath.Base(dir)).CombinedOutput() //nolint:gosec,noctx // it ends at once
	if err != nil {
		return fmt.Errorf("runc runs no container here: %w: %s", err, out)
	}
	return nil
}
