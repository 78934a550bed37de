package child

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// keeperScript reads the process groups to end, and when its input closes,
// which the operating system sees to however its parent ends, it kills them
// and removes the folder. "clean" says that they have ended.
const keeperScript = `
trap '' INT TERM HUP
while read -r line; do
  case $line in
    clean) groups= ;;
    *) groups="$groups -$line" ;;
  esac
done
for group in $groups; do kill -s KILL -- "$group" 2>/dev/null; done
tries=0
until rm -rf -- "$1" 2>/dev/null || [ $tries -ge 50 ]; do tries=$((tries+1)); sleep 0.1; done
`

// Keeper owns a folder and the programs that were started in it, and sees to
// it that they end with this process.
type Keeper struct {
	// Dir is the folder; it is removed in the end.
	Dir string

	shell *exec.Cmd
	line  io.WriteCloser
}

// NewKeeper makes a folder in parent (empty: where the system keeps temporary
// files) and starts the keeper.
func NewKeeper(parent, name string) (*Keeper, error) {
	dir, err := os.MkdirTemp(parent, name+"-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for %s: %w", name, err)
	}
	shell := exec.Command("/bin/sh", "-c", keeperScript, "keeper", dir) //nolint:gosec,noctx // Close ends it, or our end does
	k := &Keeper{Dir: dir, shell: shell}
	k.shell.Dir = "/"
	k.shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if k.line, err = k.shell.StdinPipe(); err == nil {
		err = k.shell.Start()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the keeper of %s: %w", dir, err), os.RemoveAll(dir))
	}
	return k, nil
}

func (k *Keeper) watch(pid int) error {
	if _, err := io.WriteString(k.line, strconv.Itoa(pid)+"\n"); err != nil {
		return fmt.Errorf("tell the keeper of process %d: %w", pid, err)
	}
	return nil
}

// Close removes the folder. The programs are to be stopped before.
func (k *Keeper) Close() error {
	_, err := io.WriteString(k.line, "clean\n")
	return errors.Join(err, k.line.Close(), k.shell.Wait())
}
