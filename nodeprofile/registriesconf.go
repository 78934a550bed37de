package nodeprofile

import (
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// WriteRegistries writes what a profile of CRI-O has of registries.conf into a
// folder, for CRI-O's own library to read as it would on the nodes. It returns the
// file; empty for another runtime.
func (p *Profile) WriteRegistries(dir string) (string, error) {
	if p.Runtime.Name != CRIO {
		return "", nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "unqualified-search-registries = %s\n", quoted(append([]string{}, p.ShortNames.Search...)))
	if len(p.ShortNames.Aliases) > 0 {
		b.WriteString("[aliases]\n")
	}
	for _, alias := range slices.Sorted(maps.Keys(p.ShortNames.Aliases)) {
		fmt.Fprintf(&b, "%s = %s\n", quoted(alias), quoted(p.ShortNames.Aliases[alias]))
	}
	for _, registry := range merged(p.Registries) {
		if _, err := netip.ParsePrefix(registry.Host); err == nil {
			continue // a network of crio.conf's, which registries.conf has not
		}
		registry.writeTable(&b)
	}
	file := filepath.Join(dir, "registries.conf")
	return file, os.WriteFile(file, []byte(b.String()), 0o600)
}

// merged takes what is said twice of one registry together: crio.conf may say of one
// that it is insecure.
func merged(registries []Registry) []Registry {
	var all []Registry
	for _, registry := range registries {
		i := slices.IndexFunc(all, func(known Registry) bool { return known.Host == registry.Host })
		if i < 0 {
			all = append(all, registry)
			continue
		}
		all[i].Server.SkipVerify = all[i].Server.SkipVerify || registry.Server.SkipVerify
	}
	return all
}

// writeTable writes one registry.
func (r Registry) writeTable(b *strings.Builder) {
	fmt.Fprintf(b, "[[registry]]\nprefix = %s\n", quoted(r.Host))
	if location := location(r.Server, r.Host); location != "" {
		fmt.Fprintf(b, "location = %s\n", quoted(location))
	}
	fmt.Fprintf(b, "insecure = %t\nblocked = %t\n", r.Server.SkipVerify, r.Blocked)
	for _, mirror := range r.Hosts {
		fmt.Fprintf(b, "[[registry.mirror]]\nlocation = %s\ninsecure = %t\n", quoted(location(mirror, "")), mirror.SkipVerify)
		if mirror.For != "" {
			fmt.Fprintf(b, "pull-from-mirror = %s\n", quoted(mirror.For))
		}
	}
}

// location spells an address as registries.conf does; that of no address is the
// registry itself, unless it stands for many.
func location(host Host, itself string) string {
	if host.URL == "" && !strings.HasPrefix(itself, "*.") {
		return itself
	}
	return strings.TrimPrefix(host.URL, "https://")
}
