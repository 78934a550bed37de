package operate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"testing"
	"time"
)

func encoded(text []byte) string { return base64.StdEncoding.EncodeToString(text) }

// expiredData is what Pullgate's Secret would hold if all of it had been made
// at that time, for a year.
func expiredData(t *testing.T, at time.Time) map[string]string {
	t.Helper()
	authority, authorityKey := certify(t, at, nil, nil)
	leaf, leafKey := certify(t, at, authority, authorityKey)
	return map[string]string{
		"ca.crt": inPEM("CERTIFICATE", authority.Raw), "ca.key": keyInPEM(t, authorityKey),
		"tls.crt": inPEM("CERTIFICATE", leaf.Raw), "tls.key": keyInPEM(t, leafKey),
	}
}

// certify makes a certificate; an authority's if there is none to sign it.
func certify(t *testing.T, at time.Time, parent *x509.Certificate, by *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(at.UnixNano()), Subject: pkix.Name{CommonName: "pullgate"},
		NotBefore: at, NotAfter: at.AddDate(1, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
		DNSNames: []string{"pullgate.pullgate-system.svc"},
	}
	if parent == nil {
		template.IsCA, template.BasicConstraintsValid, template.DNSNames = true, true, nil
		template.KeyUsage |= x509.KeyUsageCertSign
		parent, by = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate, key
}

func keyInPEM(t *testing.T, key *ecdsa.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return inPEM("PRIVATE KEY", der)
}

func inPEM(kind string, der []byte) string {
	return encoded(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
