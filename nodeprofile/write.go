package nodeprofile

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// WriteHosts writes the registries of a containerd profile into a folder, as
// hosts.toml files with the CAs beside: containerd's own library reads them as it
// would on the nodes. It returns the config_path; empty where there is nothing to
// write. A list it stays, be it that the second folder is not there.
func (p *Profile) WriteHosts(dir string) (string, error) {
	if p.Runtime.Name != Containerd || len(p.Registries) == 0 {
		return "", nil
	}
	for _, registry := range p.Registries {
		if err := registry.write(dir); err != nil {
			return "", fmt.Errorf("registry %q: %w", registry.Host, err)
		}
	}
	if len(p.Runtime.HostsPath) > 1 {
		return dir + string(filepath.ListSeparator) + filepath.Join(dir, "none"), nil
	}
	return dir, nil
}

// write writes one folder. Its name comes from a file that others may write.
func (r Registry) write(dir string) error {
	if r.Host == "" || strings.ContainsAny(r.Host, `/\`) || strings.HasPrefix(r.Host, ".") {
		return fmt.Errorf("is no host")
	}
	folder := filepath.Join(dir, r.Host)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	var b strings.Builder
	if r.Server.URL != "" {
		fmt.Fprintf(&b, "server = %s\n", quoted(r.Server.URL))
	}
	if err := r.Server.write(&b, folder, "server"); err != nil {
		return err
	}
	for i, host := range r.Hosts {
		fmt.Fprintf(&b, "[host.%s]\n", quoted(host.URL))
		if err := host.write(&b, folder, fmt.Sprintf("host%d", i)); err != nil {
			return err
		}
	}
	if b.Len() == 0 {
		b.WriteString("# the registry itself\n")
	}
	return os.WriteFile(filepath.Join(folder, "hosts.toml"), []byte(b.String()), 0o600)
}

// write writes what hosts.toml says of one host, and its CAs into a file.
func (h Host) write(b *strings.Builder, folder, name string) error {
	if len(h.Capabilities) > 0 {
		fmt.Fprintf(b, "capabilities = %s\n", quoted(h.Capabilities))
	}
	if h.OverridePath {
		b.WriteString("override_path = true\n")
	}
	if h.SkipVerify {
		b.WriteString("skip_verify = true\n")
	}
	if len(h.Authorities) == 0 {
		return nil
	}
	fmt.Fprintf(b, "ca = %s\n", quoted(name+".pem"))
	return os.WriteFile(filepath.Join(folder, name+".pem"), []byte(strings.Join(h.Authorities, "")), 0o600)
}

// quoted spells a text or a list of texts as TOML, which JSON's texts are.
func quoted(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return `""` // cannot be: texts marshal
	}
	return string(text)
}
