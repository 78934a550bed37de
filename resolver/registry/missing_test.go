package registry

import (
	"net/http"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
)

// notFound is what the kubelet shows of an image that is not there.
const notFound = "rpc error: code = NotFound desc = " + failed + "HOST/app:1: not found"

// TestProbeMissing is what is not there, and what only looks so.
func TestProbeMissing(t *testing.T) {
	for _, tt := range missing() {
		t.Run(tt.name, tt.run)
	}
}

func missing() []row {
	other := func(r *rig) { r.single("other", "2", "linux/amd64") }
	gets := func(f http.HandlerFunc) func(r *rig) {
		return func(r *rig) {
			r.on("GET", f)
			r.on("HEAD", status(http.StatusNotFound))
		}
	}
	alone := func(f http.HandlerFunc) func(r *rig) {
		return func(r *rig) {
			r.on("GET 1", f)
			r.on("HEAD", status(http.StatusNotFound))
		}
	}
	return []row{
		{name: "tag", setup: other,
			reason: pull.TagNotFound, detail: "HOST answered 404 Not Found (MANIFEST_UNKNOWN: Unknown manifest)", node: notFound,
			requests: "HEAD 1, GET 1"},
		{name: "repository", setup: func(*rig) {},
			reason: pull.RepositoryNotFound, detail: "(NAME_UNKNOWN: Unknown name)", node: notFound,
			requests: "HEAD 1, GET 1"},
		{name: "digest", setup: other, image: "app@sha256:" + nothing,
			reason: pull.DigestNotFound, detail: "(MANIFEST_UNKNOWN: Unknown manifest)",
			node:     "rpc error: code = NotFound desc = failed to pull and unpack image \"HOST/app@sha256:" + nothing + "\": failed to resolve image: HOST/app@sha256:" + nothing + ": not found",
			requests: "HEAD sha256:" + nothing + ", HEAD blob sha256:" + nothing + ", GET sha256:" + nothing},
		{name: "digest beside a tag", setup: other, image: "app:2@sha256:" + nothing,
			reason: pull.DigestNotFound, detail: "(MANIFEST_UNKNOWN: Unknown manifest)",
			node:     "failed to resolve image: HOST/app@sha256:" + nothing + ": not found",
			requests: "HEAD sha256:" + nothing + ", HEAD blob sha256:" + nothing + ", GET sha256:" + nothing},
		{name: "digest that only the blobs have", image: "app@manifest.config",
			setup:  func(r *rig) { r.single("manifest", "1", "linux/amd64") },
			reason: pull.DigestNotFound, detail: "the digest is that of a blob",
			node:     "rpc error: code = NotFound desc = get image config descriptor: unexpected media type  for {manifest.config}: not found",
			requests: "HEAD @manifest.config, HEAD blob @manifest.config, GET blob @manifest.config, GET @manifest.config, HEAD @manifest.config, HEAD blob @manifest.config, GET blob @manifest.config, GET @manifest.config"},
		{name: "HEAD 404, GET 200", setup: func(r *rig) {
			r.single("manifest", "1", "linux/amd64")
			r.on("HEAD", status(http.StatusNotFound))
		},
			reason: pull.TagNotFound, detail: "HOST answers 404 to HEAD, which containerd asks, and 200 to GET", node: notFound,
			requests: "HEAD 1, GET 1, GET 1, HEAD 1, HEAD 1"},
		{name: "404 without words", setup: alone(status(http.StatusNotFound)),
			reason: pull.TagNotFound, detail: "HOST answered 404 Not Found", node: notFound,
			requests: "HEAD 1, GET 1, GET v2/"},
		{name: "404 without words for all", setup: gets(status(http.StatusNotFound)),
			reason: pull.RegistryError, detail: "something other than a registry",
			requests: "HEAD 1, GET 1, GET v2/"},
		{name: "404 in plain words for all", setup: gets(http.NotFound),
			reason: pull.RegistryError, detail: `HOST answered 404 Not Found: "404 page not found"; something other`,
			requests: "HEAD 1, GET 1, GET tags"},
		{name: "404 in plain words, and a list of tags", setup: func(r *rig) { other(r); alone(http.NotFound)(r) },
			reason: pull.TagNotFound, detail: "HOST answered 404 Not Found", node: notFound,
			requests: "HEAD 1, GET 1, GET tags"},
		{name: "404 in plain words, and a list with the tag", setup: func(r *rig) {
			r.single("manifest", "1", "linux/amd64")
			alone(http.NotFound)(r)
		},
			reason: pull.RegistryError, detail: "something other than a registry",
			requests: "HEAD 1, GET 1, GET tags"},
		{name: "404 in plain words, and no repository", setup: alone(http.NotFound),
			reason: pull.RepositoryNotFound, detail: "HOST answered 404 Not Found", node: notFound,
			requests: "HEAD 1, GET 1, GET tags"},
		{name: "404 in JSON of a gateway", setup: gets(says(http.StatusNotFound, "application/json", `{"message":"no Route matched with those values"}`)),
			reason: pull.RegistryError, detail: "no Route matched",
			requests: "HEAD 1, GET 1, GET tags"},
		{name: "404 in JSON of a framework", setup: gets(says(http.StatusNotFound, "application/json", `{"status":404,"error":"Not Found","path":"/v2/app/manifests/1"}`)),
			reason: pull.RegistryError, detail: "Not Found",
			requests: "HEAD 1, GET 1, GET tags"},
		{name: "404 once", setup: func(r *rig) {
			r.single("manifest", "1", "linux/amd64")
			r.once("HEAD 1", status(http.StatusNotFound))
		},
			reason: pull.RegistryError, detail: "two answers",
			requests: "HEAD 1, GET 1, GET 1, HEAD 1"},
		{name: "404 with a page", setup: gets(says(http.StatusNotFound, "text/html", page)),
			reason: pull.RegistryError, detail: "something other than a registry",
			requests: "HEAD 1, GET 1"},
		{name: "the second look is limited", setup: gets(status(http.StatusTooManyRequests)),
			reason: pull.RateLimited, detail: "HOST answered 429 Too Many Requests",
			requests: "HEAD 1, GET 1"},
		{name: "the second look fails", setup: gets(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
			reason: pull.RegistryUnreachable, detail: "EOF",
			requests: "HEAD 1, GET 1"},
		{name: "the second look needs a token", credential: right(),
			setup: func(r *rig) {
				other(r)
				r.bearer(bearer{})
			},
			reason: pull.TagNotFound, detail: "MANIFEST_UNKNOWN", node: notFound,
			requests: "HEAD 1, POST token, HEAD 1 bearer, GET 1 bearer"},
		{name: "a 503 before the 404", setup: func(r *rig) {
			other(r)
			r.once("HEAD 1", status(http.StatusServiceUnavailable))
		},
			reason: pull.TagNotFound, detail: "MANIFEST_UNKNOWN", node: notFound,
			requests: "HEAD 1, HEAD 1, GET 1"},
	}
}

const nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// TestProbeMissingParts is what the manifest leads to and the registry has not.
func TestProbeMissingParts(t *testing.T) {
	for _, tt := range append(missingManifests(), missingBlobs()...) {
		t.Run(tt.name, tt.run)
	}
}

// copying is what the kubelet shows of parts that are gone.
const copying = `rpc error: code = NotFound desc = failed to pull and unpack image "HOST/app:1": failed to copy: httpReadSeeker: failed open: `

func missingManifests() []row {
	single := func(fault func(r *rig)) func(r *rig) {
		return func(r *rig) {
			r.single("manifest", "1", "linux/amd64")
			fault(r)
		}
	}
	return []row{
		{name: "manifest gone after HEAD", setup: single(func(r *rig) { r.on("GET @manifest", status(http.StatusNotFound)) }),
			reason: pull.DigestNotFound, detail: "does not have the manifest {manifest}",
			node:     copying + "content at https://HOST/v2/app/manifests/{manifest} not found: not found",
			requests: "HEAD 1, GET @manifest, HEAD 1, GET @manifest, GET @manifest, GET v2/"},
		{name: "child of the platform", setup: func(r *rig) {
			child := r.entry("linux/amd64")
			r.index("index", "1", child, r.entry("linux/arm64"))
			r.delete("manifests", child)
		},
			reason: pull.DigestNotFound, detail: "does not have the manifest {linux-amd64}", node: copying + "content at https://HOST/v2/app/manifests/{linux-amd64} not found: not found",
			requests: "HEAD 1, GET @index, GET @linux-amd64, HEAD 1, GET @index, GET @linux-amd64, GET @linux-amd64"},
		{name: "child of another platform", setup: func(r *rig) {
			child := r.entry("linux/arm64")
			r.index("index", "1", r.entry("linux/amd64"), child)
			r.delete("manifests", child)
		},
			reason:   pull.ReasonPullable,
			requests: "HEAD 1, GET @index, GET @linux-amd64"},
		{name: "config of an entry without platform", setup: func(r *rig) {
			r.index("index", "1", bare(r.entry("linux/amd64")))
			r.on("GET blob", status(http.StatusNotFound))
		},
			reason: pull.BlobMissing, detail: "does not have the config {linux-amd64.config}",
			node:     "get image config descriptor: failed to copy: httpReadSeeker: failed open: could not fetch content descriptor {linux-amd64.config}",
			requests: "HEAD 1, GET @index, GET @linux-amd64, GET blob @linux-amd64.config, HEAD 1, GET @index, GET @linux-amd64, GET blob @linux-amd64.config, GET blob @linux-amd64.config, GET v2/"},
		{name: "config and layer are not asked for", setup: single(func(r *rig) { r.on("GET blob", status(http.StatusNotFound)) }),
			reason:   pull.ReasonPullable,
			requests: "HEAD 1, GET @manifest"},
	}
}

func missingBlobs() []row {
	single := func(fault func(r *rig)) func(r *rig) {
		return func(r *rig) {
			r.single("manifest", "1", "linux/amd64")
			fault(r)
		}
	}
	return []row{
		{name: "config", layers: true, setup: single(func(r *rig) { r.on("GET blob @manifest.config", status(http.StatusNotFound)) }),
			reason: pull.BlobMissing, detail: "does not have the config {manifest.config}",
			node:     copying + "could not fetch content descriptor {manifest.config} (application/vnd.oci.image.config.v1+json) from remote: not found",
			requests: "HEAD 1, GET @manifest, GET blob @manifest.config, HEAD 1, GET @manifest, GET blob @manifest.config, GET blob @manifest.config, GET v2/"},
		{name: "layer", layers: true, setup: single(func(r *rig) { r.on("GET blob @manifest.layer", status(http.StatusNotFound)) }),
			reason: pull.BlobMissing, detail: "does not have the layer {manifest.layer}",
			node:     copying + "could not fetch content descriptor {manifest.layer} (application/vnd.oci.image.layer.v1.tar+gzip) from remote: not found",
			requests: "HEAD 1, GET @manifest, GET blob @manifest.config, GET blob @manifest.layer, HEAD 1, GET @manifest, GET blob @manifest.config, GET blob @manifest.layer, GET blob @manifest.layer, GET v2/"},
		{name: "layer of nothing", layers: true, setup: single(func(r *rig) { r.on("GET blob @manifest.layer", status(http.StatusOK)) }),
			reason: pull.BlobMissing, detail: "does not have the layer {manifest.layer}",
			node:     "short read: expected 17 bytes but got 0: unexpected EOF",
			requests: "HEAD 1, GET @manifest, GET blob @manifest.config, GET blob @manifest.layer, HEAD 1, GET @manifest, GET blob @manifest.config, GET blob @manifest.layer, GET blob @manifest.layer"},
		{name: "layer that is too short", layers: true, setup: single(func(r *rig) { r.on("GET blob @manifest.layer", sized(16)) }),
			reason: pull.UnsupportedImage, detail: "failed to copy: short read: expected 17 bytes but got 16: unexpected EOF",
			node:     "failed to copy: short read: expected 17 bytes but got 16: unexpected EOF",
			requests: "HEAD 1, GET @manifest, GET blob @manifest.config, GET blob @manifest.layer, HEAD 1, GET @manifest, GET blob @manifest.config, GET blob @manifest.layer"},
		{name: "layer that is too long", layers: true, setup: single(func(r *rig) { r.on("GET blob @manifest.layer", sized(18)) }),
			reason: pull.UnsupportedImage, detail: "read past expected size 17",
			node:     "failed to copy: httpReadSeeker: read past expected size 17: failed precondition",
			requests: "HEAD 1, GET @manifest, GET blob @manifest.config, GET blob @manifest.layer, HEAD 1, GET @manifest, GET blob @manifest.config, GET blob @manifest.layer"},
		{name: "layer 403", layers: true, setup: single(func(r *rig) { r.on("GET blob @manifest.layer", status(http.StatusForbidden)) }),
			reason: pull.CredentialsRequired, detail: "HOST answered 403 Forbidden",
			node:     `failed to pull and unpack image "HOST/app:1": failed to copy: httpReadSeeker: failed open: unexpected status from GET request to http://HOST/v2/app/blobs/{manifest.layer}: 403 Forbidden`,
			requests: "HEAD 1, GET @manifest, GET blob @manifest.config, GET blob @manifest.layer, HEAD 1, GET @manifest, GET blob @manifest.config, GET blob @manifest.layer, GET blob @manifest.layer, GET v2/"},
		{name: "layer 500", layers: true, setup: single(func(r *rig) { r.on("GET blob @manifest.layer", status(http.StatusInternalServerError)) }),
			reason: pull.RegistryError, detail: "HOST answered 500",
			requests: "HEAD 1, GET @manifest, GET blob @manifest.config, GET blob @manifest.layer, GET blob @manifest.layer"},
		{name: "layer whose HEAD is 404", layers: true, setup: single(func(r *rig) { r.on("HEAD blob", status(http.StatusNotFound)) }),
			reason:   pull.ReasonPullable,
			requests: "HEAD 1, GET @manifest, GET blob @manifest.config, GET blob @manifest.layer"},
		{name: "layer that may be had elsewhere", layers: true, setup: func(r *rig) {
			manifest := r.parts("foreign", "linux/amd64")
			manifest.Layers[0].URLs = []string{"http://" + r.host + "/never"}
			r.manifest("manifest", "1", ocispec.MediaTypeImageManifest, encode(manifest))
			r.on("GET blob @foreign.layer", status(http.StatusNotFound))
		},
			reason:   pull.ReasonPullable,
			requests: "HEAD 1, GET @manifest, GET blob @foreign.config"},
		{name: "layer of a second entry that matches", layers: true, setup: func(r *rig) {
			first, second := r.entry("linux/amd64"), r.single("second", "", "linux/amd64")
			second.Platform = first.Platform
			r.index("index", "1", first, second)
			r.on("GET blob @second.layer", status(http.StatusNotFound))
		}, // the transfer service fetches both, the local path the first
			reason: pull.ReasonPullable, notes: []pull.NoteReason{pull.SomeNodesMismatch},
			requests: "HEAD 1, GET @index, GET @linux-amd64, GET @second, GET blob @linux-amd64.config, GET blob @linux-amd64.layer, " +
				"GET blob @second.config, GET blob @second.layer"},
	}
}

// sized answers with so many bytes.
func sized(bytes int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, bytes)) }
}
