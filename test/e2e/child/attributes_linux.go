package child

import "syscall"

// attributes puts a program into a process group of its own, so that Ctrl-C on
// the terminal reaches the test alone, and ends it with its parent.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
