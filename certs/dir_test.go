package certs

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// pair returns a certificate made at that time, its key, and its authority.
func pair(t *testing.T, at time.Time) (certificate, key, roots []byte) {
	t.Helper()
	data, err := renew(nil, nil, []string{host}, at)
	if err != nil {
		t.Fatal(err)
	}
	return data[certificateKey], data[keyKey], data[rootsKey]
}

func write(t *testing.T, folder, name string, text []byte) {
	t.Helper()
	// By a rename, so that nobody reads half a file.
	if err := os.WriteFile(filepath.Join(folder, name+".new"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(folder, name+".new"), filepath.Join(folder, name)); err != nil {
		t.Fatal(err)
	}
}

func TestOpenDirErrors(t *testing.T) {
	certificate, key, _ := pair(t, time.Now())
	_, otherKey, _ := pair(t, time.Now())
	tests := []struct {
		name  string
		files map[string][]byte
		want  []string
	}{
		{"empty folder", nil, []string{"tls.crt", "no such file", "its key in tls.key"}},
		{"no key", map[string][]byte{"tls.crt": certificate}, []string{"tls.key", "no such file"}},
		{"no certificate", map[string][]byte{"tls.key": key}, []string{"tls.crt", "no such file"}},
		{"key of another", map[string][]byte{"tls.crt": certificate, "tls.key": otherKey},
			[]string{"tls.crt", "tls.key", "private key does not match public key", "the certificate's own"}},
		{"rubbish", map[string][]byte{"tls.crt": []byte("x"), "tls.key": key}, []string{"tls.crt", "PEM"}},
		{"empty files", map[string][]byte{"tls.crt": nil, "tls.key": nil}, []string{"tls.crt", "PEM"}},
		{"the wrong way round", map[string][]byte{"tls.crt": key, "tls.key": certificate}, []string{"tls.crt", "PEM"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			folder := t.TempDir()
			for name, text := range test.files {
				write(t, folder, name, text)
			}
			_, err := OpenDir(folder, slog.New(slog.DiscardHandler))
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error %q does not say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "PRIVATE") {
				t.Errorf("the error %q tells the key", err)
			}
		})
	}
	if _, err := OpenDir(filepath.Join(t.TempDir(), "gone"), nil); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("got %v, want an error that names the missing folder", err)
	}
}

func TestOpenDirTellsOfTheDates(t *testing.T) {
	for want, at := range map[string]time.Time{
		"level=WARN msg=\"the serving certificate has expired":      time.Now().Add(-2 * leafLife),
		"level=WARN msg=\"the serving certificate is not valid yet": time.Now().Add(2 * leafLife),
		"level=INFO msg=\"serving with a certificate":               time.Now(),
	} {
		folder := t.TempDir()
		certificate, key, _ := pair(t, at)
		write(t, folder, "tls.crt", certificate)
		write(t, folder, "tls.key", key)
		var log bytes.Buffer
		if _, err := OpenDir(folder, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
			t.Error(err)
		}
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log says %q, want %q", log.String(), want)
		}
	}
}

// seen is a log that says when something was written that has the text.
type seen struct {
	text string
	once sync.Once
	came chan struct{}
}

func (s *seen) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte(s.text)) {
		s.once.Do(func() { close(s.came) })
	}
	return len(line), nil
}

func TestDirTakesUpWhatIsNew(t *testing.T) {
	folder := t.TempDir()
	certificate, key, roots := pair(t, time.Now())
	write(t, folder, "tls.crt", certificate)
	write(t, folder, "tls.key", key)
	log := &seen{text: "has expired", came: make(chan struct{})}
	d, err := OpenDir(folder, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if err := handshake(d.GetCertificate, roots, time.Now()); err != nil {
		t.Error(err)
	}
	d.watcher.WithWatchInterval(10 * time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()

	// Half of the pair is no reason to stop serving with the last good one.
	certificate, key, newRoots := pair(t, time.Now().Add(-2*leafLife))
	write(t, folder, "tls.crt", certificate)
	if err := handshake(d.GetCertificate, roots, time.Now()); err != nil {
		t.Error(err)
	}
	write(t, folder, "tls.key", key)
	<-log.came
	if err := handshake(d.GetCertificate, newRoots, time.Now().Add(-2*leafLife)); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
