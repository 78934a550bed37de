package certs

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"testing"
	"time"
)

// data returns what a Secret holds that was made at that time.
func data(t *testing.T, at time.Time, names ...string) map[string][]byte {
	t.Helper()
	if names == nil {
		names = ServiceNames("pullgate", namespace)
	}
	made, err := renew(nil, nil, names, at)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// with returns the data with another value under the key.
func with(data map[string][]byte, key string, value []byte) map[string][]byte {
	data[key] = value
	return data
}

// freshLeaf returns the data with a serving certificate made now.
func freshLeaf(t *testing.T, data map[string][]byte, now time.Time) map[string][]byte {
	t.Helper()
	signer, err := tls.X509KeyPair(data[rootsKey], data[authorityKeyKey])
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := authority{certificate: signer.Leaf, key: signer.PrivateKey.(crypto.Signer)}.
		issue(ServiceNames("pullgate", namespace), now)
	if err != nil {
		t.Fatal(err)
	}
	key, err := leaf.keyPEM()
	if err != nil {
		t.Fatal(err)
	}
	return with(with(data, certificateKey, leaf.certificatePEM()), keyKey, key)
}

// leafAsAuthority returns data whose authority is but a serving certificate.
func leafAsAuthority(t *testing.T, now time.Time) map[string][]byte {
	t.Helper()
	made := data(t, now)
	return map[string][]byte{rootsKey: made[certificateKey], authorityKeyKey: made[keyKey]}
}

// What may be wrong with a Secret, and what of it is kept.
func TestEnsureReplacesWhatIsWanting(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Now()
	leafDue, authorityDue := now.Add(-leafLife*2/3), now.Add(-authorityLife*2/3)
	rubbish := map[string][]byte{"ca.crt": {0}, "ca.key": []byte("x"), "tls.crt": []byte("y"), "tls.key": {255}}
	noCertificate := []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
	tests := []struct {
		name                string
		data                map[string][]byte
		wantSame, wantRoots bool
	}{
		{"new", data(t, now), true, true},
		{"nearly due", data(t, leafDue.Add(day)), true, true},
		{"from another maker, without the authority's key", with(data(t, now), authorityKeyKey, nil), true, true},
		{"due", data(t, leafDue.Add(-day)), false, true},
		{"expired", data(t, now.Add(-leafLife-day)), false, true},
		{"authority nearly due", freshLeaf(t, data(t, authorityDue.Add(day)), now), true, true},
		{"authority due", freshLeaf(t, data(t, authorityDue.Add(-day)), now), false, false},
		{"both due", data(t, authorityDue.Add(-day)), false, false},
		{"authority expired", data(t, now.Add(-authorityLife-day)), false, false},
		{"not valid yet", data(t, now.Add(day)), false, false},
		{"for another name", data(t, now, "other.pullgate-system.svc"), false, true},
		{"for one name too few", data(t, now, ServiceNames("pullgate", namespace)[:3]...), false, true},
		{"no data", nil, false, false},
		{"rubbish", rubbish, false, false},
		{"rubbish in PEM", with(data(t, now), rootsKey, noCertificate), false, false},
		{"key of another", with(data(t, now), keyKey, data(t, now)[keyKey]), false, true},
		{"authority of another", with(data(t, now), rootsKey, data(t, now)[rootsKey]), false, false},
		{"no authority", with(data(t, now), rootsKey, nil), false, false},
		{"due, without the authority's key", with(data(t, now.Add(-leafLife)), authorityKeyKey, nil), false, false},
		{"a serving certificate for an authority", leafAsAuthority(t, now), false, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(configuration(), secretWith(test.data))
			m := manager(s.client())
			ensure(t, m)
			held := s.held(t)
			if got := bytes.Equal(held[certificateKey], test.data[certificateKey]); got != test.wantSame {
				t.Errorf("the same certificate: %v, want %v", got, test.wantSame)
			}
			if got := bytes.Equal(held[rootsKey], test.data[rootsKey]); got != test.wantRoots {
				t.Errorf("the same authority: %v, want %v", got, test.wantRoots)
			}
			checkTrust(t, s, m, now)
		})
	}
}

// checkTrust checks that API servers trust what is served, and nothing else.
func checkTrust(t *testing.T, s *server, m *Manager, now time.Time) {
	t.Helper()
	if !bytes.Equal(s.bundle(t), s.held(t)[rootsKey]) {
		t.Error("the caBundle is not the Secret's ca.crt")
	}
	if err := handshake(m.GetCertificate, s.bundle(t), now); err != nil {
		t.Error(err)
	}
	for _, root := range certificates(s.bundle(t)) {
		if !root.IsCA || root.NotAfter.Before(now) {
			t.Errorf("the caBundle has %q in it, an authority: %v, good until %v", root.Subject, root.IsCA, root.NotAfter)
		}
	}
}
