package certs

import (
	"bytes"
	"crypto/x509"
	"slices"
	"time"
)

const (
	// overlap is for how long after a new authority was made API servers go on
	// to trust the others: replicas may still serve by them.
	overlap = time.Hour
	// heard is how long every API server takes, at most, to hear of a change of
	// the webhook configuration. Nothing is served by what was added to that
	// until then, as long as there is something else to serve with.
	heard = 5 * time.Second
	// heardFirst is the same for a replica that is not ready yet: it has nothing
	// else to serve with, and others do meanwhile. API servers watch, and hear
	// within milliseconds.
	heardFirst = 500 * time.Millisecond
)

// trusted returns the roots that API servers are to trust, in PEM: those of the
// Secret and of this replica, and while replicas may serve by another authority,
// whatever good authorities the configuration has. What it has already stays
// where it is, so that replicas which do not know the same agree in the end.
func trusted(held material, serving *x509.Certificate, configured []byte, now time.Time) []byte {
	needed := []*x509.Certificate{held.root}
	if serving != nil {
		needed = append(needed, serving)
	}
	old := now.Sub(made(held.root)) >= overlap
	var roots []*x509.Certificate
	add := func(root *x509.Certificate) {
		if !slices.ContainsFunc(roots, root.Equal) && root.IsCA && now.Before(root.NotAfter) {
			roots = append(roots, root)
		}
	}
	for _, root := range certificates(configured) {
		if !old || slices.ContainsFunc(needed, root.Equal) {
			add(root)
		}
	}
	for _, root := range needed {
		add(root)
	}
	if !old {
		for _, root := range certificates(held.roots) {
			add(root)
		}
	}
	return encode(roots)
}

// made is when the authority was made.
func made(root *x509.Certificate) time.Time { return root.NotBefore.Add(clockSkew) }

// encode returns certificates in PEM.
func encode(all []*x509.Certificate) []byte {
	var text bytes.Buffer
	for _, certificate := range all {
		text.Write(authority{certificate: certificate}.certificatePEM())
	}
	return text.Bytes()
}

// trust is since when the webhook configuration has had a root.
type trust struct {
	root  *x509.Certificate
	since time.Time
}

// saw notes that the configuration has the root, and whether it is us who wrote
// it there.
func (t *trust) saw(root *x509.Certificate, wrote bool, now time.Time) {
	switch {
	case t.root != nil && t.root.Equal(root):
		return
	case t.root == nil && !wrote:
		t.since = made(root) // it was there before us
	default:
		t.since = now
	}
	t.root = root
}

// heard tells whether all API servers must have heard of the root by now.
func (t *trust) heard(root *x509.Certificate, after time.Duration, now time.Time) bool {
	return t.root != nil && t.root.Equal(root) && now.Sub(t.since) >= after
}
