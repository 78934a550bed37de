package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"net"
	"time"
)

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	leafLife      = 365 * 24 * time.Hour
	// clockSkew is how far an API server's clock may lag behind ours.
	clockSkew = time.Hour

	certificateBlock = "CERTIFICATE"
	keyBlock         = "PRIVATE KEY"
)

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// newAuthority makes one that signs itself.
func newAuthority(now time.Time) (authority, error) {
	return sign(nil, &x509.Certificate{
		Subject:               pkix.Name{CommonName: "pullgate-ca"},
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.Add(authorityLife),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
	})
}

// issue makes a certificate to serve with, for names and IP addresses.
func (a authority) issue(names []string, now time.Time) (authority, error) {
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "pullgate"},
		NotBefore:   now.Add(-clockSkew),
		NotAfter:    now.Add(leafLife),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	return sign(&a, template)
}

// sign makes a key and a certificate for it, signed by parent, or by itself if
// that is nil.
func sign(parent *authority, template *x509.Certificate) (authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return authority{}, fmt.Errorf("make a key: %w", err)
	}
	if parent == nil {
		parent = &authority{certificate: template, key: key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.certificate, key.Public(), parent.key)
	if err != nil {
		return authority{}, fmt.Errorf("make a certificate: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return authority{}, fmt.Errorf("read the certificate just made: %w", err)
	}
	return authority{certificate: certificate, key: key}, nil
}

// certificatePEM returns the certificate as files and Secrets have it.
func (a authority) certificatePEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: a.certificate.Raw})
}

// keyPEM returns the key as files and Secrets have it.
func (a authority) keyPEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		return nil, fmt.Errorf("encode a key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: der}), nil
}

// due tells whether less than a third of the certificate's life is left.
func due(certificate *x509.Certificate, now time.Time) bool {
	return certificate.NotAfter.Sub(now) < certificate.NotAfter.Sub(certificate.NotBefore)/3
}
