package wire

import (
	"net/http"
	"testing"
)

// FuzzRetryAfter: whatever a registry says of when to come again, the pause is one
// that somebody can wait for.
func FuzzRetryAfter(f *testing.F) {
	for _, said := range []string{"", "0", "1", "-1", "1.5", "99999999999999999999", "18446744073709551615", "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT", "soon", "\x00"} {
		f.Add(said)
	}
	f.Fuzz(func(t *testing.T, said string) {
		header := http.Header{"Retry-After": {said}}
		if after := retryAfter(header); after < 0 || after > maxRetryAfter {
			t.Errorf("%q is %s", said, after)
		}
		if pause := pauseOf(header); pause < usualPause || pause > maxPause {
			t.Errorf("after %q the pause is %s", said, pause)
		}
	})
}
