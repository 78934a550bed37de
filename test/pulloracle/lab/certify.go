package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/pullgate/pullgate/test/e2e/pki"
	"github.com/pullgate/pullgate/test/pulloracle/scenario"
)

// certify makes the certificates, writes those that certs.d may name, and
// returns the settings of each server of HTTPS.
func (l *Lab) certify(dir string) (map[string]*tls.Config, error) {
	authority, err := pki.NewAuthority("the lab's authority")
	if err != nil {
		return nil, err
	}
	sound, err := signed(authority, "127.0.0.1", "localhost", "registry.test")
	if err != nil {
		return nil, err
	}
	other, err := signed(authority, "elsewhere.test")
	if err != nil {
		return nil, err
	}
	unknown, _, err := selfSigned(time.Now().Add(time.Hour))
	if err != nil {
		return nil, err
	}
	expired, expiredPEM, err := selfSigned(time.Now().Add(-time.Hour))
	if err != nil {
		return nil, err
	}
	client, err := authority.Client("node")
	if err != nil {
		return nil, err
	}
	l.files["capem"] = string(authority.PEM)
	for name, data := range map[string][]byte{
		"ca": authority.PEM, "expiredca": expiredPEM, "clientcert": client.Cert, "clientkey": client.Key,
	} {
		l.files[name] = filepath.Join(dir, name+".pem")
		if err := os.WriteFile(l.files[name], data, 0o600); err != nil {
			return nil, fmt.Errorf("write a certificate: %w", err)
		}
	}
	wantsClient := serving(sound)
	wantsClient.ClientAuth, wantsClient.ClientCAs = tls.RequireAndVerifyClientCert, authority.Pool()
	old := serving(sound)
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	return map[string]*tls.Config{
		scenario.TLS: serving(sound), scenario.AuthTLS: serving(sound), scenario.OtherName: serving(other),
		scenario.SelfSigned: serving(unknown), scenario.Expired: serving(expired),
		scenario.ClientTLS: wantsClient, scenario.OldTLS: old,
	}, nil
}

func serving(certificate tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
}

func signed(authority *pki.Authority, hosts ...string) (tls.Certificate, error) {
	pair, err := authority.Server(hosts...)
	if err != nil {
		return tls.Certificate{}, err
	}
	return pair.TLS()
}

// selfSigned makes a certificate for loopback that is its own authority.
func selfSigned(until time.Time) (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "self-signed"},
		NotBefore: until.Add(-24 * time.Hour), NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("sign a certificate by itself: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}
