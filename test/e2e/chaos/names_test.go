//go:build linux

package chaos

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// registryName is by which name Pods name the registry.
const registryName = "registry.chaos.test"

// names is a name server that knows one name, or does not.
type names struct {
	address atomic.Pointer[netip.Addr]
	// code is what it answers; success, if nothing is the matter.
	code atomic.Uint32
	// silent says that it does not answer.
	silent atomic.Bool
	// resolvConf is the file that leads to it.
	resolvConf string
}

// newNames starts a name server. Port 53 is the only one that a resolv.conf can
// name, so that it has to be at an address at which nobody else is.
func newNames(t *testing.T, address netip.Addr) *names {
	t.Helper()
	var server *net.UDPConn
	var err error
	for range 20 {
		at := net.IPv4(127, byte(1+rand.IntN(250)), byte(rand.IntN(250)), byte(2+rand.IntN(250)))
		if server, err = net.ListenUDP("udp", &net.UDPAddr{IP: at, Port: 53}); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatalf("listen for questions for names (run this as root): %v", err)
	}
	t.Cleanup(func() { _ = server.Close() })
	n := &names{resolvConf: filepath.Join(t.TempDir(), "resolv.conf")}
	n.address.Store(&address)
	ip := server.LocalAddr().(*net.UDPAddr).IP
	if err := os.WriteFile(n.resolvConf, fmt.Appendf(nil, "nameserver %s\n", ip), 0o644); err != nil {
		t.Fatal(err)
	}
	go n.serve(server)
	return n
}

// under is the command that runs a program with this name server, in a mount
// namespace of its own.
func (n *names) under() []string {
	return []string{"unshare", "--mount", "sh", "-c", `mount --bind "$0" /etc/resolv.conf && exec "$@"`, n.resolvConf}
}

func (n *names) serve(server *net.UDPConn) {
	question := make([]byte, 4096)
	for {
		size, from, err := server.ReadFromUDP(question)
		if err != nil {
			return
		}
		if answer := n.answer(question[:size]); answer != nil && !n.silent.Load() {
			_, _ = server.WriteToUDP(answer, from) // who went away asks no more
		}
	}
}

func (n *names) answer(question []byte) []byte {
	var message dnsmessage.Message
	if message.Unpack(question) != nil || len(message.Questions) == 0 {
		return nil
	}
	message.Response, message.Additionals, message.RCode = true, nil, dnsmessage.RCode(n.code.Load())
	asked := message.Questions[0]
	if asked.Name.String() != registryName+"." {
		message.RCode = dnsmessage.RCodeNameError
	}
	if message.RCode == dnsmessage.RCodeSuccess && asked.Type == dnsmessage.TypeA {
		message.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: asked.Name, Type: asked.Type, Class: asked.Class},
			Body:   &dnsmessage.AResource{A: n.address.Load().As4()},
		}}
	}
	answer, err := message.Pack()
	if err != nil {
		return nil
	}
	return answer
}
