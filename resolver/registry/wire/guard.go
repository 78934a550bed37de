package wire

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
)

// Guard says which addresses may be dialled. Whoever may create a Pod chooses
// its registry's name, and the registry chooses redirects and token realms, so
// the check comes after DNS, at the socket. The zero value refuses loopback,
// link-local, unspecified, multicast and the clouds' metadata addresses.
type Guard struct {
	// Allow lists networks that are dialled all the same.
	Allow []netip.Prefix
	// Deny lists networks that are never dialled, and DenyPorts ports: nothing
	// tells whether anybody is there.
	Deny      []netip.Prefix
	DenyPorts []int
	// Names looks names up; nil: as everybody does.
	Names *net.Resolver
}

// ForbiddenAddressError is what dialling a forbidden address gives.
type ForbiddenAddressError struct {
	Address netip.Addr
	Kind    string // "loopback", "link-local", "metadata", …; "denied"
}

// denied is the kind of an address that the configuration denies.
const denied = "denied"

// Error names the address and the setting that would allow it.
func (e *ForbiddenAddressError) Error() string {
	if e.Kind == denied {
		return fmt.Sprintf("%s is not dialled (registries.denyAddresses or denyPorts)", e.Address)
	}
	return fmt.Sprintf("%s is a %s address (registries.allowAddresses would allow it)", e.Address, e.Kind)
}

// control is for net.Dialer.Control: it sees the address after DNS.
func (g Guard) control(_, address string, _ syscall.RawConn) error {
	addr, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("address %q to dial: %w", address, err)
	}
	if slices.Contains(g.DenyPorts, int(addr.Port())) {
		return &ForbiddenAddressError{Address: addr.Addr(), Kind: denied}
	}
	return g.check(addr.Addr())
}

// checkName checks the host of a URL where it is an address.
func (g Guard) checkName(host string) error {
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return nil //nolint:nilerr // a name: the dialer will see its addresses
	}
	return g.check(addr)
}

// checkProxied checks a name that only a proxy will resolve: what is known to
// lead to a forbidden address wherever it is asked for.
func (g Guard) checkProxied(host string) error {
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	switch {
	case name == "localhost", strings.HasSuffix(name, ".localhost"):
		return g.check(netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	case name == "metadata.google.internal", name == "metadata.goog", name == "instance-data":
		return g.check(netip.AddrFrom4([4]byte{169, 254, 169, 254}))
	default:
		return nil
	}
}

// check returns a ForbiddenAddressError, or nil.
func (g Guard) check(addr netip.Addr) error {
	addr = embedded(addr.WithZone("").Unmap())
	if slices.ContainsFunc(g.Deny, func(network netip.Prefix) bool { return network.Contains(addr) }) {
		return &ForbiddenAddressError{Address: addr, Kind: denied}
	}
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

// embedded returns the IPv4 address inside one of NAT64 (RFC 6052 and 8215),
// of 6to4 (RFC 3056) or of the old compatible form (RFC 4291, 2.5.5.1), any of
// which a gateway may turn into it; else addr.
func embedded(addr netip.Addr) netip.Addr {
	if addr.Is4() || addr.IsLoopback() || addr.IsUnspecified() {
		return addr
	}
	for _, form := range [...]struct {
		prefix string
		at     int
	}{{"64:ff9b::/96", 12}, {"64:ff9b:1::/96", 12}, {"2002::/16", 2}, {"::/96", 12}} {
		if netip.MustParsePrefix(form.prefix).Contains(addr) {
			bytes := addr.As16()
			return netip.AddrFrom4([4]byte(bytes[form.at:]))
		}
	}
	return addr
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
	case addr.IsMulticast(), addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return "multicast"
	}
	for _, metadata := range metadataNetworks() {
		if metadata.Contains(addr) {
			return "metadata"
		}
	}
	return ""
}

// metadataNetworks are where clouds serve metadata and credentials, apart from
// the link-local 169.254.169.254 of nearly all of them.
func metadataNetworks() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("168.63.129.16/32"),       // Azure, wire server
		netip.MustParsePrefix("100.100.100.200/32"),     // Alibaba
		netip.MustParsePrefix("192.0.0.192/32"),         // Oracle
		netip.MustParsePrefix("fd00:ec2::/112"),         // AWS: metadata, pod identity
		netip.MustParsePrefix("fd20:ce::254/128"),       // Google
		netip.MustParsePrefix("fd00:c1::a9fe:a9fe/128"), // Oracle
		netip.MustParsePrefix("fd00:42::42/128"),        // Scaleway
	}
}
