package wire

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// fickle is a DNS server that changes its mind: of the answers for a name, each
// question gets the next.
type fickle struct {
	answers []netip.Addr
	asked   atomic.Int64
}

// resolver asks it, over a connection in memory.
func (f *fickle) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go f.serve(server)
		return client, nil
	}}
}

// serve answers one question, which comes with its length as over TCP.
func (f *fickle) serve(connection net.Conn) {
	defer func() { _ = connection.Close() }()
	question := make([]byte, 4096)
	n, err := connection.Read(question)
	var message dnsmessage.Message
	if err != nil || message.Unpack(question[2:n]) != nil {
		return
	}
	message.Response, message.Additionals = true, nil
	if asked := message.Questions[0]; asked.Type == dnsmessage.TypeA {
		address := f.answers[int(f.asked.Add(1)-1)%len(f.answers)]
		message.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: asked.Name, Type: asked.Type, Class: asked.Class},
			Body:   &dnsmessage.AResource{A: address.As4()},
		}}
	}
	answer, err := message.Pack()
	if err != nil {
		return
	}
	_, _ = connection.Write(append([]byte{byte(len(answer) >> 8), byte(len(answer))}, answer...)) // who went away asks no more
}

// A name that leads to an address that may be dialled, and the next time to one
// that may not, is looked up as often as it is dialled, and the address that was
// looked up is the one that is judged: of 100 tries none connects. Whatever is
// asked of registries goes over this dialler.
func TestRebinding(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	var connected atomic.Int64
	go func() {
		for {
			if _, err := listener.Accept(); err != nil {
				return
			}
			connected.Add(1)
		}
	}()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for name, guard := range map[string]Guard{
		"loopback": {}, "denied": {Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Deny: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}},
	} {
		t.Run(name, func(t *testing.T) {
			// 192.0.2.1 is for documentation, and nobody's.
			names := &fickle{answers: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("127.0.0.1")}}
			l := newLink(guard)
			l.names = names.resolver()
			client, refused := &http.Client{Transport: l.transport(nil)}, 0
			for range 100 {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
				request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://fickle.example:"+port+"/v2/", nil)
				if err != nil {
					t.Fatal(err)
				}
				response, err := client.Do(request)
				if err == nil {
					_ = response.Body.Close()
					t.Fatal("answered")
				}
				if forbidden := (*ForbiddenAddressError)(nil); errors.As(err, &forbidden) {
					refused++
				}
				cancel()
			}
			if connected.Load() != 0 || refused == 0 {
				t.Errorf("%d connections, %d refused", connected.Load(), refused)
			}
		})
	}
}

// What is denied tells nobody whether somebody is there: the words are the same,
// and nothing is dialled.
func TestDeniedTellsNothing(t *testing.T) {
	alive, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = alive.Close() }()
	address := netip.MustParseAddrPort(alive.Addr().String())
	for name, guard := range map[string]Guard{
		"by address": {Allow: everything().Allow, Deny: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
		"by port":    {Allow: everything().Allow, DenyPorts: []int{int(address.Port())}},
	} {
		var texts []string
		for _, host := range []string{"127.0.0.1", "127.0.0.1"} {
			_, err := newLink(guard).dial(t.Context(), "tcp", netip.AddrPortFrom(netip.MustParseAddr(host), address.Port()).String())
			forbidden := (*ForbiddenAddressError)(nil)
			if !errors.As(err, &forbidden) {
				t.Fatalf("%s: %v", name, err)
			}
			texts = append(texts, forbidden.Error())
			_ = alive.Close() // from now on nobody is there
		}
		if texts[0] != texts[1] {
			t.Errorf("%s: %q and %q", name, texts[0], texts[1])
		}
	}
}
