package registry

import (
	"fmt"
	"net/http"
	pathpkg "path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/contents"
)

// documents is a registry that holds what it likes, by tag and digest.
type documents map[string]document

type document struct {
	mediaType string
	body      []byte
}

// add holds a document under its digest and returns its descriptor.
func (d documents) add(mediaType string, body []byte) ocispec.Descriptor {
	d[digestOf(body)] = document{mediaType, body}
	return describe(mediaType, body)
}

// tag holds a document under the tag, too.
func (d documents) tag(mediaType string, body []byte) {
	d["1"] = d[d.add(mediaType, body).Digest.String()]
}

// ServeHTTP answers for whatever is there.
func (d documents) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	document, ok := d[pathpkg.Base(req.URL.Path)]
	if !ok {
		refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "unknown")
		return
	}
	w.Header().Set("Docker-Content-Digest", digestOf(document.body))
	w.Header().Set("Content-Type", document.mediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(document.body)))
	_, _ = w.Write(document.body)
}

// amd64 makes an entry for that platform.
func amd64(desc ocispec.Descriptor) ocispec.Descriptor {
	desc.Platform = &ocispec.Platform{OS: "linux", Architecture: "amd64"}
	return desc
}

// claimed is a descriptor of something that is not there.
func claimed(mediaType string, i int, size int64) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromString(fmt.Sprint("nothing ", i)), Size: size}
}

// TestProbeHostile is what registries can send to do harm: nothing of it costs
// more than so many requests, and nothing of it is a refusal that a node would
// not meet.
func TestProbeHostile(t *testing.T) {
	for _, tt := range slices.Concat(hostileIndexes(), hostileDescriptors(), hostileData(), hostileParts()) {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			held := documents{}
			tt.fill(r, held)
			r.wrap(func(http.Handler) http.Handler { return held })
			finding := row{runtimes: tt.runtimes, layers: tt.layers}.probe(t, r, client(t, ""))
			if finding.Reason != tt.reason || !strings.Contains(finding.Detail, tt.detail) {
				t.Errorf("%+v, want %s with %q", finding, tt.reason, tt.detail)
			}
			limit := tt.requests
			if finding.Reason.Verdict() == pull.Broken || strings.Contains(finding.Detail, "two answers") {
				limit *= 2 // a refusal is asked for twice
			}
			if asked := r.asked(); len(asked) > limit {
				t.Errorf("%d requests, want at most %d", len(asked), limit)
			}
		})
	}
}

type hostile struct {
	name     string
	fill     func(r *rig, held documents)
	runtimes pull.Runtimes
	layers   bool
	reason   pull.Reason
	detail   string
	requests int // at most
}

// manifestOf is some manifest, told apart by a number.
func manifestOf(i int) []byte {
	config := encode(map[string]any{"os": "linux", "architecture": "amd64", "author": i})
	return encode(ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, Config: describe(ocispec.MediaTypeImageConfig, config)})
}

func hostileIndexes() []hostile {
	// wide fills an index with manifests that are there, with or without
	// their platform.
	wide := func(n int, change func(i int, entry ocispec.Descriptor) ocispec.Descriptor) func(*rig, documents) {
		return func(_ *rig, held documents) {
			var entries []ocispec.Descriptor
			for i := range n {
				entries = append(entries, change(i, held.add(ocispec.MediaTypeImageManifest, manifestOf(i))))
			}
			held.tag(ocispec.MediaTypeImageIndex, indexOf(entries...))
		}
	}
	same := func(_ int, entry ocispec.Descriptor) ocispec.Descriptor { return entry }
	// twice are indexes 40 deep, each of which names the next one twice.
	twice := func(_ *rig, held documents) {
		held["v2"] = document{} // the ping
		body := indexOf()
		for range 40 {
			next := amd64(held.add(ocispec.MediaTypeImageIndex, body))
			body = indexOf(next, next)
		}
		held.tag(ocispec.MediaTypeImageIndex, body)
	}
	return []hostile{
		{name: "each of 40 indexes names the next one twice", fill: twice,
			reason: pull.RegistryError, detail: "too many descriptors", requests: 2 + 41},
		{name: "each of 40 indexes names the next one twice, to CRI-O", fill: twice, runtimes: pull.CRIO,
			reason: pull.UnsupportedImage, requests: 3},
		{name: "a large manifest 4,000 times", fill: func(_ *rig, held documents) {
			large := ocispec.Manifest{Config: claimed(ocispec.MediaTypeImageConfig, 0, 9), Annotations: map[string]string{"": strings.Repeat("a", 4_000_000)}}
			held.tag(ocispec.MediaTypeImageIndex, indexOf(slices.Repeat([]ocispec.Descriptor{amd64(held.add(ocispec.MediaTypeImageManifest, encode(large)))}, 4_000)...))
		},
			reason: pull.ReasonPullable, requests: 3},
		{name: "9,000 entries without platform", fill: wide(9_000, same),
			reason: pull.RegistryError, detail: "more than 64 manifests", requests: 2 + contents.MaxManifests},
		{name: "12,000 entries for the platform", fill: wide(12_000, func(_ int, entry ocispec.Descriptor) ocispec.Descriptor { return amd64(entry) }),
			reason: pull.RegistryError, detail: "too many descriptors", requests: 3},
		{name: "10,000 entries, the last for the platform", fill: wide(10_000, func(i int, entry ocispec.Descriptor) ocispec.Descriptor {
			entry = amd64(entry)
			if i < 9_999 {
				entry.Platform.Architecture = "s390x"
			}
			return entry
		}),
			reason: pull.ReasonPullable, requests: 3},
		{name: "one entry 4,000 times", fill: func(_ *rig, held documents) {
			entries := make([]ocispec.Descriptor, 4_000)
			entry := amd64(held.add(ocispec.MediaTypeImageManifest, manifestOf(0)))
			for i := range entries {
				entries[i] = entry
			}
			held.tag(ocispec.MediaTypeImageIndex, indexOf(entries...))
		},
			reason: pull.ReasonPullable, requests: 3},
		{name: "indexes 100 deep", fill: func(_ *rig, held documents) {
			body := indexOf(held.add(ocispec.MediaTypeImageManifest, manifestOf(0)))
			for range 100 {
				body = indexOf(held.add(ocispec.MediaTypeImageIndex, body))
			}
			held.tag(ocispec.MediaTypeImageIndex, body)
		},
			reason: pull.RegistryError, detail: "more than 64 manifests", requests: 2 + contents.MaxManifests},
		{name: "a tree of indexes", fill: func(_ *rig, held documents) {
			var level []ocispec.Descriptor
			for i := range 1_000 {
				level = append(level, held.add(ocispec.MediaTypeImageManifest, manifestOf(i)))
			}
			for len(level) > 10 {
				var above []ocispec.Descriptor
				for i := 0; i < len(level); i += 10 {
					above = append(above, held.add(ocispec.MediaTypeImageIndex, indexOf(level[i:i+10]...)))
				}
				level = above
			}
			held.tag(ocispec.MediaTypeImageIndex, indexOf(level...))
		},
			reason: pull.RegistryError, detail: "more than 64 manifests", requests: 2 + contents.MaxManifests},
		{name: "an index that names itself by the tag's digest", fill: func(_ *rig, held documents) {
			// Its digest cannot be in it; another size of it can be in another.
			inner := held.add(ocispec.MediaTypeImageIndex, indexOf())
			inner.Size *= 2
			held.tag(ocispec.MediaTypeImageIndex, indexOf(inner))
		},
			reason: pull.UnsupportedImage, detail: "short read", requests: 3},
		{name: "brackets 100,000 deep", fill: func(_ *rig, held documents) {
			held.tag(ocispec.MediaTypeImageIndex, []byte(`{"manifests":`+strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)+`}`))
		},
			reason: pull.UnsupportedImage, detail: "exceeded max depth", requests: 2},
	}
}

// entry makes an index with one entry for the platform.
func entry(change func(r *rig, entry *ocispec.Descriptor)) func(*rig, documents) {
	return func(r *rig, held documents) {
		desc := amd64(held.add(ocispec.MediaTypeImageManifest, manifestOf(0)))
		change(r, &desc)
		held.tag(ocispec.MediaTypeImageIndex, indexOf(desc))
	}
}

func hostileDescriptors() []hostile {
	digested := func(name string, written digest.Digest) hostile {
		return hostile{name: name, fill: entry(func(_ *rig, entry *ocispec.Descriptor) { entry.Digest = written }),
			reason: pull.UnsupportedImage, detail: "descriptor with digest", requests: 2}
	}
	sized := func(size int64) func(*rig, documents) {
		return entry(func(_ *rig, entry *ocispec.Descriptor) { entry.Size = size })
	}
	urls := func(_ *rig, entry *ocispec.Descriptor) {
		entry.URLs = []string{"http://169.254.169.254/", "http://registry.invalid/"}
	}
	return []hostile{
		digested("no digest", ""),
		digested("a digest without an algorithm", "0123"),
		digested("a digest of an algorithm nobody has", "md5:d41d8cd98f00b204e9800998ecf8427e"),
		digested("a digest that is a path", "sha256:../../../../token"),
		digested("a digest in upper case", digest.Digest("sha256:"+strings.Repeat("A", 64))),
		{name: "size -1", fill: sized(-1), reason: pull.UnsupportedImage, detail: "negative content size (-1)", requests: 2},
		{name: "size 0", fill: sized(0), reason: pull.UnsupportedImage, detail: "content size of zero", requests: 2},
		{name: "size of 4 EB", fill: sized(1 << 62), reason: pull.RegistryError, detail: "more than 64 manifests, 16 MiB", requests: 2},
		{name: "URLs of what is there", fill: entry(urls), reason: pull.ReasonPullable, requests: 3},
		{name: "URLs of what is not there", fill: entry(func(r *rig, entry *ocispec.Descriptor) {
			urls(r, entry)
			entry.Digest = digest.FromString("elsewhere")
		}),
			reason: pull.RegistryError, detail: "its descriptor names URLs", requests: 3},
	}
}

func hostileData() []hostile {
	return []hostile{
		{name: "embedded data", fill: entry(func(_ *rig, entry *ocispec.Descriptor) {
			entry.Data = manifestOf(1)
			entry.Digest, entry.Size = digest.FromBytes(entry.Data), int64(len(entry.Data))
		}),
			reason: pull.ReasonPullable, requests: 2},
		{name: "embedded data of another digest", fill: entry(func(_ *rig, entry *ocispec.Descriptor) {
			entry.Data = manifestOf(1)
			entry.Size = int64(len(entry.Data))
		}),
			reason: pull.UnsupportedImage, detail: "unexpected commit digest", requests: 2},
		{name: "embedded data of another size", fill: entry(func(_ *rig, entry *ocispec.Descriptor) { entry.Data = []byte("{}") }),
			reason: pull.ReasonPullable, requests: 3},
	}
}

func hostileParts() []hostile {
	config := func(size int64) func(*rig, documents) {
		return func(_ *rig, held documents) {
			manifest := encode(ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, Config: claimed(ocispec.MediaTypeImageConfig, 0, size)})
			held.tag(ocispec.MediaTypeImageIndex, indexOf(held.add(ocispec.MediaTypeImageManifest, manifest)))
		}
	}
	return []hostile{
		{name: "a huge config", fill: config(1 << 30), reason: pull.RegistryError, detail: "more than 64 manifests, 16 MiB", requests: 3},
		{name: "a negative config", fill: config(-5), reason: pull.UnsupportedImage, detail: "negative content size", requests: 3},
		{name: "a huge config that is not read", layers: true, fill: func(_ *rig, held documents) {
			huge := held.add(ocispec.MediaTypeImageConfig, make([]byte, contents.MaxConfig+1))
			layer := held.add(ocispec.MediaTypeImageLayer, []byte("layer"))
			held.tag(ocispec.MediaTypeImageManifest, encode(ocispec.Manifest{Config: huge, Layers: []ocispec.Descriptor{layer}}))
		},
			reason: pull.ReasonPullable, requests: 4},
		{name: "5,000 layers", layers: true, fill: func(_ *rig, held documents) {
			manifest := ocispec.Manifest{Config: held.add("application/vnd.example.config", []byte("{}"))}
			for i := range 5_000 {
				manifest.Layers = append(manifest.Layers, held.add("application/vnd.example.layer", fmt.Append(nil, "layer ", i)))
			}
			held.tag(ocispec.MediaTypeImageManifest, encode(manifest))
		},
			reason: pull.RegistryError, detail: "or 512 blobs", requests: 3 + contents.MaxBlobs},
		{name: "a layer with an impossible digest", layers: true, fill: func(_ *rig, held documents) {
			layer := claimed("application/vnd.example.layer", 0, 5)
			layer.Digest = "sha999:00"
			held.tag(ocispec.MediaTypeImageManifest, encode(ocispec.Manifest{
				Config: held.add("application/vnd.example.config", []byte("config")), Layers: []ocispec.Descriptor{layer}}))
		},
			reason: pull.UnsupportedImage, detail: "descriptor with digest", requests: 3},
	}
}
