package registry

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/core/images"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
)

const mixed = pull.Containerd | pull.CRIO

// TestProbeCRIO is what CRI-O gets where containerd gets nothing, and the other
// way round. The requests are those of containerd's rules, then CRI-O's.
func TestProbeCRIO(t *testing.T) {
	for _, group := range [][]row{crioHEAD(), crioContent(), crioCredentials(), crioPlatforms()} {
		for _, tt := range group {
			if tt.runtimes == 0 {
				tt.runtimes = pull.CRIO
			}
			if tt.reason == "" {
				tt.reason = pull.ReasonPullable
			}
			t.Run(tt.name, tt.run)
		}
	}
}

// image puts a sound image there, and changes what the registry answers.
func image(change func(r *rig)) func(r *rig) {
	return func(r *rig) {
		r.single("manifest", "1", "linux/amd64")
		change(r)
	}
}

// changed passes a sound answer on, with a header changed.
func changed(prefix, header, value string) func(r *rig) {
	return image(func(r *rig) {
		content := r.content
		r.on(prefix, func(w http.ResponseWriter, req *http.Request) {
			content.ServeHTTP(&headerChanger{ResponseWriter: w, name: header, value: value}, req)
		})
	})
}

// headerChanger changes a header at the last moment.
type headerChanger struct {
	http.ResponseWriter
	name, value string
}

func (c *headerChanger) WriteHeader(code int) {
	c.Header().Set(c.name, c.value)
	c.ResponseWriter.WriteHeader(code)
}

// crioHEAD is what only HEAD is told: CRI-O never asks so.
func crioHEAD() []row {
	const read = "GET v2/, GET 1"
	some := []pull.NoteReason{pull.SomeNodesMismatch}
	head := func(code int) func(r *rig) {
		return image(func(r *rig) { r.on("HEAD", status(code)) })
	}
	once := image(func(r *rig) { r.once("HEAD", status(http.StatusNotFound)) })
	return []row{
		{name: "HEAD 404", setup: head(http.StatusNotFound), requests: "GET v2/, GET 1"},
		{name: "HEAD 404 in a mixed cluster", runtimes: mixed, setup: head(http.StatusNotFound), notes: some, requests: "GET v2/, GET 1, HEAD 1, GET 1, GET 1, HEAD 1, HEAD 1"},
		{name: "HEAD 404 with a runtime of no name", runtimes: pull.OtherRuntime, setup: head(http.StatusNotFound), notes: some, requests: "HEAD 1, GET 1, GET 1, HEAD 1, HEAD 1, GET v2/, GET 1"},
		{name: "HEAD 404 once in a mixed cluster", runtimes: mixed, setup: once, reason: pull.RegistryError, requests: "GET v2/, GET 1, HEAD 1, GET 1, GET 1, HEAD 1"},
		{name: "HEAD 404 once with a runtime of no name", runtimes: pull.OtherRuntime, setup: once, reason: pull.RegistryError, requests: "HEAD 1, GET 1, GET 1, HEAD 1"},
		{name: "HEAD 404 with an old containerd beside", runtimes: pull.ContainerdLocal | pull.CRIO, setup: head(http.StatusNotFound), notes: some, requests: "GET v2/, GET 1, HEAD 1, GET 1, GET 1, HEAD 1, HEAD 1"},
		{name: "HEAD 403", setup: head(http.StatusForbidden), requests: read},
		{name: "HEAD 401", setup: head(http.StatusUnauthorized), requests: read},
		{name: "HEAD 400", setup: head(http.StatusBadRequest), requests: "GET v2/, GET 1"},
		{name: "HEAD 501", setup: head(http.StatusNotImplemented), requests: "GET v2/, GET 1"},
		{name: "HEAD 405", setup: head(http.StatusMethodNotAllowed), requests: "GET v2/, GET 1"},
		{name: "HEAD of any JSON", setup: changed("HEAD", "Content-Type", "application/json"), requests: read},
		{name: "HEAD of a wrong length", setup: changed("HEAD", "Content-Length", "9"), requests: read},
		{name: "HEAD of a digest that is none", setup: changed("HEAD", "Docker-Content-Digest", "md5:abc"), requests: read},
		{name: "HEAD and GET of any JSON", setup: changed("", "Content-Type", "application/json"), reason: pull.UnsupportedImage, detail: "unsupported schema version 2",
			requests: read + ", " + read},
		{name: "404 to both", setup: func(r *rig) { r.single("other", "2", "linux/amd64") },
			reason: pull.TagNotFound, detail: "MANIFEST_UNKNOWN", node: "reading manifest 1 in HOST/app: manifest unknown: Unknown manifest",
			requests: "GET v2/, GET 1, GET v2/, GET 1"},
		{name: "404 to both in a mixed cluster", runtimes: mixed, setup: func(r *rig) { r.single("other", "2", "linux/amd64") },
			reason: pull.TagNotFound, detail: "MANIFEST_UNKNOWN", node: notFound, requests: "GET v2/, GET 1, GET v2/, GET 1, HEAD 1, GET 1"},
		{name: "404 to both with a runtime of no name", runtimes: pull.OtherRuntime, setup: func(r *rig) { r.single("other", "2", "linux/amd64") },
			reason: pull.TagNotFound, requests: "HEAD 1, GET 1, GET v2/, GET 1"},
		{name: "no repository", setup: func(*rig) {},
			reason: pull.RepositoryNotFound, node: "reading manifest 1 in HOST/app: name unknown: Unknown name", requests: "GET v2/, GET 1, GET v2/, GET 1"},
		{name: "no digest", setup: func(r *rig) { r.single("other", "2", "linux/amd64") }, image: "app@sha256:" + nothing,
			reason: pull.DigestNotFound, requests: "GET v2/, GET sha256:" + nothing + ", GET v2/, GET sha256:" + nothing},
		{name: "403 to both", setup: image(func(r *rig) {
			r.on("HEAD 1", status(http.StatusForbidden))
			r.on("GET 1", status(http.StatusForbidden))
		}),
			reason: pull.CredentialsRequired, node: `reading manifest 1 in HOST/app: StatusCode: 403, ""`, requests: "GET v2/, GET 1, GET v2/, GET 1"},
		{name: "the ping fails", setup: image(func(r *rig) { r.on("HEAD", status(http.StatusNotFound)); r.on("GET v2/", status(http.StatusNotFound)) }),
			reason: pull.UnsupportedImage, detail: "to GET /v2/, which CRI-O asks first", requests: "GET v2/, GET 1, GET v2/, GET 1"},
		{name: "too many requests for GET", setup: image(func(r *rig) {
			r.on("HEAD", status(http.StatusNotFound))
			r.on("GET 1", status(http.StatusTooManyRequests))
		}),
			reason: pull.RateLimited, requests: "GET v2/, GET 1"},
		{name: "other content for GET by digest", image: "app@manifest", setup: image(func(r *rig) {
			r.on("HEAD", status(http.StatusForbidden))
			r.on("GET @manifest", says(http.StatusOK, ocispec.MediaTypeImageManifest, `{"schemaVersion":2}`))
		}), reason: pull.UnsupportedImage, requests: "GET v2/, GET @manifest, GET v2/, GET @manifest"},
		{name: "404 with a page for GET", setup: image(func(r *rig) {
			r.on("HEAD", status(http.StatusForbidden))
			r.on("GET 1", says(http.StatusNotFound, "text/html", page))
		}), reason: pull.RegistryError, requests: read},
		{name: "404 with a page for an entry", setup: func(r *rig) {
			indexFor("linux/amd64")(r)
			r.on("HEAD", status(http.StatusNotFound))
			r.on("GET @linux", says(http.StatusNotFound, "text/html", page))
		}, reason: pull.RegistryError, requests: "GET v2/, GET 1, GET @linux-amd64"},
		{name: "404 for an entry", setup: func(r *rig) {
			indexFor("linux/amd64")(r)
			r.on("HEAD", status(http.StatusNotFound))
			r.on("GET @linux", status(http.StatusNotFound))
		}, reason: pull.DigestNotFound, requests: "GET v2/, GET 1, GET @linux-amd64, GET v2/, GET 1, GET @linux-amd64"},
		{name: "a page for GET", setup: image(func(r *rig) {
			r.on("GET 1", says(http.StatusOK, "text/html", page))
			r.on("HEAD", status(http.StatusNotFound))
		}), reason: pull.RegistryError, detail: "answered with a web page", requests: "GET v2/, GET 1"},
	}
}

const schemaOne = `{"schemaVersion":1,"name":"app","tag":"1","fsLayers":[{"blobSum":"sha256:` + nothing + `"}],"history":[{"v1Compatibility":"{\"id\":\"` + nothing + `\"}"}]}`

// crioContent is what CRI-O takes and containerd does not.
func crioContent() []row {
	return []row{
		{name: "schema 1", setup: func(r *rig) {
			r.manifest("manifest", "1", images.MediaTypeDockerSchema1Manifest, []byte(schemaOne))
		}, requests: "GET v2/, GET 1"},
		{name: "schema 1 as text", setup: func(r *rig) { r.manifest("manifest", "1", "text/plain", []byte(schemaOne)) },
			requests: "GET v2/, GET 1"},
		{name: "schema 1 on containerd before 2.1", runtimes: pull.ContainerdLocal, setup: func(r *rig) {
			r.manifest("manifest", "1", images.MediaTypeDockerSchema1Manifest, []byte(schemaOne))
		}, reason: pull.RegistryError, detail: "schema 1", requests: "HEAD 1, GET 1, HEAD 1, GET 1"},
		{name: "text that is no schema 1", setup: func(r *rig) { r.manifest("manifest", "1", "text/x", []byte("hello")) },
			reason: pull.UnsupportedImage, requests: "GET v2/, GET 1, GET v2/, GET 1"},
		{name: "an artifact that containerd cannot unpack", layers: true, setup: func(r *rig) {
			manifest := r.parts("manifest", "linux/amd64")
			manifest.Config = r.blob("config", "application/vnd.example.config", []byte("no JSON"))
			r.manifest("manifest", "1", ocispec.MediaTypeImageManifest, encode(manifest))
		}, runtimes: pull.ContainerdLocal | pull.CRIO, notes: []pull.NoteReason{pull.SomeNodesMismatch},
			requests: "GET v2/, GET 1, GET blob @manifest.layer, GET blob @config, GET blob @config, HEAD 1, GET @manifest, GET blob @config, HEAD 1, GET @manifest, GET blob @config"},
		{name: "a manifest of 5 MB", setup: func(r *rig) {
			r.manifest("manifest", "1", ocispec.MediaTypeImageManifest, []byte(`{"schemaVersion":2,"x":"`+strings.Repeat("x", 5<<20)+`"}`))
		}, reason: pull.UnsupportedImage, requests: "GET v2/, GET 1, GET v2/, GET 1"},
		{name: "a layer that is gone", layers: true, setup: func(r *rig) {
			manifest := r.parts("manifest", "linux/amd64")
			r.manifest("manifest", "1", ocispec.MediaTypeImageManifest, encode(manifest))
			r.delete("blobs", manifest.Layers[0])
		}, reason: pull.BlobMissing, detail: "layer {manifest.layer}", node: "reading blob {manifest.layer}: fetching blob: ",
			requests: "GET v2/, GET 1, GET blob @manifest.config, GET blob @manifest.layer, GET v2/, GET 1, GET blob @manifest.config, GET blob @manifest.layer"},
	}
}

// crioCredentials is who is let in.
func crioCredentials() []row {
	return []row{
		{name: "POST for a token forbidden", credential: right(), setup: image(func(r *rig) {
			r.bearer(bearer{post: func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusForbidden, "DENIED", "no") }})
		}), requests: "GET v2/, GET token basic, GET 1 bearer"},
		{name: "POST for a token answered with a page", credential: right(), setup: image(func(r *rig) {
			r.bearer(bearer{post: says(http.StatusOK, "text/html", page)})
		}), requests: "GET v2/, GET token basic, GET 1 bearer"},
		{name: "wrong for a token", credential: wrong(), setup: image(func(r *rig) { r.bearer(bearer{}) }),
			reason: pull.CredentialsRejected, node: "unable to retrieve auth token: invalid username/password: ",
			requests: "GET v2/, GET token basic, GET v2/, GET token basic"},
		{name: "wrong for a token in a mixed cluster", runtimes: mixed, credential: wrong(), setup: image(func(r *rig) { r.bearer(bearer{}) }),
			reason: pull.CredentialsRejected, node: "failed to fetch oauth token",
			requests: "GET v2/, GET token basic, GET v2/, GET token basic, HEAD 1, POST token, GET token basic, GET 1, POST token, GET token basic"},
		{name: "wrong for Basic", credential: wrong(), setup: image(func(r *rig) { r.basic() }),
			reason: pull.CredentialsRejected, node: "reading manifest 1 in HOST/app: unauthorized",
			requests: "GET v2/, GET 1 basic, GET v2/, GET 1 basic"},
		{name: "right for Basic, and HEAD 404", credential: right(), setup: image(func(r *rig) {
			r.on("HEAD", status(http.StatusNotFound))
			r.basic()
		}), requests: "GET v2/, GET 1 basic"},
		{name: "nobody for Basic", setup: image(func(r *rig) { r.basic() }),
			reason: pull.CredentialsRequired, requests: "GET v2/, GET 1 basic, GET v2/, GET 1 basic"},
		{name: "nobody for a token of no use", setup: image(func(r *rig) { r.bearer(bearer{}) }),
			reason: pull.CredentialsRequired, requests: "GET v2/, GET token, GET 1 bearer, GET token, GET 1 bearer, GET v2/, GET token, GET 1 bearer, GET token, GET 1 bearer"},
		{name: "a token of use to who asks for the scope that is named", credential: right(), setup: image(func(r *rig) {
			r.bearer(bearer{
				post: func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusForbidden, "DENIED", "no") },
				get: func(w http.ResponseWriter, req *http.Request) {
					given := "a token for nothing"
					if len(req.URL.Query()["scope"]) == 2 {
						given = token
					}
					_, _ = fmt.Fprintf(w, `{"token": %q}`, given)
				},
			})
		}), requests: "GET v2/, GET token basic, GET 1 bearer, GET token basic, GET 1 bearer"},
	}
}

// crioPlatforms is which entry of an index CRI-O takes.
func crioPlatforms() []row {
	some := []pull.NoteReason{pull.SomeNodesMismatch}

	none := `no image found in image index for architecture "amd64", variant "", OS "linux"`
	return []row{
		{name: "amd64/v1", setup: indexFor("linux/amd64/v1"), reason: pull.PlatformMismatch, detail: "no entry for linux/amd64, but for linux/amd64", node: none,
			requests: "GET v2/, GET 1, GET v2/, GET 1"},
		{name: "amd64/v1 in a mixed cluster", runtimes: mixed, setup: indexFor("linux/amd64/v1"), notes: some, requests: "GET v2/, GET 1, GET v2/, GET 1, HEAD 1, GET @index, GET @linux-amd64-v1"},
		{name: "amd64/v1 with a runtime of no name", runtimes: pull.OtherRuntime, setup: indexFor("linux/amd64/v1"), requests: "HEAD 1, GET @index, GET @linux-amd64-v1"},
		{name: "amd64/v1 with CRI-O and a runtime of no name", runtimes: pull.OtherRuntime | pull.CRIO, setup: indexFor("linux/amd64/v1"), notes: some,
			requests: "GET v2/, GET 1, GET v2/, GET 1, HEAD 1, GET @index, GET @linux-amd64-v1"},
		{name: "arm64/v8", platforms: []string{"linux/arm64"}, setup: indexFor("linux/arm64/v8"), requests: "GET v2/, GET 1, GET @linux-arm64-v8"},
		{name: "arm/v5 for arm", platforms: []string{"linux/arm/v7"}, setup: indexFor("linux/arm/v5"), requests: "GET v2/, GET 1, GET @linux-arm-v5"},
		{name: "386 for amd64", setup: indexFor("linux/386"), reason: pull.PlatformMismatch, node: none, requests: "GET v2/, GET 1, GET v2/, GET 1"},
		{name: "386 for amd64 in a mixed cluster", runtimes: mixed, setup: indexFor("linux/386"),
			notes: []pull.NoteReason{pull.SomeNodesMismatch, pull.SomeNodesMismatch}, requests: "GET v2/, GET 1, GET v2/, GET 1, HEAD 1, GET @index, GET @linux-386"},
		{name: "386 for amd64 on containerd before 2.1", runtimes: pull.ContainerdLocal, setup: indexFor("linux/386"), requests: "HEAD 1, GET @index, GET @linux-386"},
		{name: "386 for amd64 on containerd of all ages", runtimes: pull.ContainerdLocal | pull.Containerd, setup: indexFor("linux/386"),
			notes: some, requests: "HEAD 1, GET @index, GET @linux-386"},
		{name: "neither", runtimes: mixed, setup: indexFor("linux/s390x"), reason: pull.PlatformMismatch, detail: "has no entry for linux/amd64, but for linux/s390x",
			node: noMatch, requests: "GET v2/, GET 1, GET v2/, GET 1, HEAD 1, GET @index, HEAD 1, GET @index"},
		{name: "neither, of a list", setup: func(r *rig) {
			r.manifest("list", "1", images.MediaTypeDockerSchema2ManifestList, dockerised(indexOf(r.entry("linux/s390x"))))
		}, reason: pull.PlatformMismatch, node: "no image found in manifest list for", requests: "GET v2/, GET 1, GET v2/, GET 1"},
		{name: "an entry without platform, the second one", runtimes: mixed, setup: func(r *rig) {
			r.index("index", "1", bare(r.entry("linux/arm64")), bare(r.entry("linux/amd64")))
		}, notes: some, requests: "GET v2/, GET 1, GET @linux-arm64, HEAD 1, GET @index, GET @linux-arm64, GET @linux-amd64, GET blob @linux-arm64.config, HEAD 1, GET @index, GET @linux-arm64, GET @linux-amd64, GET blob @linux-arm64.config"},
		{name: "an entry without platform of a list", setup: func(r *rig) {
			r.manifest("list", "1", images.MediaTypeDockerSchema2ManifestList, dockerised(indexOf(bare(r.entry("linux/amd64")))))
		}, reason: pull.PlatformMismatch, requests: "GET v2/, GET 1, GET v2/, GET 1"},
		{name: "an entry that asks for a feature", setup: func(r *rig) {
			entry := r.entry("linux/amd64")
			entry.Platform.OSFeatures = []string{"sse9"}
			r.index("index", "1", entry)
		}, requests: "GET v2/, GET 1, GET @linux-amd64"},
		{name: "an index in an index", setup: func(r *rig) {
			inner := r.index("inner", "", r.entry("linux/amd64"))
			inner.Platform = &list("linux/amd64")[0]
			r.index("index", "1", inner)
		}, reason: pull.UnsupportedImage, node: "Unexpectedly received a manifest list", requests: "GET v2/, GET 1, GET @inner, GET v2/, GET 1, GET @inner"},
		{name: "one of two gone", setup: func(r *rig) {
			gone, there := r.entry("linux/amd64"), r.entry("linux/arm64")
			there.Platform = gone.Platform
			r.index("index", "1", gone, there)
			r.delete("manifests", gone)
		}, reason: pull.DigestNotFound, requests: "GET v2/, GET 1, GET @linux-amd64, GET v2/, GET 1, GET @linux-amd64"},
		{name: "any platform", platforms: []string{}, setup: indexFor("linux/s390x"), requests: "GET v2/, GET 1, GET @linux-s390x"},
		{name: "one platform of two", platforms: []string{"linux/amd64", "linux/arm64"}, setup: indexFor("linux/amd64/v1", "linux/arm64/v8"), notes: some,
			requests: "GET v2/, GET 1, GET @linux-arm64-v8"},
	}
}
