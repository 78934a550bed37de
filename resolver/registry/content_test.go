package registry

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// repository is that of every image in these tests that names no other.
const repository = "app"

// put sends something to the sound registry below the faults.
func (r *rig) put(path, mediaType string, body []byte) {
	r.t.Helper()
	req := httptest.NewRequest(http.MethodPut, path, bytes.NewReader(body))
	req.Header.Set("Content-Type", mediaType)
	answer := httptest.NewRecorder()
	r.content.ServeHTTP(answer, req)
	if answer.Code >= http.StatusBadRequest {
		r.t.Fatalf("PUT %s: %d %s", path, answer.Code, answer.Body)
	}
}

// name makes the record call a digest by a name.
func (r *rig) name(name string, body []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.names[digestOf(body)] = name
}

// blob pushes a blob and returns its descriptor.
func (r *rig) blob(name, mediaType string, body []byte) ocispec.Descriptor {
	r.t.Helper()
	r.name(name, body)
	r.put("/v2/"+repository+"/blobs/uploads/1?digest="+digestOf(body), mediaType, body)
	return describe(mediaType, body)
}

// manifest pushes a manifest under a reference, its digest and a name.
func (r *rig) manifest(name, ref, mediaType string, body []byte) ocispec.Descriptor {
	r.t.Helper()
	r.name(name, body)
	if ref == "" {
		ref = digestOf(body)
	}
	r.put("/v2/"+repository+"/manifests/"+ref, mediaType, body)
	return describe(mediaType, body)
}

func describe(mediaType string, body []byte) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(body), Size: int64(len(body))}
}

// delete takes a manifest or blob away.
func (r *rig) delete(kind string, desc ocispec.Descriptor) {
	r.t.Helper()
	req := httptest.NewRequest(http.MethodDelete, "/v2/"+repository+"/"+kind+"/"+desc.Digest.String(), nil)
	answer := httptest.NewRecorder()
	r.content.ServeHTTP(answer, req)
	if answer.Code >= http.StatusBadRequest {
		r.t.Fatalf("DELETE %s: %d %s", req.URL.Path, answer.Code, answer.Body)
	}
}

func encode(document any) []byte {
	body, err := json.Marshal(document)
	if err != nil {
		panic(err)
	}
	return body
}

// parts of an image: config and layer are named after it.
func (r *rig) parts(name, platform string) ocispec.Manifest {
	system, arch, _ := strings.Cut(platform, "/")
	arch, variant, _ := strings.Cut(arch, "/")
	layer := r.blob(name+".layer", ocispec.MediaTypeImageLayerGzip, []byte("layer of "+name))
	config := r.blob(name+".config", ocispec.MediaTypeImageConfig, encode(ocispec.Image{
		Platform: ocispec.Platform{OS: system, Architecture: arch, Variant: variant}, Author: name,
		RootFS: ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromString("diff of " + name)}},
	}))
	return ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: config, Layers: []ocispec.Descriptor{layer},
	}
}

// single pushes an image of one platform.
func (r *rig) single(name, ref, platform string) ocispec.Descriptor {
	r.t.Helper()
	return r.manifest(name, ref, ocispec.MediaTypeImageManifest, encode(r.parts(name, platform)))
}

// entry pushes an image and returns its entry for an index.
func (r *rig) entry(platform string) ocispec.Descriptor {
	r.t.Helper()
	name := strings.ReplaceAll(platform, "/", "-")
	desc := r.single(name, "", platform)
	p := list(platform)[0]
	if strings.HasSuffix(platform, "/v1") || strings.HasSuffix(platform, "/v8") {
		p.Variant = platform[len(platform)-2:] // which parsing normalises
	}
	desc.Platform = &p
	return desc
}

// bare is an entry without a platform.
func bare(desc ocispec.Descriptor) ocispec.Descriptor {
	desc.Platform = nil
	return desc
}

// attestation is an entry as builders add them, for no platform at all.
func (r *rig) attestation() ocispec.Descriptor {
	r.t.Helper()
	desc := r.single("attestation", "", "unknown/unknown")
	desc.Platform = &ocispec.Platform{OS: "unknown", Architecture: "unknown"}
	return desc
}

// index pushes an index under a name of its own.
func (r *rig) index(name, ref string, entries ...ocispec.Descriptor) ocispec.Descriptor {
	r.t.Helper()
	return r.manifest(name, ref, ocispec.MediaTypeImageIndex, indexOf(entries...))
}

func indexOf(entries ...ocispec.Descriptor) []byte {
	return encode(ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: entries,
	})
}

// dockerised turns a manifest or an index into Docker's own format.
func dockerised(body []byte) []byte {
	return []byte(strings.NewReplacer(
		ocispec.MediaTypeImageManifest, images.MediaTypeDockerSchema2Manifest,
		ocispec.MediaTypeImageIndex, images.MediaTypeDockerSchema2ManifestList,
		ocispec.MediaTypeImageConfig, images.MediaTypeDockerSchema2Config,
		ocispec.MediaTypeImageLayerGzip, images.MediaTypeDockerSchema2LayerGzip,
	).Replace(string(body)))
}
