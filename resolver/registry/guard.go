package registry

import (
	"fmt"
	"net/netip"
	"syscall"
)

// Guard says which addresses may be dialled. Whoever may create a Pod chooses
// its registry's name, and the registry chooses redirects and token realms, so
// the check comes after DNS, at the socket. The zero value refuses loopback,
// link-local, unspecified, multicast and the clouds' metadata addresses.
type Guard struct {
	// Allow lists networks that are dialled all the same.
	Allow []netip.Prefix
}

// ForbiddenAddressError is what dialling a forbidden address gives.
type ForbiddenAddressError struct {
	Address netip.Addr
	Kind    string // "loopback", "link-local", "metadata", …
}

// Error names the address and the setting that would allow it.
func (e *ForbiddenAddressError) Error() string {
	return fmt.Sprintf("%s is a %s address, which is not dialled on behalf of a Pod (registries.allowAddresses allows it)", e.Address, e.Kind)
}

// control is for net.Dialer.Control: it sees the address after DNS.
func (g Guard) control(_, address string, _ syscall.RawConn) error {
	addr, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("address %q to dial: %w", address, err)
	}
	return g.check(addr.Addr())
}

// check returns a ForbiddenAddressError, or nil.
func (g Guard) check(addr netip.Addr) error {
	addr = embedded(addr.WithZone("").Unmap())
	for _, prefix := range g.Allow {
		if prefix.Contains(addr) {
			return nil
		}
	}
	if kind := forbidden(addr); kind != "" {
		return &ForbiddenAddressError{Address: addr, Kind: kind}
	}
	return nil
}

// embedded returns the IPv4 address inside a NAT64 one (RFC 6052), else addr.
func embedded(addr netip.Addr) netip.Addr {
	if !netip.MustParsePrefix("64:ff9b::/96").Contains(addr) {
		return addr
	}
	b := addr.As16()
	return netip.AddrFrom4([4]byte(b[12:]))
}

// forbidden names the kind of a forbidden address; "" for all others.
func forbidden(addr netip.Addr) string {
	switch {
	case addr.IsLoopback():
		return "loopback"
	case addr.IsUnspecified(), netip.MustParsePrefix("0.0.0.0/8").Contains(addr):
		return "unspecified"
	case addr.IsLinkLocalUnicast():
		return "link-local"
	case addr.IsMulticast():
		return "multicast"
	}
	for _, metadata := range [...]string{"168.63.129.16", "100.100.100.200", "fd00:ec2::254"} {
		if addr == netip.MustParseAddr(metadata) {
			return "metadata"
		}
	}
	return ""
}
