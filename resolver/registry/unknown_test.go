package registry

import (
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
)

// TestProbeUnknown is when a registry gives no answer about the image, and how
// often it is asked all the same.
func TestProbeUnknown(t *testing.T) {
	for _, tt := range slices.Concat(unknownStatus(), unknownTokens(), unknownRealms(), unknownTransport(), unknownRedirects()) {
		fault := tt.setup
		tt.setup = func(r *rig) {
			r.single("manifest", "1", "linux/amd64")
			fault(r)
		}
		t.Run(tt.name, tt.run)
	}
}

// hang takes a request and never answers.
func (r *rig) hang(_ http.ResponseWriter, req *http.Request) {
	_, _ = io.Copy(io.Discard, req.Body)
	r.hangs.Do(func() { close(r.hung) })
	<-req.Context().Done()
}

func unknownStatus() []row {
	always := func(code int) func(r *rig) {
		return func(r *rig) { r.wrap(func(http.Handler) http.Handler { return status(code) }) }
	}
	limited := func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusTooManyRequests, "TOOMANYREQUESTS", "You have reached your pull rate limit.")
	}
	return []row{
		{name: "429 on HEAD", setup: always(http.StatusTooManyRequests),
			reason: pull.RateLimited, detail: "HOST answered 429 Too Many Requests", requests: "HEAD 1"},
		{name: "429 on GET", setup: func(r *rig) { r.on("GET @manifest", limited) },
			reason: pull.RateLimited, detail: "HOST answered 429 Too Many Requests (TOOMANYREQUESTS: You have reached your pull rate limit.)",
			requests: "HEAD 1, GET @manifest"},
		{name: "429 on a layer", layers: true, setup: func(r *rig) { r.on("GET blob @manifest.layer", limited) },
			reason: pull.RateLimited, detail: "HOST answered 429 Too Many Requests",
			requests: "HEAD 1, GET @manifest, GET blob @manifest.config, GET blob @manifest.layer"},
		{name: "500", setup: always(http.StatusInternalServerError),
			reason: pull.RegistryError, detail: "HOST answered 500 Internal Server Error", requests: "HEAD 1, HEAD 1"},
		{name: "502", setup: always(http.StatusBadGateway),
			reason: pull.RegistryError, detail: "HOST answered 502 Bad Gateway", requests: "HEAD 1"},
		{name: "503", setup: always(http.StatusServiceUnavailable),
			reason: pull.RegistryError, detail: "HOST answered 503 Service Unavailable", requests: "HEAD 1, HEAD 1"},
		{name: "503 once", setup: func(r *rig) { r.once("HEAD 1", status(http.StatusServiceUnavailable)) },
			reason: pull.ReasonPullable, requests: "HEAD 1, HEAD 1, GET @manifest"},
		{name: "500 on GET once", setup: func(r *rig) { r.once("GET @manifest", status(http.StatusInternalServerError)) },
			reason: pull.ReasonPullable, requests: "HEAD 1, GET @manifest, GET @manifest"},
		{name: "400", setup: always(http.StatusBadRequest),
			reason: pull.RegistryError, detail: "HOST answered 400 Bad Request", requests: "HEAD 1, GET 1"},
		{name: "410", setup: always(http.StatusGone),
			reason: pull.RegistryError, detail: "HOST answered 410 Gone", requests: "HEAD 1, GET 1"},
		{name: "418", setup: always(http.StatusTeapot),
			reason: pull.RegistryError, detail: "HOST answered 418 I'm a teapot", requests: "HEAD 1, GET 1"},
		{name: "304", setup: always(http.StatusNotModified),
			reason: pull.RegistryError, detail: "HOST answered 304 Not Modified", requests: "HEAD 1"},
		{name: "a page", setup: func(r *rig) {
			r.wrap(func(http.Handler) http.Handler { return says(http.StatusOK, "text/html; charset=utf-8", page) })
		},
			reason: pull.RegistryError, detail: "HOST answered with a web page", requests: "HEAD 1, GET 1"},
		{name: "a page instead of the manifest", setup: func(r *rig) {
			r.on("GET @manifest", says(http.StatusOK, "text/html", page))
		},
			reason: pull.RegistryError, detail: "HOST answered with a web page", requests: "HEAD 1, GET @manifest"},
		{name: "GET fails where HEAD has no digest", setup: func(r *rig) {
			leaving(r, http.MethodHead, "Docker-Content-Digest")
			r.on("GET 1", status(http.StatusTooManyRequests))
		},
			reason: pull.RateLimited, detail: "HOST answered 429", requests: "HEAD 1, GET 1"},
	}
}

func unknownTokens() []row {
	tokens := func(name string, b bearer, reason pull.Reason, detail string) row {
		return row{name: name, credential: right(), setup: func(r *rig) { r.bearer(b) },
			reason: reason, detail: detail, requests: "HEAD 1, POST token"}
	}
	anonymous := func(name string, get http.HandlerFunc, reason pull.Reason, detail string) row {
		return row{name: name, setup: func(r *rig) { r.bearer(bearer{get: get}) },
			reason: reason, detail: detail, requests: "HEAD 1, GET token"}
	}
	posts := func(code int, reason pull.Reason, detail string) row {
		return tokens("POST "+detail, bearer{post: status(code)}, reason, "HOST answered "+detail)
	}
	html := says(http.StatusOK, "text/html", page)
	return []row{
		posts(http.StatusForbidden, pull.RegistryError, "403 Forbidden"),
		posts(http.StatusUnsupportedMediaType, pull.RegistryError, "415 Unsupported Media Type"),
		posts(http.StatusTooManyRequests, pull.RateLimited, "429 Too Many Requests"),
		posts(http.StatusInternalServerError, pull.RegistryError, "500 Internal Server Error"),
		posts(http.StatusNotImplemented, pull.RegistryError, "501 Not Implemented"),
		tokens("POST 403 with a page", bearer{post: says(http.StatusForbidden, "text/html", page)}, pull.RegistryError, "HOST answered 403"),
		tokens("POST answers a page", bearer{post: html}, pull.RegistryError, "unable to decode token response: invalid character '<'"),
		tokens("POST answers no token", bearer{post: says(http.StatusOK, "application/json", "{}")},
			pull.RegistryError, "authorization server did not include a token in the response"),
		tokens("POST answers too much", bearer{post: says(http.StatusOK, "application/json", strings.Repeat(" ", 64<<10))},
			pull.RegistryError, "larger than any such answer should be"),
		anonymous("GET answers a page", html, pull.RegistryError, "unable to decode token response: invalid character '<'"),
		anonymous("GET answers no token", says(http.StatusOK, "application/json", `{"token": ""}`),
			pull.RegistryError, "authorization server did not include a token in the response"),
		anonymous("GET 429", status(http.StatusTooManyRequests), pull.RateLimited, "HOST answered 429 Too Many Requests"),
		anonymous("GET 500", status(http.StatusInternalServerError), pull.RegistryError, "HOST answered 500 Internal Server Error"),
		anonymous("GET 403 with a page", says(http.StatusForbidden, "text/html", page), pull.RegistryError, "HOST answered 403 Forbidden"),
	}
}

func unknownRealms() []row {
	return []row{
		{name: "no realm", setup: func(r *rig) { r.bearer(bearer{challenge: `Bearer service="registry.test"`}) },
			reason: pull.RegistryError, detail: "no realm specified", requests: "HEAD 1"},
		{name: "realm at a forbidden address", setup: func(r *rig) { r.bearer(bearer{realm: "http://169.254.169.254/token"}) },
			reason: pull.AddressForbidden, detail: "169.254.169.254 is a link-local address", requests: "HEAD 1"},
		{name: "realm at a name of a forbidden address", setup: func(r *rig) { r.bearer(bearer{realm: "http://metadata.test/token"}) },
			reason: pull.AddressForbidden, detail: "169.254.169.254 is a link-local address", requests: "HEAD 1"},
		{name: "realm that is no URL", setup: func(r *rig) { r.bearer(bearer{realm: "ftp://registry/token"}) },
			reason: pull.RegistryError, detail: `the registry names "ftp://registry/token`, requests: "HEAD 1"},
		{name: "realm that is a path", setup: func(r *rig) { r.bearer(bearer{realm: "/v2/token"}) },
			reason: pull.RegistryError, detail: `the registry names "/v2/token`, requests: "HEAD 1"},
		{name: "realm that is words", setup: func(r *rig) { r.bearer(bearer{realm: "Sonatype Nexus Repository Manager"}) },
			reason: pull.RegistryError, detail: "which is no address", requests: "HEAD 1"},
		{name: "token server hangs", hangs: true, credential: right(), setup: func(r *rig) { r.bearer(bearer{post: r.hang}) },
			reason: pull.Timeout, detail: "context deadline exceeded", requests: "HEAD 1, POST token"},
	}
}

func unknownTransport() []row {
	manifest := func(f func(w http.ResponseWriter)) func(r *rig) {
		return func(r *rig) {
			r.on("GET @manifest", func(w http.ResponseWriter, req *http.Request) {
				w.Header().Set("Content-Type", ocispec.MediaTypeImageManifest)
				f(w)
				_ = http.NewResponseController(w).Flush()
				r.hang(w, req)
			})
		}
	}
	return []row{
		{name: "no answer", hangs: true, setup: func(r *rig) { r.on("HEAD", r.hang) },
			reason: pull.Timeout, detail: "HOST: context deadline exceeded", requests: "HEAD 1"},
		{name: "no end of the manifest", hangs: true,
			setup:  manifest(func(w http.ResponseWriter) { _, _ = w.Write([]byte(`{"schemaVersion"`)) }),
			reason: pull.Timeout, detail: "context deadline exceeded", requests: "HEAD 1, GET @manifest"},
		{name: "10 MB of header", setup: func(r *rig) {
			r.on("HEAD", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Huge", strings.Repeat("x", 10<<20)) })
		},
			reason: pull.RegistryError, detail: "response headers exceeded", requests: "HEAD 1"},
		{name: "10 MB of manifest", setup: func(r *rig) {
			leaving(r, http.MethodHead, "Docker-Content-Digest")
			r.on("GET", says(http.StatusOK, ocispec.MediaTypeImageManifest, strings.Repeat(" ", 10<<20)))
		},
			reason: pull.RegistryError, detail: "larger than any such answer should be", requests: "HEAD 1, GET 1"},
		{name: "the connection breaks before the answer", setup: func(r *rig) {
			r.on("HEAD", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		},
			reason: pull.RegistryUnreachable, detail: "HOST: EOF", requests: "HEAD 1, HEAD 1, HEAD 1, HEAD 1, HEAD 1"},
		{name: "the connection breaks in the manifest", setup: func(r *rig) {
			r.on("GET @manifest", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "500")
				_, _ = w.Write([]byte(`{"schemaVersion"`))
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			})
		},
			reason: pull.RegistryUnreachable, detail: "unexpected EOF", requests: "HEAD 1, " + strings.Repeat("GET @manifest, ", 3) + "GET @manifest"},
	}
}

func unknownRedirects() []row {
	to := func(address string) func(r *rig) {
		return func(r *rig) {
			r.wrap(func(http.Handler) http.Handler { return http.RedirectHandler(address, http.StatusTemporaryRedirect) })
		}
	}
	onlyFirst := func(*testing.T) *Client {
		return NewClient(Options{Guard: Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}})
	}
	return []row{
		{name: "redirects for ever", setup: func(r *rig) { to("/v2/app/manifests/1")(r) },
			reason: pull.RegistryError, detail: "stopped after 10 redirects", requests: strings.Repeat("HEAD 1, ", 9) + "HEAD 1"},
		{name: "redirect to metadata", setup: to("http://169.254.169.254/latest/meta-data/"),
			reason: pull.AddressForbidden, detail: "169.254.169.254 is a link-local address (registries.allowAddresses would allow it)",
			requests: "HEAD 1"},
		{name: "redirect to a name of metadata", setup: to("http://metadata.test/latest/meta-data/"),
			reason: pull.AddressForbidden, detail: "metadata.test: dial tcp 169.254.169.254:80: 169.254.169.254 is a link-local address",
			requests: "HEAD 1"},
		{name: "redirect to another loopback address", with: onlyFirst, setup: to("http://127.0.0.2:9/v2/"),
			reason: pull.AddressForbidden, detail: "127.0.0.2 is a loopback address", requests: "HEAD 1"},
		{name: "redirect to nowhere", setup: func(r *rig) { r.on("HEAD", status(http.StatusTemporaryRedirect)) },
			reason: pull.RegistryError, detail: "HOST answered 307", requests: "HEAD 1"},
		{name: "redirect by a signed URL that fails", layers: true, setup: func(r *rig) {
			r.on("GET blob", http.RedirectHandler("http://127.0.0.1:1/blob?signature="+token, http.StatusTemporaryRedirect).ServeHTTP)
		},
			reason: pull.RegistryUnreachable, detail: "127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused",
			node: "signature=%5BREDACTED%5D", requests: "HEAD 1, GET @manifest, GET blob @manifest.config"},
		{name: "loopback without Allow", with: func(*testing.T) *Client { return NewClient(Options{}) }, setup: func(*rig) {},
			reason: pull.AddressForbidden, detail: "127.0.0.1 is a loopback address"},
		{name: "zstd that was not offered", setup: func(r *rig) {
			r.on("GET @manifest", func(w http.ResponseWriter, req *http.Request) {
				if strings.Contains(req.Header.Get("Accept-Encoding"), "zstd") {
					return // a mistake: the row fails
				}
				w.Header().Set("Content-Encoding", "zstd")
				_, _ = w.Write([]byte("\x28\xb5\x2f\xfd"))
			})
		},
			reason: pull.RegistryError, detail: "compressed with zstd", requests: "HEAD 1, GET @manifest"},
	}
}
