package registry

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/core/images"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
)

// TestProbeUnsupported is content that containerd refuses.
func TestProbeUnsupported(t *testing.T) {
	for _, tt := range slices.Concat(refusedHeaders(), tooLarge(), refusedSizes(), refusedBodies(), refusedConfigs()) {
		if tt.reason == "" {
			tt.reason = pull.UnsupportedImage
		}
		t.Run(tt.name, tt.run)
	}
}

// serve answers for the tag and what a digest header says with one body.
func serve(r *rig, mediaType, digest string, body []byte) {
	r.wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if !strings.Contains(req.URL.Path, "/manifests/") {
				next.ServeHTTP(w, req)
				return
			}
			if digest != "" {
				w.Header().Set("Docker-Content-Digest", digest)
			}
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			w.Header()["Content-Type"] = []string{mediaType} // an empty one, too
			_, _ = w.Write(body)
		})
	})
	r.name("document", body)
}

const (
	pulling = `failed to pull and unpack image "HOST/app:1": `
	invalid = "rpc error: code = InvalidArgument desc = "
	absent  = "rpc error: code = NotFound desc = "
)

func schema1() []byte {
	return []byte(`{"schemaVersion": 1, "name": "app", "tag": "1", "fsLayers": [], "history": [], "signatures": []}`)
}

// padded makes a manifest too large.
func padded(manifest []byte) []byte {
	return append([]byte(`{"padding":"`+strings.Repeat("x", 5<<20)+`",`), manifest[1:]...)
}

func refusedHeaders() []row {
	manifest := func(r *rig) []byte { return encode(r.parts("manifest", "linux/amd64")) }
	as := func(mediaType string) func(r *rig) {
		return func(r *rig) {
			body := manifest(r)
			serve(r, mediaType, digestOf(body), body)
		}
	}
	const old = pulling + "schema 1 image manifests are no longer supported: invalid argument"
	return []row{
		{name: "schema 1", setup: func(r *rig) {
			serve(r, images.MediaTypeDockerSchema1Manifest, digestOf(schema1()), schema1())
		},
			detail: "schema 1 image manifests are no longer supported", node: invalid + old,
			requests: "HEAD 1, GET 1, HEAD 1, GET 1"},
		{name: "schema 1 without a digest header", setup: func(r *rig) {
			serve(r, images.MediaTypeDockerSchema1Manifest, "", schema1())
		},
			detail: "no longer supported", node: "rpc error: code = Unimplemented desc = " + failed + "not implemented: media type",
			requests: "HEAD 1, GET 1, GET 1, HEAD 1, GET 1, GET 1"},
		{name: "schema 1 in plain text", setup: func(r *rig) { serve(r, "text/plain; charset=utf-8", digestOf(schema1()), schema1()) },
			detail: "schema 1 image manifests are no longer supported", node: invalid + old,
			requests: "HEAD 1, GET 1, HEAD 1, GET 1"},
		{name: "application/json", setup: as("application/json"),
			detail:   `media type "application/json" is that of no manifest`,
			node:     absent + pulling + "failed to copy: httpReadSeeker: failed open: could not fetch content descriptor {document} (application/json) from remote: not found",
			requests: "HEAD 1, GET blob @document, GET 1, HEAD 1, GET blob @document, GET 1"},
		{name: "no media type", setup: as(""),
			detail:   `media type "" is that of no manifest`,
			node:     absent + pulling + "failed to copy: httpReadSeeker: failed open: could not fetch content descriptor {document} () from remote: not found",
			requests: "HEAD 1, GET blob @document, GET 1, HEAD 1, GET blob @document, GET 1"},
		{name: "a foreign media type that the blobs have, too", setup: func(r *rig) {
			body := manifest(r)
			serve(r, "application/json", digestOf(body), body)
			r.on("GET blob", says(http.StatusOK, "application/json", string(body)))
		},
			detail:   `media type "application/json" is that of no manifest`,
			node:     absent + "get image config descriptor: unexpected media type application/json for {document}: not found",
			requests: "HEAD 1, GET blob @document, GET 1, HEAD 1, GET blob @document, GET 1"},
		{name: "a foreign media type, and no second look", reason: pull.RateLimited, setup: func(r *rig) {
			as("application/json")(r)
			r.on("GET 1", status(http.StatusTooManyRequests))
		},
			detail:   "HOST answered 429",
			requests: "HEAD 1, GET blob @document, GET 1"},
		{name: "plain words instead of a manifest", reason: pull.RegistryError, setup: func(r *rig) {
			serve(r, "text/plain", "", []byte("Access to this site is blocked."))
		},
			detail:   "HOST gave something other than a manifest",
			requests: "HEAD 1, GET 1, GET 1"},
		{name: "JSON instead of a manifest", reason: pull.RegistryError, setup: func(r *rig) {
			serve(r, "application/json", "", []byte(`{"message": "please log in"}`))
		},
			detail:   "HOST gave something other than a manifest",
			requests: "HEAD 1, GET 1, GET blob @document, GET 1"},
		{name: "invalid digest header", setup: func(r *rig) {
			body := manifest(r)
			serve(r, ocispec.MediaTypeImageManifest, "md5:abc", body)
		},
			detail: `"md5:abc" in header not a valid digest`, node: failed + `"md5:abc" in header not a valid digest: unsupported digest algorithm`,
			requests: "HEAD 1, GET 1, HEAD 1, GET 1"},
	}
}

func tooLarge() []row {
	manifest := func(r *rig) []byte { return encode(r.parts("manifest", "linux/amd64")) }
	return []row{
		{name: "HEAD says 5 MB", setup: func(r *rig) {
			body := manifest(r)
			serve(r, ocispec.MediaTypeImageManifest, digestOf(body), padded(body))
		},
			detail: "byte manifest", node: absent + failed + "rejecting ",
			requests: "HEAD 1, GET 1, HEAD 1, GET 1"},
		{name: "5 MB and no digest header", setup: func(r *rig) {
			serve(r, ocispec.MediaTypeImageManifest, "", padded(manifest(r)))
		},
			detail: "byte manifest", node: absent + failed + "rejecting ",
			requests: "HEAD 1, GET 1, GET 1, HEAD 1, GET 1, GET 1"},
		{name: "5 MB of something else", reason: pull.RegistryError, setup: func(r *rig) {
			serve(r, ocispec.MediaTypeImageManifest, "", []byte(strings.Repeat("x", 5<<20)))
		},
			detail:   "HOST gave something other than a manifest",
			requests: "HEAD 1, GET 1, GET 1"},
	}
}

func refusedSizes() []row {
	// said serves a manifest whose HEAD says another length.
	said := func(change int) func(r *rig) {
		return func(r *rig) {
			desc := r.single("manifest", "1", "linux/amd64")
			r.on("HEAD", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Docker-Content-Digest", desc.Digest.String())
				w.Header().Set("Content-Type", desc.MediaType)
				w.Header().Set("Content-Length", strconv.FormatInt(desc.Size+int64(change), 10))
			})
		}
	}
	return []row{
		{name: "size zero", setup: func(r *rig) {
			desc := r.single("manifest", "1", "linux/amd64")
			r.on("HEAD", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Docker-Content-Digest", desc.Digest.String())
				w.Header().Set("Content-Type", desc.MediaType)
				w.Header().Set("Content-Length", "0")
			})
		},
			detail: "content size of zero", node: invalid + pulling + "unable to fetch descriptor ({manifest}) which reports content size of zero: invalid argument",
			requests: "HEAD 1, HEAD 1"},
		{name: "HEAD says more", setup: said(7),
			detail: "short read: expected", node: pulling + "short read: expected",
			requests: "HEAD 1, GET @manifest, HEAD 1, GET @manifest"},
		{name: "HEAD says less", setup: said(-7),
			detail: "read past expected size", node: "rpc error: code = FailedPrecondition desc = " + pulling + "failed to copy: httpReadSeeker: read past expected size",
			requests: "HEAD 1, GET @manifest, HEAD 1, GET @manifest"},
	}
}

func refusedBodies() []row {
	document := func(mediaType, body string) func(r *rig) {
		return func(r *rig) { serve(r, mediaType, digestOf([]byte(body)), []byte(body)) }
	}
	return []row{
		{name: "other bytes than the digest's", setup: func(r *rig) {
			body := encode(r.parts("manifest", "linux/amd64"))
			other := digestOf([]byte("other"))
			serve(r, ocispec.MediaTypeImageManifest, other, body)
			r.names[other] = "other"
		},
			detail: "unexpected commit digest",
			node: "rpc error: code = FailedPrecondition desc = " + pulling +
				`failed commit on ref "manifest-{other}": unexpected commit digest {document}, expected {other}: failed precondition`,
			requests: "HEAD 1, GET @other, HEAD 1, GET @other"},
		{name: "an index that says it is a manifest",
			setup:  document(ocispec.MediaTypeImageManifest, `{"schemaVersion": 2, "mediaType": "`+ocispec.MediaTypeImageIndex+`", "manifests": []}`),
			detail: "expected manifest but found index", node: pulling + "children: invalid desc {document}: media-type: expected manifest but found index (",
			requests: "HEAD 1, GET @document, HEAD 1, GET @document"},
		{name: "a manifest that says it is an index",
			setup:  document(ocispec.MediaTypeImageIndex, `{"schemaVersion": 2, "config": {}, "layers": []}`),
			detail: "expected index but found manifest", node: pulling + "children: invalid desc {document}: media-type: expected index but found manifest (",
			requests: "HEAD 1, GET @document, HEAD 1, GET @document"},
		{name: "schema 1 that says it is schema 2",
			setup:  document(images.MediaTypeDockerSchema2Manifest, `{"schemaVersion": 1, "fsLayers": [{}]}`),
			detail: "schema 1 not supported", node: pulling + "children: invalid desc {document}: media-type: schema 1 not supported",
			requests: "HEAD 1, GET @document, HEAD 1, GET @document"},
		{name: "not JSON", setup: document(ocispec.MediaTypeImageManifest, "manifest"),
			detail: "invalid character", node: pulling + "children: invalid desc {document}: invalid character 'm' looking for beginning of value",
			requests: "HEAD 1, GET @document, HEAD 1, GET @document"},
		{name: "JSON of another shape", setup: document(ocispec.MediaTypeImageManifest, `{"schemaVersion": 2, "layers": 7}`),
			detail: "cannot unmarshal", node: pulling + "json: cannot unmarshal number into Go struct field Manifest.layers",
			requests: "HEAD 1, GET @document, HEAD 1, GET @document"},
	}
}

func refusedConfigs() []row {
	return []row{
		{name: "a config of another shape", layers: true, setup: func(r *rig) {
			manifest := r.parts("app", "linux/amd64")
			manifest.Config = r.blob("config", ocispec.MediaTypeImageConfig, []byte(`"linux"`))
			r.manifest("manifest", "1", ocispec.MediaTypeImageManifest, encode(manifest))
		},
			detail: "unmarshal image config", node: pulling + "unmarshal image config: json: cannot unmarshal string",
			requests: "HEAD 1, GET @manifest, GET blob @config, HEAD 1, GET @manifest, GET blob @config"},
		{name: "a config of another image", layers: true, setup: func(r *rig) {
			manifest := r.parts("app", "linux/amd64")
			manifest.Config = r.blob("config", ocispec.MediaTypeImageConfig, []byte(`{"rootfs": {"diff_ids": []}}`))
			r.manifest("manifest", "1", ocispec.MediaTypeImageManifest, encode(manifest))
		},
			detail: "number of layers and diffIDs don't match", node: pulling + "number of layers and diffIDs don't match: 1 != 0",
			requests: "HEAD 1, GET @manifest, GET blob @config, HEAD 1, GET @manifest, GET blob @config"},
		{name: "a config of which no record can be made", layers: true, setup: func(r *rig) {
			manifest := r.parts("app", "linux/amd64")
			manifest.Layers = nil
			manifest.Config = r.blob("config", ocispec.MediaTypeImageConfig, []byte(`{"created": "yesterday"}`))
			r.manifest("manifest", "1", ocispec.MediaTypeImageManifest, encode(manifest))
		},
			detail: "get image diffIDs", node: `failed to update image store "{config}": get image info from containerd: get image diffIDs: parsing time`,
			requests: "HEAD 1, GET @manifest, GET blob @config, HEAD 1, GET @manifest, GET blob @config"},
		{name: "a layer that is gone beneath no image's config", layers: true, reason: pull.ReasonPullable, setup: func(r *rig) {
			manifest := r.parts("chart", "linux/amd64")
			manifest.Config = r.blob("config", "application/vnd.oci.empty.v1+json", []byte(`{}`))
			r.delete("blobs", manifest.Layers[0])
			r.manifest("manifest", "1", ocispec.MediaTypeImageManifest, encode(manifest))
		},
			requests: "HEAD 1, GET @manifest, GET blob @config"},
		{name: "an artifact is pulled", layers: true, reason: pull.ReasonPullable, setup: func(r *rig) {
			manifest := r.parts("chart", "linux/amd64")
			manifest.Config = r.blob("config", "application/vnd.cncf.helm.config.v1+json", []byte(`{"name":"chart"}`))
			manifest.Layers[0].MediaType = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
			r.manifest("manifest", "1", ocispec.MediaTypeImageManifest, encode(manifest))
		},
			requests: "HEAD 1, GET @manifest, GET blob @config, GET blob @chart.layer"},
	}
}
