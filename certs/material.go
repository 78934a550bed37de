package certs

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// The keys of the Secret. Those for serving are named as in every Secret of
// type kubernetes.io/tls.
const (
	rootsKey        = "ca.crt"
	authorityKeyKey = "ca.key"
	certificateKey  = corev1.TLSCertKey
	keyKey          = corev1.TLSPrivateKeyKey
)

// material is what a good Secret holds.
type material struct {
	// roots are what clients are to trust: the authority, and the one before
	// it while replicas may still serve with a certificate of that one.
	roots   []byte
	serving tls.Certificate
}

// read returns what a Secret's data hold, or why it will not do: it cannot be
// read, does not verify, is not for these names, or is due to be renewed.
func read(data map[string][]byte, names []string, now time.Time) (material, error) {
	serving, err := tls.X509KeyPair(data[certificateKey], data[keyKey])
	if err != nil {
		return material{}, fmt.Errorf("read %s and %s: %w", certificateKey, keyKey, err)
	}
	roots := certificates(data[rootsKey])
	if len(roots) == 0 {
		return material{}, fmt.Errorf("there is no certificate in %s", rootsKey)
	}
	if err := verify(serving.Leaf, roots, names, now); err != nil {
		return material{}, err
	}
	if due(serving.Leaf, now) || due(roots[0], now) {
		return material{}, errors.New("less than a third of its life is left")
	}
	return material{roots: data[rootsKey], serving: serving}, nil
}

// verify does what an API server does on connecting, for every name.
func verify(leaf *x509.Certificate, roots []*x509.Certificate, names []string, now time.Time) error {
	pool := x509.NewCertPool()
	for _, root := range roots {
		pool.AddCert(root)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: now}); err != nil {
		return fmt.Errorf("verify %s against %s: %w", certificateKey, rootsKey, err)
	}
	for _, name := range names {
		if err := leaf.VerifyHostname(name); err != nil {
			return fmt.Errorf("verify the names of %s: %w", certificateKey, err)
		}
	}
	return nil
}

// renew returns new data for a Secret: a new serving certificate, by the same
// authority as long as that is good.
func renew(data map[string][]byte, names []string, now time.Time) (map[string][]byte, error) {
	roots := data[rootsKey]
	signer, err := readAuthority(data, now)
	if err != nil {
		if signer, err = newAuthority(now); err != nil {
			return nil, err
		}
		roots = slices.Concat(signer.certificatePEM(), previousRoot(data[rootsKey], now))
	}
	leaf, err := signer.issue(names, now)
	if err != nil {
		return nil, err
	}
	signerKey, err := signer.keyPEM()
	if err != nil {
		return nil, err
	}
	leafKey, err := leaf.keyPEM()
	if err != nil {
		return nil, err
	}
	return map[string][]byte{
		rootsKey: roots, authorityKeyKey: signerKey,
		certificateKey: leaf.certificatePEM(), keyKey: leafKey,
	}, nil
}

// readAuthority returns the authority in a Secret's data if it can still sign.
func readAuthority(data map[string][]byte, now time.Time) (authority, error) {
	pair, err := tls.X509KeyPair(data[rootsKey], data[authorityKeyKey])
	if err != nil {
		return authority{}, fmt.Errorf("read %s and %s: %w", rootsKey, authorityKeyKey, err)
	}
	key, ok := pair.PrivateKey.(crypto.Signer)
	if !ok || !pair.Leaf.IsCA || due(pair.Leaf, now) || now.Before(pair.Leaf.NotBefore) {
		return authority{}, fmt.Errorf("the certificate in %s can no longer sign others", rootsKey)
	}
	return authority{certificate: pair.Leaf, key: key}, nil
}

// previousRoot returns the authority that a new one takes over from, if any.
func previousRoot(roots []byte, now time.Time) []byte {
	for _, root := range certificates(roots) {
		if root.IsCA && now.Before(root.NotAfter) {
			return authority{certificate: root}.certificatePEM()
		}
	}
	return nil
}

// certificates returns those in PEM text, and passes over what is none.
func certificates(text []byte) []*x509.Certificate {
	var all []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != certificateBlock {
			continue
		}
		if certificate, err := x509.ParseCertificate(block.Bytes); err == nil {
			all = append(all, certificate)
		}
	}
	return all
}
