package crio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/image/v5/types"
)

// single is a manifest that is no list, and what is said before an error of it.
type single struct {
	mediaType string
	blob      []byte
	parsed    manifest.Manifest
	saying    string
}

// artifactWords is what CRI-O says before all that fails while it looks whether
// an image is an artifact, which comes first (internal/storage/image.go,
// pullImageImplementation).
const artifactWords = "unable to try pulling possible OCI artifact: "

// Check says why CRI-O does not pull the image for nodes of one platform, as far
// as manifests tell, and with layers as far as the registry does; nil: it does. A
// platform of nil is any.
func (i *Image) Check(ctx context.Context, platform *ocispec.Platform, layers bool) error {
	if digested, ok := i.Logical.(reference.Digested); ok {
		if err := matches(i.blob, digested.Digest()); err != nil {
			return saying(artifactWords+"get manifest: ", err)
		}
	}
	if isList(i.Root.MediaType) {
		return i.checkList(ctx, platform, layers)
	}
	parsed, err := manifest.FromBlob(i.blob, i.Root.MediaType)
	if err != nil {
		return saying(artifactWords+"parse manifest from blob: ", &refusedError{words: err.Error()})
	}
	one := single{mediaType: i.Root.MediaType, blob: i.blob, parsed: parsed}
	if one.isArtifact() {
		return i.checkArtifact(ctx, one, layers)
	}
	return i.checkImage(ctx, one, layers)
}

// saying puts what CRI-O says before an error.
func saying(words string, err error) error { return fmt.Errorf("%s%w", words, err) }

// matches compares a manifest with its digest. CRI-O knows digests by sha256 alone
// (internal/manifest/manifest.go, MatchesDigest).
func matches(blob []byte, want digest.Digest) error {
	switch same, err := manifest.MatchesDigest(blob, want); {
	case err != nil:
		return &refusedError{words: "computing manifest digest: " + err.Error()}
	case !same:
		return &refusedError{words: "Manifest does not match provided manifest digest " + want.String()}
	default:
		return nil
	}
}

// isArtifact tells whether a manifest is pulled as an artifact (internal/
// ociartifact/store.go, PullManifest).
func (s *single) isArtifact() bool {
	images := []string{ocispec.MediaTypeImageManifest, manifest.DockerV2Schema2MediaType, manifest.DockerV2Schema1SignedMediaType}
	configs := []string{"", ocispec.MediaTypeImageConfig, manifest.DockerV2Schema2ConfigMediaType}
	if !slices.Contains(images, s.mediaType) || !slices.Contains(configs, s.parsed.ConfigInfo().MediaType) {
		return true
	}
	as, err := manifest.OCI1FromManifest(s.blob)
	return err == nil && as.ArtifactType != ""
}

// checkList takes the entry for the platform, and no other where that one fails
// (copy/copy.go, Image).
func (i *Image) checkList(ctx context.Context, platform *ocispec.Platform, layers bool) error {
	from := fmt.Sprintf("docker://%s: ", i.Logical)
	list, err := i.list()
	if err != nil {
		return saying("parsing primary manifest as list for "+from, &refusedError{words: err.Error()})
	}
	var first error
	for _, system := range systems(platform) {
		chosen, err := list.ChooseInstance(&system)
		if err != nil {
			err = saying("choosing an image from manifest list "+from, &platformError{err.Error()})
		} else {
			err = i.checkedOnce(ctx, chosen, layers)
		}
		if err == nil {
			return nil
		}
		if missing := (*platformError)(nil); first == nil || errors.As(first, &missing) {
			first = err
		}
	}
	return first
}

// systems are the processors that nodes of a platform may have: of which variant
// an ARM is, no Node tells. Any platform is that of most nodes.
func systems(platform *ocispec.Platform) []types.SystemContext {
	if platform == nil {
		platform = &ocispec.Platform{OS: "linux", Architecture: "amd64"}
	}
	variants := []string{""}
	switch platform.Architecture {
	case "arm":
		variants = []string{"v8", "v7", "v6", "v5"}
	case "arm64":
		variants = []string{"v8"}
	}
	var all []types.SystemContext
	for _, variant := range variants {
		all = append(all, types.SystemContext{OSChoice: platform.OS, ArchitectureChoice: platform.Architecture, VariantChoice: variant})
	}
	return all
}

// list reads an index, once.
func (i *Image) list() (manifest.List, error) {
	if i.entries == nil {
		list, err := manifest.ListFromBlob(i.blob, i.Root.MediaType)
		if err != nil {
			return nil, err
		}
		i.entries = list
	}
	return i.entries, nil
}

// checkedOnce looks at an entry once for however many platforms it is taken.
func (i *Image) checkedOnce(ctx context.Context, entry digest.Digest, layers bool) error {
	if err, known := i.checked[entry]; known {
		return err
	}
	err := i.checkEntry(ctx, entry, layers)
	if i.checked == nil {
		i.checked = map[digest.Digest]error{}
	}
	i.checked[entry] = err
	return err
}

// checkEntry looks at what an entry of an index leads to. Of what type it is, the
// registry says, not the entry (copy/single.go, copySingleImage).
func (i *Image) checkEntry(ctx context.Context, entry digest.Digest, layers bool) error {
	const words = "copying system image from manifest list: "
	reading := words + fmt.Sprintf("determining manifest MIME type for docker://%s: ", i.Logical)
	if err := entry.Validate(); err != nil {
		return saying(reading, &refusedError{words: err.Error()})
	}
	blob, mediaType, err := i.session.manifest(ctx, entry.String())
	if err == nil {
		err = matches(blob, entry)
	}
	if err != nil {
		return saying(reading, err)
	}
	if isList(mediaType) {
		return saying(words, &refusedError{words: "Unexpectedly received a manifest list instead of a manifest for a single image"})
	}
	parsed, err := manifest.FromBlob(blob, mediaType)
	if err != nil {
		return saying(words+fmt.Sprintf("initializing image from source docker://%s: ", i.Logical), &refusedError{words: err.Error()})
	}
	return i.checkImage(ctx, single{mediaType: mediaType, blob: blob, parsed: parsed, saying: words}, layers)
}

// Platforms are those of which an index has entries, that of its attestations
// aside; none for what is no index.
func (i *Image) Platforms() []ocispec.Platform {
	var index struct {
		Manifests []struct{ Platform *ocispec.Platform }
	}
	if !isList(i.Root.MediaType) || json.Unmarshal(i.blob, &index) != nil {
		return nil
	}
	var all []ocispec.Platform
	for _, entry := range index.Manifests {
		if is := entry.Platform; is != nil && is.OS != "unknown" && is.Architecture != "unknown" {
			all = append(all, *is)
		}
	}
	return all
}

// platformError is an index without an entry for a platform.
type platformError struct{ words string }

// Error is what CRI-O says.
func (e *platformError) Error() string { return e.words }
