package nodeprofile

import (
	"crypto/x509"
	"encoding/pem"
	"path"
	"slices"
)

// anchors are the folders for CAs of one's own, by distribution.
var anchors = []string{
	"/usr/local/share/ca-certificates", // Debian, Ubuntu, Alpine
	"/etc/pki/ca-trust/source/anchors", // Fedora, RHEL, Amazon Linux
	"/etc/pki/trust/anchors",           // SUSE
	"/etc/ca-certificates/trust-source/anchors",
}

// extraAuthorities reads the trust store's CAs that were added to the public
// ones.
func extraAuthorities(r *root) []string {
	var all []string
	for _, folder := range anchors {
		for _, name := range append(r.glob(folder, "*"), deeper(r, folder)...) {
			for _, one := range authoritiesIn(r, name) {
				if !slices.Contains(all, one) {
					all = append(all, one)
				}
			}
		}
	}
	return all
}

// deeper lists the files in the folders of a folder.
func deeper(r *root, folder string) []string {
	var all []string
	for _, name := range r.list(folder) {
		if at := path.Join(folder, name); r.isFolder(at) {
			all = append(all, r.glob(at, "*")...)
		}
	}
	return all
}

// authoritiesIn reads the certificates of a file, and nothing else that is in
// it, keys above all.
func authoritiesIn(r *root, name string) []string {
	if r.isFolder(name) {
		return nil
	}
	data := r.read(name)
	var all []string
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		if _, err := x509.ParseCertificate(block.Bytes); err == nil {
			all = append(all, string(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes})))
		}
	}
	if len(all) == 0 && data != nil {
		r.problem(name, "has no certificate in PEM")
	}
	return all
}
