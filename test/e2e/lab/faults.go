package lab

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
)

// tooMuch is more than any header or manifest has a right to be.
const tooMuch = 10 << 20

// Fault is one way in which a registry breaks.
type Fault struct {
	// Repository is the name under which the faulty registry breaks so.
	Repository string
	// About says what the registry does.
	About string

	// breaks returns the broken registry, given where it may redirect to and
	// what a sound one would serve.
	breaks func(elsewhere string, sound http.Handler) http.Handler
}

// Image is the reference that meets the fault, without the registry.
func (f Fault) Image() string { return f.Repository + ":" + faultTag }

// Faults lists every fault.
func Faults() []Fault {
	return append(append(statusFaults(), transportFaults()...), contentFaults()...)
}

func statusFaults() []Fault {
	fault := func(repository, about string, status int, code string) Fault {
		return Fault{Repository: "fault/" + repository, About: about, breaks: func(string, http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(status)
				_, _ = w.Write([]byte(`{"errors":[{"code":"` + code + `","message":"as asked"}]}`))
			})
		}}
	}
	return []Fault{
		fault("429", "answers 429: too many requests", http.StatusTooManyRequests, "TOOMANYREQUESTS"),
		fault("500", "answers 500: internal error", http.StatusInternalServerError, "UNKNOWN"),
		fault("502", "answers 502: bad gateway", http.StatusBadGateway, "UNKNOWN"),
		fault("403", "answers 403: forbidden", http.StatusForbidden, "DENIED"),
		fault("teapot", "answers 418, which nobody foresaw", http.StatusTeapot, "TEAPOT"),
	}
}

func transportFaults() []Fault {
	return []Fault{
		{"fault/silent", "takes the request and never answers", func(string, http.Handler) http.Handler {
			return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		}},
		{"fault/stuck", "never ends the manifest that it has begun", func(_ string, sound http.Handler) http.Handler {
			return onGet(sound, func(w http.ResponseWriter, r *http.Request) { stick(w, r, sound) })
		}},
		{"fault/huge-header", "sends 10 MB of header", func(string, http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Huge", strings.Repeat("x", tooMuch))
			})
		}},
		{"fault/redirects", "redirects for ever", func(string, http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, r.URL.Path+"?again", http.StatusTemporaryRedirect) //nolint:gosec // as asked for
			})
		}},
		{"fault/to-metadata", "redirects to the metadata address 169.254.169.254", func(string, http.Handler) http.Handler {
			return redirect("http://169.254.169.254/latest/meta-data/")
		}},
		{"fault/to-loopback", "redirects to another loopback address", func(elsewhere string, _ http.Handler) http.Handler {
			return redirect("http://" + elsewhere + "/v2/elsewhere/manifests/" + faultTag)
		}},
	}
}

func contentFaults() []Fault {
	asIs := func(_ string, sound http.Handler) http.Handler { return sound }
	return []Fault{
		{"fault/html", "answers 200 with a web page", func(string, http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				_, _ = w.Write([]byte("<html><body>Please log in to the network.</body></html>"))
			})
		}},
		{"fault/huge-manifest", "says that the manifest has 10 MB", func(string, http.Handler) http.Handler {
			return http.HandlerFunc(serveHuge)
		}},
		{"fault/huge-body", "sends 10 MB for a small manifest", func(_ string, sound http.Handler) http.Handler {
			return onGet(sound, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", ociManifest)
				_, _ = w.Write(bytes.Repeat([]byte{' '}, tooMuch))
			})
		}},
		{"fault/wrong-digest", "sends another manifest than the digest says", func(_ string, sound http.Handler) http.Handler {
			return onGet(sound, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", ociManifest)
				_, _ = w.Write([]byte(`{"schemaVersion": 2, "mediaType": "` + ociManifest + `", "config": {}, "layers": []}`))
			})
		}},
		{"fault/no-head", "answers 405 to HEAD", func(_ string, sound http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodHead {
					w.WriteHeader(http.StatusMethodNotAllowed)
					return
				}
				sound.ServeHTTP(w, r)
			})
		}},
		{"fault/no-digest", "leaves out Docker-Content-Digest", func(_ string, sound http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				sound.ServeHTTP(withoutDigest{w}, r)
				w.Header().Del("Docker-Content-Digest") // of HEAD, which is sent now
			})
		}},
		{"fault/schema1", "has the image in the format of 2015", asIs},
		{"fault/no-platform", "has an index for linux/s390x and windows/amd64", asIs},
		{"fault/empty-index", "has an index without any image", asIs},
		{"fault/missing-child", "has an index, but not the images that it names", asIs},
		{"fault/missing-layer", "has the manifest, but not its layer", asIs},
	}
}

// ociManifest is the media type of an image's manifest.
const ociManifest = "application/vnd.oci.image.manifest.v1+json"

// onGet answers GET in another way than the sound registry does.
func onGet(sound http.Handler, get http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			get(w, r)
			return
		}
		sound.ServeHTTP(w, r)
	})
}

func redirect(target string) http.Handler {
	return http.RedirectHandler(target, http.StatusTemporaryRedirect)
}

// stick sends the start of an answer and then nothing.
func stick(w http.ResponseWriter, r *http.Request, sound http.Handler) {
	sound.ServeHTTP(firstByte{ResponseWriter: w}, r)
	_ = http.NewResponseController(w).Flush() // a client that has gone sticks no more
	<-r.Context().Done()
}

// firstByte passes the header and one byte of the body on.
type firstByte struct{ http.ResponseWriter }

// Write sends one byte.
func (f firstByte) Write(body []byte) (int, error) {
	if _, err := f.ResponseWriter.Write(body[:1]); err != nil {
		return 0, err
	}
	return len(body), nil
}

// withoutDigest drops the header with the digest.
type withoutDigest struct{ http.ResponseWriter }

// Write drops the header before it is sent with the body.
func (d withoutDigest) Write(body []byte) (int, error) {
	d.Header().Del("Docker-Content-Digest")
	return d.ResponseWriter.Write(body)
}

func serveHuge(w http.ResponseWriter, r *http.Request) {
	body := bytes.Repeat([]byte{' '}, tooMuch)
	w.Header().Set("Content-Type", ociManifest)
	w.Header().Set("Docker-Content-Digest", document{body: body}.digest())
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}
