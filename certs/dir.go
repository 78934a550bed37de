package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
)

// Dir serves with the certificate in a folder, tls.crt and tls.key, and takes
// up what is put there while it runs. While that cannot be used, it goes on
// with what it had.
type Dir struct {
	watcher *certwatcher.CertWatcher
}

// OpenDir reads the certificate in the folder. One that has expired is a
// warning in the log and no error: a cluster is better off with a webhook that
// says what is wrong with it. A nil log is slog.Default().
func OpenDir(folder string, log *slog.Logger) (*Dir, error) {
	if log == nil {
		log = slog.Default()
	}
	certificate, key := filepath.Join(folder, corev1.TLSCertKey), filepath.Join(folder, corev1.TLSPrivateKeyKey)
	if err := usable(certificate, key); err != nil {
		return nil, err
	}
	watcher, err := certwatcher.New(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("watch the serving certificate in %s: %w", folder, err)
	}
	watcher.RegisterCallback(func(loaded tls.Certificate) { logValidity(log, certificate, loaded.Leaf) })
	return &Dir{watcher: watcher}, nil
}

// usable says what is wrong with the files, and what to do.
func usable(certificate, key string) error {
	var texts [2][]byte
	for i, file := range []string{certificate, key} {
		var err error
		if texts[i], err = os.ReadFile(file); err != nil { //nolint:gosec // the operator named the folder
			return fmt.Errorf("read the serving certificate: %w; the folder needs a certificate in %s and its key in %s",
				err, corev1.TLSCertKey, corev1.TLSPrivateKeyKey)
		}
	}
	if _, err := tls.X509KeyPair(texts[0], texts[1]); err != nil {
		return fmt.Errorf("use %s with %s: %w; they must be PEM, and the key the certificate's own", certificate, key, err)
	}
	return nil
}

// logValidity warns of a certificate that clients will refuse for its dates.
func logValidity(log *slog.Logger, file string, leaf *x509.Certificate) {
	now := time.Now()
	switch {
	case now.After(leaf.NotAfter):
		log.Warn("the serving certificate has expired: API servers refuse it; renew it", "file", file, "expired", leaf.NotAfter)
	case now.Before(leaf.NotBefore):
		log.Warn("the serving certificate is not valid yet: API servers refuse it", "file", file, "from", leaf.NotBefore)
	default:
		log.Info("serving with a certificate", "file", file, "expires", leaf.NotAfter)
	}
}

// GetCertificate is for tls.Config.
func (d *Dir) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return d.watcher.GetCertificate(hello)
}

// Run takes up new certificates until the context ends.
func (d *Dir) Run(ctx context.Context) error {
	if err := d.watcher.Start(ctx); err != nil {
		return fmt.Errorf("watch the serving certificate: %w", err)
	}
	return nil
}
