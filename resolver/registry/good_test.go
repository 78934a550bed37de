package registry

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
)

// TestProbePullable is what nodes pull, and what finding that out costs.
func TestProbePullable(t *testing.T) {
	for _, tt := range goodContent() {
		tt.reason = pull.ReasonPullable
		t.Run(tt.name, tt.run)
	}
}

func goodContent() []row {
	return []row{
		{name: "manifest by tag",
			setup:    func(r *rig) { r.single("manifest", "1", "linux/amd64") },
			requests: "HEAD 1, GET @manifest"},
		{name: "manifest by digest", image: "app@manifest",
			setup:    func(r *rig) { r.single("manifest", "1", "linux/amd64") },
			requests: "HEAD @manifest, GET @manifest"},
		{name: "the tag beside a digest is never asked for", image: "app:gone@manifest",
			setup:    func(r *rig) { r.single("manifest", "1", "linux/amd64") },
			requests: "HEAD @manifest, GET @manifest"},
		{name: "no tag is latest", image: "app",
			setup:    func(r *rig) { r.single("manifest", "latest", "linux/amd64") },
			requests: "HEAD latest, GET @manifest"},
		{name: "index",
			setup:    func(r *rig) { r.index("index", "1", r.entry("linux/arm64"), r.entry("linux/amd64")) },
			requests: "HEAD 1, GET @index, GET @linux-amd64"},
		{name: "nested index",
			setup: func(r *rig) {
				inner := r.index("inner", "", r.entry("linux/amd64"))
				r.index("index", "1", inner)
			},
			requests: "HEAD 1, GET @index, GET @inner, GET @linux-amd64"},
		{name: "an entry without platform is judged by its config",
			setup:    func(r *rig) { r.index("index", "1", bare(r.entry("linux/amd64"))) },
			requests: "HEAD 1, GET @index, GET @linux-amd64, GET blob @linux-amd64.config"},
		{name: "attestations are passed over",
			setup:    func(r *rig) { r.index("index", "1", r.attestation(), r.entry("linux/amd64")) },
			requests: "HEAD 1, GET @index, GET @linux-amd64"},
		{name: "docker manifest",
			setup: func(r *rig) {
				r.manifest("manifest", "1", images.MediaTypeDockerSchema2Manifest, dockerised(encode(r.parts("docker", "linux/amd64"))))
			},
			requests: "HEAD 1, GET @manifest"},
		{name: "docker list",
			setup: func(r *rig) {
				child := r.manifest("child", "", images.MediaTypeDockerSchema2Manifest, dockerised(encode(r.parts("docker", "linux/amd64"))))
				child.Platform = &ocispec.Platform{OS: "linux", Architecture: "amd64"}
				r.manifest("list", "1", images.MediaTypeDockerSchema2ManifestList, dockerised(indexOf(child)))
			},
			requests: "HEAD 1, GET @list, GET @child"},
		{name: "mediaType absent in the bodies",
			setup: func(r *rig) {
				manifest := r.parts("plain", "linux/amd64")
				manifest.MediaType = ""
				child := r.manifest("child", "", ocispec.MediaTypeImageManifest, encode(manifest))
				child.Platform = &ocispec.Platform{OS: "linux", Architecture: "amd64"}
				r.manifest("index", "1", ocispec.MediaTypeImageIndex, encode(map[string]any{
					"schemaVersion": 2, "manifests": []ocispec.Descriptor{child}}))
			},
			requests: "HEAD 1, GET @index, GET @child"},
	}
}

// TestProbeOddities is what registries leave out and nodes do without.
func TestProbeOddities(t *testing.T) {
	for _, tt := range oddities() {
		tt.reason = pull.ReasonPullable
		sound := tt.setup
		tt.setup = func(r *rig) {
			r.single("manifest", "1", "linux/amd64")
			sound(r)
		}
		t.Run(tt.name, tt.run)
	}
}

// leaving takes header fields out of the answers to a method.
func leaving(r *rig, method string, fields ...string) {
	r.wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Method != method {
				next.ServeHTTP(w, req)
				return
			}
			answer := httptest.NewRecorder()
			next.ServeHTTP(answer, req)
			maps.Copy(w.Header(), answer.Header())
			for _, field := range fields {
				w.Header().Del(field)
			}
			w.WriteHeader(answer.Code)
			_ = http.NewResponseController(w).Flush() // so that no length is added
			_, _ = w.Write(answer.Body.Bytes())
		})
	})
}

func oddities() []row {
	return []row{
		{name: "405 on HEAD",
			setup:    func(r *rig) { r.on("HEAD", status(http.StatusMethodNotAllowed)) },
			requests: "HEAD 1, GET 1, GET @manifest"},
		{name: "no Docker-Content-Digest",
			setup:    func(r *rig) { leaving(r, http.MethodHead, "Docker-Content-Digest") },
			requests: "HEAD 1, GET 1, GET @manifest"},
		{name: "no Content-Length",
			setup:    func(r *rig) { leaving(r, http.MethodHead, "Content-Length") },
			requests: "HEAD 1, GET 1, GET @manifest"},
		{name: "nothing but the body",
			setup: func(r *rig) {
				leaving(r, http.MethodHead, "Docker-Content-Digest", "Content-Length")
				leaving(r, http.MethodGet, "Docker-Content-Digest", "Content-Length")
			},
			requests: "HEAD 1, GET 1, GET @manifest"},
		{name: "media type with parameters",
			setup: func(r *rig) {
				r.on("HEAD", func(w http.ResponseWriter, req *http.Request) {
					r.content.ServeHTTP(w, req)
				})
				r.wrap(func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
						next.ServeHTTP(parameters{w}, req)
					})
				})
			},
			requests: "HEAD 1, GET @manifest"},
		{name: "sha512", image: "app@{512}",
			setup:    sha512,
			requests: "HEAD @512, GET @512"},
		{name: "config, layers redirected to another host", layers: true,
			setup: func(r *rig) {
				cdn := newRig(r.t)
				cdn.content, cdn.handler, cdn.names = r.content, r.content, r.names
				r.on("GET blob", func(w http.ResponseWriter, req *http.Request) {
					http.Redirect(w, req, "http://"+cdn.host+req.URL.Path, http.StatusTemporaryRedirect)
				})
			},
			requests: "HEAD 1, GET @manifest, GET blob @manifest.config, GET blob @manifest.layer"},
		{name: "a config redirected that is larger than any token", layers: true,
			setup: func(r *rig) {
				manifest := r.parts("app", "linux/amd64")
				body := encode(map[string]any{"author": strings.Repeat("x", 128<<10), "rootfs": map[string]any{"diff_ids": []string{"a"}}})
				manifest.Config = r.blob("config", ocispec.MediaTypeImageConfig, body)
				r.manifest("manifest", "1", ocispec.MediaTypeImageManifest, encode(manifest))
				cdn := newRig(r.t)
				cdn.handler = says(http.StatusOK, "", string(body))
				r.on("GET blob @config", http.RedirectHandler("http://"+cdn.host+"/elsewhere", http.StatusTemporaryRedirect).ServeHTTP)
			},
			requests: "HEAD 1, GET @manifest, GET blob @config, GET blob @app.layer"},
		{name: "manifests redirected",
			setup: func(r *rig) {
				cdn := newRig(r.t)
				cdn.handler = r.content
				r.wrap(func(http.Handler) http.Handler {
					return http.RedirectHandler("http://"+cdn.host+"/v2/app/manifests/1", http.StatusTemporaryRedirect)
				})
			},
			requests: "HEAD 1, GET @manifest"},
	}
}

// parameters adds one to the media type.
type parameters struct{ http.ResponseWriter }

func (p parameters) WriteHeader(code int) {
	p.Header().Set("Content-Type", p.Header().Get("Content-Type")+"; charset=utf-8")
	p.ResponseWriter.WriteHeader(code)
}

// sha512 serves a manifest whose digest is one.
func sha512(r *rig) {
	body := encode(r.parts("strong", "linux/amd64"))
	sum := digest.SHA512.FromBytes(body).String()
	r.names[sum] = "512"
	for _, method := range []string{"GET", "HEAD"} {
		r.on(method+" @512", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Docker-Content-Digest", sum)
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			says(http.StatusOK, ocispec.MediaTypeImageManifest, string(body))(w, nil)
		})
	}
}

// TestProbeAuthenticated is how nodes get in, and what that costs.
func TestProbeAuthenticated(t *testing.T) {
	for _, tt := range authenticated() {
		tt.reason = pull.ReasonPullable
		demand := tt.setup
		tt.setup = func(r *rig) {
			r.single("manifest", "1", "linux/amd64")
			demand(r)
		}
		t.Run(tt.name, tt.run)
	}
}

func authenticated() []row {
	const byPost = "HEAD 1, POST token, HEAD 1 bearer, GET @manifest bearer"
	const byGet = "HEAD 1, POST token, GET token basic, HEAD 1 bearer, GET @manifest bearer"
	const anonymous = "HEAD 1, GET token, HEAD 1 bearer, GET @manifest bearer"
	posts := func(code int) func(r *rig) {
		return func(r *rig) { r.bearer(bearer{post: status(code)}) }
	}
	return []row{
		{name: "Basic", credential: right(),
			setup:    func(r *rig) { r.basic() },
			requests: "HEAD 1, HEAD 1 basic, GET @manifest basic"},
		{name: "a credential where none is asked for", credential: right(),
			setup:    func(*rig) {},
			requests: "HEAD 1, GET @manifest"},
		{name: "Bearer by POST", credential: right(), setup: func(r *rig) { r.bearer(bearer{}) }, requests: byPost},
		{name: "POST 400", credential: right(), setup: posts(http.StatusBadRequest), requests: byGet},
		{name: "POST 401", credential: right(), setup: posts(http.StatusUnauthorized), requests: byGet},
		{name: "POST 404", credential: right(), setup: posts(http.StatusNotFound), requests: byGet},
		{name: "POST 405", credential: right(), setup: posts(http.StatusMethodNotAllowed), requests: byGet},
		{name: "POST 404 with a page", credential: right(),
			setup: func(r *rig) {
				r.bearer(bearer{post: says(http.StatusNotFound, "text/html", page)})
			},
			requests: byGet},
		{name: "GET answers with token", credential: right(),
			setup: func(r *rig) {
				r.bearer(bearer{post: status(http.StatusNotFound), field: "token"})
			},
			requests: byGet},
		{name: "anonymous token", setup: func(r *rig) { r.bearer(bearer{public: true}) }, requests: anonymous},
		{name: "anonymous token in token",
			setup:    func(r *rig) { r.bearer(bearer{public: true, field: "token"}) },
			requests: anonymous},
		{name: "empty password is anonymous with Bearer", credential: pull.NewCredential(pull.Secret("ns", "empty"), user, ""),
			setup:    func(r *rig) { r.bearer(bearer{public: true}) },
			requests: anonymous},
		{name: "a password without a user is no credential", credential: pull.NewCredential(pull.Secret("ns", "nobody"), "", password),
			setup:    func(r *rig) { r.bearer(bearer{public: true}) },
			requests: anonymous},
		{name: "challenge without scope", credential: right(),
			setup: func(r *rig) {
				r.bearer(bearer{challenge: `Bearer realm="REALM",service="registry.test"`})
			},
			requests: byPost},
		{name: "realm on another host", credential: right(),
			setup: func(r *rig) {
				server := newRig(r.t)
				server.bearer(bearer{})
				r.bearer(bearer{realm: "http://" + server.host + "/token"})
			},
			requests: "HEAD 1, HEAD 1 bearer, GET @manifest bearer"},
		{name: "Bearer before Basic on lines of their own", credential: right(),
			setup: func(r *rig) {
				r.bearer(bearer{})
				r.wrap(func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
						w.Header().Add("WWW-Authenticate", `Basic realm="registry"`)
						next.ServeHTTP(adding{w}, req)
					})
				})
			},
			requests: byPost},
	}
}

// adding adds challenges instead of replacing them.
type adding struct{ http.ResponseWriter }

func (a adding) WriteHeader(code int) {
	if challenge := a.Header().Get("WWW-Authenticate"); code == http.StatusUnauthorized {
		a.Header()["Www-Authenticate"] = []string{`Basic realm="registry"`, challenge}
	}
	a.ResponseWriter.WriteHeader(code)
}
