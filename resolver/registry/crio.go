package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
)

// CRI-O pulls by rules of its own. The files are those of CRI-O 1.37, and of
// the image library that it is built with (go.podman.io/image/v5 v5.38).

// reconsider looks at a refusal by containerd's rules once more for nodes that
// do not run it, or an old one. This is the one place where what one runtime
// refuses is let through for another.
func (k *check) reconsider(ctx context.Context, finding pull.Finding) pull.Finding {
	switch {
	case finding.Reason.Verdict() != pull.Broken:
		return finding
	case k.schema1 && k.Runtimes.Has(pull.ContainerdLocal): // 2.0 lets it be switched on, 1.7 off
		return inDoubt(finding, "containerd before 2.1 may convert it")
	case !k.Runtimes.Has(pull.CRIO | pull.OtherRuntime):
		return finding
	}
	other := redact(k.askAsCRIO(ctx), k.Credential)
	switch known := k.Runtimes.Has(pull.Containerd | pull.ContainerdLocal); {
	case other.Reason == pull.UnsupportedImage && k.Runtimes.Has(pull.CRIO):
		return inDoubt(finding, "CRI-O may take what containerd refuses")
	case other.Reason == pull.UnsupportedImage:
		return inDoubt(finding, "the nodes' runtime may take what containerd refuses")
	case other.Reason.Verdict() == pull.Unknown, k.Runtimes == pull.CRIO:
		return other
	case other.Reason == pull.ReasonPullable:
		runtime := "containerd"
		if !known {
			runtime = "a runtime with containerd's rules"
		}
		other.Notes = append(other.Notes, pull.Note{Reason: pull.SomeNodesMismatch,
			Message: fmt.Sprintf("nodes that run %s could not pull it: %s", runtime, finding.Detail)})
		return other
	case !known:
		finding.Node = "" // nobody knows its words
	}
	return finding
}

// inDoubt is the finding where only the nodes' runtime decides.
func inDoubt(finding pull.Finding, doubt string) pull.Finding {
	return pull.Finding{Reason: pull.RegistryError, Doubt: doubt, Detail: finding.Detail, Digest: finding.Digest}
}

// askAsCRIO asks and reads as CRI-O does, from the beginning. What it then
// refuses of the content is UnsupportedImage, and no verdict: it tries as an
// artifact what it could not pull as an image (internal/storage/image.go,
// pullImageImplementation), and it takes what containerd does not.
func (k *check) askAsCRIO(ctx context.Context) pull.Finding {
	ctx, _ = withExchange(ctx)
	hosts, _, err := k.client.hostsFor(ctx, k.Image, k.Credential, direct, false)
	if err != nil {
		return badHosts(err)
	}
	client := &crioClient{check: k, host: hosts[len(hosts)-1]}
	root, blob, err := client.resolve(ctx)
	if err != nil {
		return client.unresolved(err)
	}
	if isSchema1(root.MediaType, blob) {
		return pull.Finding{Reason: pull.ReasonPullable, Digest: root.Digest}
	}
	if !images.IsManifestType(root.MediaType) && !images.IsIndexType(root.MediaType) {
		return pull.Finding{Reason: pull.UnsupportedImage, Detail: oneLine(fmt.Sprintf("media type %q is that of no manifest", root.MediaType))}
	}
	s := newStore(client, nil)
	s.blobs[keyOf(root)] = blob
	alone := *k
	alone.Runtimes = pull.CRIO
	return alone.judge(ctx, s, root)
}

// isSchema1 tells whether CRI-O converts it: whatever is of no type that
// manifests have today is read as such (internal/manifest/manifest.go,
// NormalizedMIMEType).
func isSchema1(mediaType string, blob []byte) bool {
	var document struct {
		SchemaVersion int             `json:"schemaVersion"`
		Layers        json.RawMessage `json:"fsLayers"`
	}
	return !images.IsManifestType(mediaType) && !images.IsIndexType(mediaType) &&
		json.Unmarshal(blob, &document) == nil && document.SchemaVersion == 1 && document.Layers != nil
}

// judgeCRIO says whether nodes of one platform would get the image by CRI-O.
func (k *check) judgeCRIO(ctx context.Context, s *store, root ocispec.Descriptor, platform *ocispec.Platform) pull.Finding {
	return k.judgeInstance(ctx, s, root, platform, map[blobKey]bool{})
}

// judgeInstance takes one entry of an index. Which one of several that fit does
// not matter here: one that can be pulled is enough. None is looked at twice,
// be it named on many ways.
func (k *check) judgeInstance(ctx context.Context, s *store, root ocispec.Descriptor, platform *ocispec.Platform, tried map[blobKey]bool) pull.Finding {
	switch {
	case images.IsManifestType(root.MediaType):
		return k.judgeSingle(ctx, newPulled(s), root)
	case !images.IsIndexType(root.MediaType):
		return pull.Finding{Reason: pull.UnsupportedImage, Detail: oneLine(fmt.Sprintf("unexpected media type %s", root.MediaType))}
	}
	entries, err := chooseAsCRIO(ctx, s, root, platform)
	if err != nil {
		return judgePull(err, k.Credential)
	}
	finding := noInstance(root, platform)
	for _, entry := range entries {
		if tried[keyOf(entry)] {
			continue
		}
		tried[keyOf(entry)] = true
		found := k.judgeInstance(ctx, s, entry, platform, tried)
		if found.Reason.Verdict() != pull.Broken {
			return found
		}
		if finding.Reason == pull.PlatformMismatch {
			finding = found
		}
	}
	return finding
}

// judgeSingle looks for the parts of one manifest.
func (k *check) judgeSingle(ctx context.Context, fetched *pulled, desc ocispec.Descriptor) pull.Finding {
	_, err := fetched.handle(ctx, desc)
	if err == nil {
		err = k.layers(ctx, fetched, false)
	}
	if err != nil {
		return judgePull(err, k.Credential)
	}
	return pull.Finding{Reason: pull.ReasonPullable}
}

// chooseAsCRIO returns the entries that fit. Those without a platform are for
// when there is no other (internal/manifest/oci_index.go, chooseInstance);
// Docker's lists know none (docker_schema2_list.go, ChooseInstance).
func chooseAsCRIO(ctx context.Context, s *store, root ocispec.Descriptor, platform *ocispec.Platform) ([]ocispec.Descriptor, error) {
	blob, err := content.ReadBlob(ctx, s, root)
	if err != nil {
		return nil, err
	}
	var index ocispec.Index
	if err := json.Unmarshal(blob, &index); err != nil {
		return nil, &refusedError{fmt.Errorf("unmarshal index: %w", err)}
	}
	var fitting, bare []ocispec.Descriptor
	for _, entry := range index.Manifests {
		switch {
		case entry.Platform == nil && root.MediaType == ocispec.MediaTypeImageIndex:
			bare = append(bare, entry)
		case entry.Platform != nil && fitsCRIO(*entry.Platform, platform):
			fitting = append(fitting, entry)
		}
	}
	if len(fitting) == 0 {
		return bare, nil
	}
	return fitting, nil
}

// fitsCRIO compares names as they are written, and looks at neither features
// nor versions of an operating system (internal/pkg/platform/
// platform_matcher.go, WantedPlatforms and MatchesPlatform).
func fitsCRIO(entry ocispec.Platform, platform *ocispec.Platform) bool {
	if platform == nil {
		return (anyKnown{}).Match(entry)
	}
	variants := []string{""}
	switch platform.Architecture {
	case "arm":
		variants = []string{"v8", "v7", "v6", "v5", ""} // which one a processor has, no Node tells
	case "arm64":
		variants = []string{"v8", ""}
	}
	return entry.OS == platform.OS && entry.Architecture == platform.Architecture && slices.Contains(variants, entry.Variant)
}

// noInstance is the finding on an index without a fitting entry.
func noInstance(root ocispec.Descriptor, platform *ocispec.Platform) pull.Finding {
	finding := pull.Finding{Reason: pull.PlatformMismatch, Detail: "the index has no entry for them"}
	if platform == nil {
		return finding
	}
	kind := "image index"
	if root.MediaType == images.MediaTypeDockerSchema2ManifestList {
		kind = "manifest list"
	}
	finding.Node = fmt.Sprintf("no image found in %s for architecture %q, variant %q, OS %q", kind, platform.Architecture, platform.Variant, platform.OS)
	return finding
}
