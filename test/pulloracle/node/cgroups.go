package node

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// containers lists those that there are, by their ids.
func (n *Node) containers() []string {
	tasks, _ := filepath.Glob(filepath.Join(n.keeper.Dir, "state/io.containerd.runtime.v2.task/k8s.io/*")) // the pattern is sound
	for i, task := range tasks {
		tasks[i] = filepath.Base(task)
	}
	return tasks
}

// removeCgroups removes the cgroups of containers that have ended. The kubelet
// names none, so that they are in that of containerd's namespace (pkg/oci/
// spec.go, populateDefaultUnixSpec), which may be another containerd's, too.
func removeCgroups(containers []string) error {
	var errs []error
	for _, root := range cgroupRoots() {
		parent := filepath.Join(root, "k8s.io")
		for _, container := range containers {
			if err := os.Remove(filepath.Join(parent, container)); !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
		_ = os.Remove(parent) // unless it is used
	}
	return errors.Join(errs...)
}

// cgroupRoots are the hierarchies: one for each controller, or one for all.
func cgroupRoots() []string {
	const root = "/sys/fs/cgroup"
	if _, err := os.Stat(filepath.Join(root, "cgroup.controllers")); err == nil {
		return []string{root}
	}
	controllers, _ := filepath.Glob(root + "/*/cgroup.procs") // the pattern is sound
	for i, file := range controllers {
		controllers[i] = filepath.Dir(file)
	}
	return controllers
}
