package bench

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/wiring"
)

// childEnv makes of the test's program a Pullgate in a process of its own, whose
// memory is nobody else's. Its value is the registry's host.
const childEnv = "PULLGATE_BENCH_CHILD"

// hostileEnv gives it nodes with CRI-O and large objects in the cluster, too.
const hostileEnv = "PULLGATE_BENCH_HOSTILE"

func TestMain(m *testing.M) {
	if host, child := os.LookupEnv(childEnv); child {
		go wiring.CollectOften(context.Background())
		b := &alone{}
		handler := gate(b, host)
		if _, hostile := os.LookupEnv(hostileEnv); hostile {
			handler = gateOf(b, largeObjects{host: host}, append(someNodes(100), someCRIO()))
		}
		fmt.Println(serve(b, handler, true))
		_, _ = io.Copy(io.Discard, os.Stdin) // until the parent ends
		return
	}
	page := flag.String("page", "", "write the results of benchmarks in this file into docs/performance.md")
	table := flag.String("table", "", "print the results of benchmarks in this file as a table")
	flag.Parse()
	for file, do := range map[string]func(string) error{*page: writePage, *table: printTable} {
		if file == "" {
			continue
		}
		if err := do(file); err != nil {
			log.Fatal(err)
		}
		return
	}
	os.Exit(m.Run())
}

// cpus is how many processors there are.
func cpus() string { return fmt.Sprintf("%d processors", runtime.NumCPU()) }

// alone stands for a test where there is none.
type alone struct{ testing.TB }

func (*alone) Helper()                {}
func (*alone) Cleanup(func())         {}
func (*alone) Fatal(arguments ...any) { log.Fatal(arguments...) }
func (*alone) Error(arguments ...any) { log.Print(arguments...) }

// child is a Pullgate in a process of its own.
type child struct {
	url string
	pid int
}

// startChild starts one that can dial the registry at host. Its memory is bounded
// as by the chart.
func startChild(t testing.TB, host string, env ...string) child {
	t.Helper()
	command := exec.Command(unpacked(t, os.Args[0]))
	command.Env = slices.Concat(os.Environ(), []string{childEnv + "=" + host, "GOMEMLIMIT=512MiB"}, env)
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = command.Wait() // it says nothing of interest
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return child{url: strings.TrimSpace(line), pid: command.Process.Pid}
}

// megabytes reads a line of /proc/PID/status, such as VmRSS or VmHWM.
func (c child) megabytes(t testing.TB, line string) float64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), line+":")
	kilobytes, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes / 1000
}

// silent is a registry that takes connections and says nothing.
func silent(t testing.TB) (host string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		var held []net.Conn // what nobody holds is closed
		for {
			connection, err := listener.Accept()
			if err != nil {
				break
			}
			held = append(held, connection)
		}
		for _, connection := range held {
			_ = connection.Close()
		}
	}()
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}
