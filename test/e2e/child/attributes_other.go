//go:build unix && !linux

package child

import "syscall"

// attributes puts a program into a process group of its own, so that Ctrl-C on
// the terminal reaches the test alone. The keeper alone ends it with its
// parent: only Linux has a parent-death signal.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
