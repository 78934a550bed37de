package e2e

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pullgate/pullgate/test/e2e/pki"
)

// bundle is the caBundle by which API servers trust Pullgate.
func (s stage) bundle() string {
	s.Helper()
	return s.must("get", "validatingwebhookconfiguration", "pullgate", "-o", "jsonpath={.webhooks[0].clientConfig.caBundle}")
}

// setBundle gives every entry of the webhook configuration another one.
func (s stage) setBundle(bundle string) {
	s.Helper()
	s.patchEntries(`{"op": "replace", "path": "/webhooks/%d/clientConfig/caBundle", "value": "` + bundle + `"}`)
}

// patchEntries does the same with each entry.
func (s stage) patchEntries(format string) {
	s.Helper()
	var edits []string
	for i := range strings.Fields(s.must("get", "validatingwebhookconfiguration", "pullgate", "-o", "jsonpath={.webhooks[*].name}")) {
		edits = append(edits, fmt.Sprintf(format, i))
	}
	s.must("patch", "validatingwebhookconfiguration", "pullgate", "--type=json", "-p", "["+strings.Join(edits, ",")+"]")
}

// testCertificates has Pullgate serve with certificates that an API server does not
// trust, though it knows who made them; word is what the doctor can know of each.
func testCertificates(s stage, word func(string) string) {
	gate := s.rig.Gate
	authority, err := pki.NewAuthority("forgotten")
	if err != nil {
		s.Fatal(err)
	}
	host := "pullgate." + gate.Namespace + ".svc"
	made := func(pair pki.Pair, err error) pki.Pair {
		if err != nil {
			s.Fatal(err)
		}
		return pair
	}
	s.setBundle(base64.StdEncoding.EncodeToString(authority.PEM))
	for code, pair := range map[string]pki.Pair{"Expired": made(authority.Expired(host)), "WrongName": made(authority.Server("other." + gate.Namespace + ".svc"))} {
		gate.Stop() // connections that are kept alive trusted another one
		s.serveWith(pair)
		if _, err := gate.StartReady(s.Context()); err != nil {
			s.Fatal(err)
		}
		said := s.awaitDoctor([]string{word(code)}, nil)
		if word(code) == code && !strings.Contains(said.text, "renew it, for the name "+host) {
			s.Errorf("%s: what to do is not said: %s", code, said.text)
		}
		s.serveWith(made(authority.Server(host))) // it is taken up without a restart
		s.awaitDoctor(nil, nil)
	}
}

// serveWith puts a certificate where Pullgate reads its own.
func (s stage) serveWith(pair pki.Pair) {
	s.Helper()
	dir := filepath.Dir(s.rig.Gate.ConfigFile)
	if err := pair.Write(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")); err != nil {
		s.Fatal(err)
	}
}

// testCaller has Pullgate answer those alone who show a certificate, and an API
// server that shows none.
func testCaller(s stage, want string) {
	gate := s.rig.Gate
	authority, err := pki.NewAuthority("callers")
	if err != nil {
		s.Fatal(err)
	}
	file := filepath.Join(s.TempDir(), "callers.crt")
	if err := os.WriteFile(file, authority.PEM, 0o600); err != nil {
		s.Fatal(err)
	}
	gate.Stop()
	gate.Args = []string{"--client-ca-file", file}
	if _, err := gate.StartReady(s.Context()); err != nil {
		s.Fatal(err)
	}
	said := s.awaitDoctor([]string{want}, nil)
	if want == "CallerRefused" && !strings.Contains(said.text, "docs/install.md tells how API servers do") {
		s.Errorf("what to do is not said: %s", said.text)
	}
	gate.Stop()
	gate.Args = nil
	if err := gate.Start(s.Context()); err != nil {
		s.Fatal(err)
	}
	s.awaitDoctor(nil, nil)
}
