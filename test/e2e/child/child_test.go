package child_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pullgate/pullgate/test/e2e/child"
)

// orphanEnv makes the test binary the parent that gets killed; its value is
// the FIFO that its children hold open.
const orphanEnv = "PULLGATE_TEST_ORPHAN"

func TestMain(m *testing.M) {
	fifo := os.Getenv(orphanEnv)
	if fifo == "" {
		os.Exit(m.Run())
	}
	keeper, err := child.NewKeeper("", "pullgate-orphan")
	if err != nil {
		panic(err)
	}
	program, err := keeper.Start(sleeper(fifo))
	if err != nil {
		panic(err)
	}
	for !strings.Contains(program.Log(), "up") {
		time.Sleep(10 * time.Millisecond)
	}
	fmt.Println(keeper.Dir)
	go panic("in a goroutine of its own")
	select {}
}

// sleeper does not heed SIGTERM, and has a child of its own; both hold the
// FIFO open for as long as they live.
func sleeper(fifo string) child.Spec {
	script := `trap '' TERM; exec 3>"$1"; echo up; sleep 600 & wait`
	return child.Spec{Name: "sleeper", Path: "/bin/sh", Args: []string{"-c", script, "sleeper", fifo}}
}

// holders returns a FIFO and a channel that is closed when nobody, of those
// who opened it, is left to write to it.
func holders(t *testing.T) (fifo string, gone <-chan struct{}) {
	t.Helper()
	fifo = filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if file, err := os.Open(fifo); err == nil {
			_, _ = io.Copy(io.Discard, file) // to the end, which is all that counts
			_ = file.Close()
		}
	}()
	return fifo, ended
}

func TestNothingOutlivesItsParent(t *testing.T) {
	t.Parallel()
	fifo, gone := holders(t)
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), orphanEnv+"="+fifo)
	dir, err := parent.Output()
	if err == nil {
		t.Fatal("the parent did not panic")
	}
	awaitClosed(t, "the programs to end", gone)
	await(t, "the folder to go away", func() bool {
		_, err := os.Stat(strings.TrimSpace(string(dir)))
		return os.IsNotExist(err)
	})
}

func TestFailureShowsTheEndOfTheLog(t *testing.T) {
	t.Parallel()
	keeper, err := child.NewKeeper(t.TempDir(), "failure")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := keeper.Close(); err != nil {
			t.Error(err)
		}
	})
	program, err := keeper.Start(child.Spec{Name: "counter", Path: "/bin/sh", Args: []string{"-c", "seq 100; exit 7"}})
	if err != nil {
		t.Fatal(err)
	}
	err = program.Await("ready", time.Now().Add(10*time.Second), func() bool { return false })
	if err == nil {
		t.Fatal("it became ready")
	}
	for _, want := range []string{"counter did not become ready", "exit status 7", "\n    100"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "\n    1\n") {
		t.Errorf("the error shows the whole log: %v", err)
	}
}

func TestStopTakesTheWholeGroup(t *testing.T) {
	t.Parallel()
	fifo, gone := holders(t)
	keeper, err := child.NewKeeper(t.TempDir(), "stop")
	if err != nil {
		t.Fatal(err)
	}
	program, err := keeper.Start(sleeper(fifo))
	if err != nil {
		t.Fatal(err)
	}
	await(t, "the program to come up", func() bool { return strings.Contains(program.Log(), "up") })
	program.Stop(50 * time.Millisecond)
	awaitClosed(t, "the programs to end", gone)
	if err := keeper.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(keeper.Dir); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
}

func awaitClosed(t *testing.T, what string, closed <-chan struct{}) {
	t.Helper()
	t.Log("waiting for " + what)
	<-closed
}

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	t.Log("waiting for " + what)
	for !done() {
		time.Sleep(10 * time.Millisecond)
	}
}
