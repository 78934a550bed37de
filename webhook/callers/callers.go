package callers

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/pullgate/pullgate/webhook/sampling"
)

// logEvery is how often strangers are told of: anybody who reaches the port can
// be one any number of times.
const logEvery = 10 * time.Second

// Callers says whose requests are answered. The zero value knows no strangers. It
// must not be copied.
type Callers struct {
	// Certificates lets those ask who show a client certificate, which the TLS
	// server has verified.
	Certificates bool
	// Tokens lets those ask who show a token; nil: no token counts.
	Tokens *Tokens
	// Log is told of strangers, now and then. Needed, as is Stranger, where the
	// zero value is left.
	Log *slog.Logger
	// Stranger counts one.
	Stranger func()

	seldom sampling.Sampler[struct{}]
}

// Only passes on what may be asked.
func (c *Callers) Only(next http.Handler) http.Handler {
	if !c.Certificates && c.Tokens == nil {
		return next
	}
	c.seldom = sampling.Sampler[struct{}]{Most: 1, Period: logEvery, LeftOut: func(_ struct{}, count int) {
		c.Log.Warn("more strangers were refused", "count", count)
	}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := c.known(r); err != nil {
			c.refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// known says why the one who asks is a stranger; nil: it is none.
func (c *Callers) known(r *http.Request) error {
	if c.Certificates && r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		return nil
	}
	if c.Tokens == nil {
		return errors.New("no client certificate is shown")
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return errors.New("no token is shown, and no client certificate that counts")
	}
	return c.Tokens.verify(r.Context(), token)
}

// refuse tells a stranger nothing of what would do.
func (c *Callers) refuse(w http.ResponseWriter, r *http.Request, why error) {
	const most = 300
	c.Stranger()
	if c.seldom.Take(struct{}{}) {
		text := why.Error()
		c.Log.Warn("a stranger was refused", "error", text[:min(len(text), most)], "remote", r.RemoteAddr)
	}
	w.Header().Set("WWW-Authenticate", "Bearer")
	http.Error(w, "only API servers are answered here, and who asks has not shown to be one: docs/install.md says how they do", http.StatusUnauthorized)
}

// Flush tells of the strangers that were not told of yet.
func (c *Callers) Flush() { c.seldom.Flush() }
