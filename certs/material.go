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
	// roots are the authority's certificate, and those of the ones before it,
	// in PEM.
	roots   []byte
	serving tls.Certificate
	// root is the authority that signed what is served with.
	root *x509.Certificate
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
	root, err := verify(serving.Leaf, roots, names, now)
	if err != nil {
		return material{}, err
	}
	if due(serving.Leaf, now) || due(roots[0], now) {
		return material{}, errors.New("less than a third of its life is left")
	}
	return material{roots: data[rootsKey], serving: serving, root: root}, nil
}

// verify does what an API server does on connecting, for every name, and
// returns the root that it verified by.
func verify(leaf *x509.Certificate, roots []*x509.Certificate, names []string, now time.Time) (*x509.Certificate, error) {
	pool := x509.NewCertPool()
	for _, root := range roots {
		pool.AddCert(root)
	}
	chains, err := leaf.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: now})
	if err != nil {
		return nil, fmt.Errorf("verify %s against %s: %w", certificateKey, rootsKey, err)
	}
	for _, name := range names {
		if err := leaf.VerifyHostname(name); err != nil {
			return nil, fmt.Errorf("verify the names of %s: %w", certificateKey, err)
		}
	}
	return chains[0][len(chains[0])-1], nil
}

// renew returns new data for a Secret: a new serving certificate, by the same
// authority as long as that is good; beside a new one go the others that are
// good, which come from elsewhere if the Secret has lost them.
func renew(data map[string][]byte, others []byte, names []string, now time.Time) (map[string][]byte, error) {
	roots := data[rootsKey]
	signer, err := readAuthority(data, now)
	if err != nil {
		if signer, err = newAuthority(now); err != nil {
			return nil, err
		}
		roots = encode(append([]*x509.Certificate{signer.certificate}, previous(slices.Concat(data[rootsKey], []byte("\n"), others), now)...))
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

// maxPrevious bounds the authorities that are kept beside a new one.
const maxPrevious = 3

// previous returns the authorities that are still good, each once.
func previous(roots []byte, now time.Time) []*x509.Certificate {
	var all []*x509.Certificate
	for _, root := range certificates(roots) {
		if root.IsCA && now.Before(root.NotAfter) && !slices.ContainsFunc(all, root.Equal) && len(all) < maxPrevious {
			all = append(all, root)
		}
	}
	return all
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
