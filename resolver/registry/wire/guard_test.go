package wire

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
)

// TestGuard is which addresses are dialled.
func TestGuard(t *testing.T) {
	for _, tt := range []struct{ address, kind string }{
		{"93.184.216.34", ""},
		{"10.0.0.1", ""},
		{"192.168.1.1", ""},
		{"172.16.0.1", ""},
		{"100.64.0.1", ""},
		{"2606:2800:220:1::1", ""},
		{"fd12:3456::1", ""},
		{"127.0.0.1", "loopback"},
		{"127.8.9.10", "loopback"},
		{"::1", "loopback"},
		{"::ffff:127.0.0.1", "loopback"},
		{"::127.0.0.1", "loopback"},
		{"64:ff9b::127.0.0.1", "loopback"},
		{"64:ff9b:1::7f00:1", "loopback"},
		{"2002:7f00:1::", "loopback"},
		{"0.0.0.0", "unspecified"},
		{"0.1.2.3", "unspecified"},
		{"::", "unspecified"},
		{"::ffff:0.0.0.0", "unspecified"},
		{"169.254.169.254", "link-local"},
		{"169.254.170.2", "link-local"},
		{"::ffff:169.254.169.254", "link-local"},
		{"64:ff9b::a9fe:a9fe", "link-local"},
		{"64:ff9b::a9fe:a9fe%eth0", "link-local"},
		{"2002:a9fe:a9fe::1", "link-local"},
		{"fe80::1", "link-local"},
		{"fe80::1%eth0", "link-local"},
		{"224.0.0.1", "multicast"},
		{"239.255.255.250", "multicast"},
		{"255.255.255.255", "multicast"},
		{"ff02::1", "multicast"},
		{"ff02::1%lo", "multicast"},
		{"168.63.129.16", "metadata"},
		{"::ffff:168.63.129.16", "metadata"},
		{"100.100.100.200", "metadata"},
		{"192.0.0.192", "metadata"},
		{"fd00:ec2::254", "metadata"},
		{"fd00:ec2::23", "metadata"},
		{"fd00:ec2::254%eth0", "metadata"},
		{"fd20:ce::254", "metadata"},
		{"fd00:c1::a9fe:a9fe", "metadata"},
	} {
		addr := netip.MustParseAddr(tt.address)
		err := Guard{}.control("tcp", netip.AddrPortFrom(addr, 443).String(), nil)
		var forbidden *ForbiddenAddressError
		kind := ""
		if errors.As(err, &forbidden) {
			kind = forbidden.Kind
		}
		if kind != tt.kind || (err != nil) != (tt.kind != "") {
			t.Errorf("%s: %v, want %q", tt.address, err, tt.kind)
		}
		if err := everything().control("tcp", netip.AddrPortFrom(addr, 443).String(), nil); err != nil {
			t.Errorf("%s: %v, though all is allowed", tt.address, err)
		}
	}
	if err := (Guard{}).control("tcp", "registry:443", nil); err == nil {
		t.Error("dialled what is no address")
	}
}

func everything() Guard {
	return Guard{Allow: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}}
}

// TestGuardAllow makes sure that no more is allowed than was meant.
func TestGuardAllow(t *testing.T) {
	guard := Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("fd00:ec2::/64")}}
	for address, allowed := range map[string]bool{
		"127.0.0.1": true, "::ffff:127.0.0.1": true, "64:ff9b::7f00:1": true, "fd00:ec2::254": true,
		"127.0.0.2": false, "::1": false, "169.254.169.254": false,
	} {
		if err := guard.check(netip.MustParseAddr(address)); (err == nil) != allowed {
			t.Errorf("%s: %v, want allowed %t", address, err, allowed)
		}
	}
}

// TestDialHonoursContext makes sure that a dial ends with its check.
func TestDialHonoursContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	conn, err := newLink(everything()).dial(ctx, "tcp", "127.0.0.1:9")
	if err == nil {
		_ = conn.Close()
	}
	var failed *net.OpError
	if !errors.As(err, &failed) {
		t.Errorf("error %v", err)
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
