//go:build linux

package chaos

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// noDescriptors leaves a running process no number for a file that it does not
// have already, and returns what gives them back.
func noDescriptors(pid int) (back func() error, err error) {
	lowest := uint64(0)
	for err == nil {
		if _, err = os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, lowest)); err == nil {
			lowest++
		}
	}
	if !os.IsNotExist(err) {
		return nil, err
	}
	var before unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &before); err != nil {
		return nil, fmt.Errorf("read the limits of process %d: %w", pid, err)
	}
	limit := unix.Rlimit{Cur: lowest, Max: before.Max}
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &limit, nil); err != nil {
		return nil, fmt.Errorf("limit process %d to %s files: %w", pid, strconv.FormatUint(lowest, 10), err)
	}
	return func() error { return unix.Prlimit(pid, unix.RLIMIT_NOFILE, &before, nil) }, nil
}
