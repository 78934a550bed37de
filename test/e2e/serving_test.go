package e2e

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/test/e2e/rig"
	"github.com/pullgate/pullgate/test/e2e/rig/rigtest"
)

const (
	maxResident = 60 << 20
	maxBinary   = 70 << 20
)

// testSize measures the program, and its memory when it has done next to
// nothing.
func testSize(t *testing.T, r *rig.Rig) {
	binaries := rigtest.Binaries(t, root)
	info, err := os.Stat(binaries.Pullgate)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the binary has %.1f MB", float64(info.Size())/(1<<20))
	if info.Size() >= maxBinary {
		t.Errorf("the binary has %d bytes, want fewer than %d", info.Size(), maxBinary)
	}
	if runtime.GOOS != "linux" {
		return // where there is no /proc
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.Gate.PID()))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	var kibibytes int
	if _, err := fmt.Sscanf(after, "%d kB", &kibibytes); err != nil {
		t.Fatalf("read %s: %v", status, err)
	}
	t.Logf("%.1f MB are resident at idle", float64(kibibytes)/(1<<10))
	if kibibytes<<10 >= maxResident {
		t.Errorf("%d KiB are resident at idle, want fewer than %d", kibibytes, maxResident>>10)
	}
}

// testManagedCertificates looks at what Pullgate made for itself, and by which
// the API server has called it by now.
func testManagedCertificates(t *testing.T, r *rig.Rig) {
	s := stage{T: t, rig: r, namespace: r.Gate.Namespace}
	bundles := strings.Fields(s.must("get", "validatingwebhookconfiguration", "pullgate", "-o", "jsonpath={.webhooks[*].clientConfig.caBundle}"))
	names := strings.Fields(s.must("get", "validatingwebhookconfiguration", "pullgate", "-o", "jsonpath={.webhooks[*].name}"))
	if len(bundles) != len(names) || len(names) < 6 {
		t.Fatalf("%d entries have %d caBundles", len(names), len(bundles))
	}
	roots := x509.NewCertPool()
	for _, bundle := range bundles {
		certificate, err := base64.StdEncoding.DecodeString(bundle)
		if err != nil || !roots.AppendCertsFromPEM(certificate) {
			t.Fatalf("the caBundle %s is no certificate: %v", bundle, err)
		}
	}
	encoded := s.must("get", "secret", "pullgate-certs", "-o", `jsonpath={.data.tls\.crt}`)
	text, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatalf("the secret has no certificate: %q", text)
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := certificate.Verify(x509.VerifyOptions{Roots: roots, DNSName: "pullgate." + r.Gate.Namespace + ".svc"}); err != nil {
		t.Errorf("the API server's name for Pullgate: %v", err)
	}
	if log := r.Gate.Log(); strings.Contains(log, "PRIVATE KEY") {
		t.Errorf("the log tells a key:\n%s", log)
	}
}
