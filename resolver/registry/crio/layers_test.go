package crio

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
)

// zipped compresses a text.
func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestReadLayer refuses what no version of CRI-O can take, and nothing else.
func TestReadLayer(t *testing.T) {
	const short = `{"critical":"signature"}`
	tar := strings.Repeat("\x00", 2*tarBlock)
	for name, tt := range map[string]struct {
		sent, of string // what was sent, and of what the digest is if not of that
		length   int64  // if not that of what was sent
		as       bool   // an artifact
		want     string
	}{
		"a tar file":                   {sent: tar},
		"one that is compressed":       {sent: zipped(t, tar)},
		"nothing, compressed":          {sent: zipped(t, "")},
		"no tar file":                  {sent: short, want: "unexpected EOF"},
		"none that is compressed":      {sent: zipped(t, short), want: "unexpected EOF"},
		"half of a compressed one":     {sent: zipped(t, short)[:20]},
		"compressed in another way":    {sent: "\x28\xb5\x2f\xfd" + short},
		"of an artifact":               {sent: short, as: true},
		"other bytes":                  {sent: tar, of: short, want: "Digest did not match"},
		"other bytes of an artifact":   {sent: tar, of: short, as: true, want: "Digest did not match"},
		"a large one, of other bytes":  {sent: strings.Repeat("x", maxRead+1), of: short},
		"of a length that nobody told": {sent: short, length: -1},
	} {
		t.Run(name, func(t *testing.T) {
			resp := &http.Response{ContentLength: int64(len(tt.sent)), Body: io.NopCloser(strings.NewReader(tt.sent))}
			if tt.length != 0 {
				resp.ContentLength = tt.length
			}
			if tt.of == "" {
				tt.of = tt.sent
			}
			err := readLayer(resp, digest.FromString(tt.of), !tt.as)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}
