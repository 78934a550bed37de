package crio

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/answers"
	"github.com/pullgate/pullgate/resolver/registry/contents"
)

// IsSchema1 tells whether CRI-O converts it: whatever is of no type that
// manifests have today is read as such (internal/manifest/manifest.go,
// NormalizedMIMEType).
func IsSchema1(mediaType string, blob []byte) bool {
	var document struct {
		SchemaVersion int             `json:"schemaVersion"`
		Layers        json.RawMessage `json:"fsLayers"`
	}
	return !images.IsManifestType(mediaType) && !images.IsIndexType(mediaType) &&
		json.Unmarshal(blob, &document) == nil && document.SchemaVersion == 1 && document.Layers != nil
}

// Pull says whether nodes of one platform would get the image by CRI-O.
func Pull(ctx context.Context, q pull.Query, s *contents.Store, root ocispec.Descriptor, platform *ocispec.Platform) pull.Finding {
	return pullInstance(ctx, q, s, root, platform, map[contents.Key]bool{})
}

// pullInstance takes one entry of an index. Which one of several that fit does
// not matter here: one that can be pulled is enough. None is looked at twice,
// be it named on many ways.
func pullInstance(ctx context.Context, q pull.Query, s *contents.Store, root ocispec.Descriptor, platform *ocispec.Platform, tried map[contents.Key]bool) pull.Finding {
	switch {
	case images.IsManifestType(root.MediaType):
		return pullSingle(ctx, q, contents.NewFetched(s), root)
	case !images.IsIndexType(root.MediaType):
		return pull.Finding{Reason: pull.UnsupportedImage, Detail: answers.OneLine(fmt.Sprintf("unexpected media type %s", root.MediaType))}
	}
	entries, err := choose(ctx, s, root, platform)
	if err != nil {
		return answers.OfContent(err, q.Credential)
	}
	finding := noInstance(root, platform)
	for _, entry := range entries {
		if tried[contents.KeyOf(entry)] {
			continue
		}
		tried[contents.KeyOf(entry)] = true
		found := pullInstance(ctx, q, s, entry, platform, tried)
		if found.Reason.Verdict() != pull.Broken {
			return found
		}
		if finding.Reason == pull.PlatformMismatch {
			finding = found
		}
	}
	return finding
}

// pullSingle looks for the parts of one manifest.
func pullSingle(ctx context.Context, q pull.Query, fetched *contents.Fetched, desc ocispec.Descriptor) pull.Finding {
	_, err := fetched.Handle(ctx, desc)
	if err == nil && q.Layers {
		err = fetched.Complete(ctx, contents.Unpacked)
	}
	if err != nil {
		return answers.OfContent(err, q.Credential)
	}
	return pull.Finding{Reason: pull.ReasonPullable}
}

// choose returns the entries that fit. Those without a platform are for
// when there is no other (internal/manifest/oci_index.go, chooseInstance);
// Docker's lists know none (docker_schema2_list.go, ChooseInstance).
func choose(ctx context.Context, s *contents.Store, root ocispec.Descriptor, platform *ocispec.Platform) ([]ocispec.Descriptor, error) {
	blob, err := content.ReadBlob(ctx, s, root)
	if err != nil {
		return nil, err
	}
	var index ocispec.Index
	if err := json.Unmarshal(blob, &index); err != nil {
		return nil, &contents.RefusedError{Err: fmt.Errorf("unmarshal index: %w", err)}
	}
	var fitting, bare []ocispec.Descriptor
	for _, entry := range index.Manifests {
		switch {
		case entry.Platform == nil && root.MediaType == ocispec.MediaTypeImageIndex:
			bare = append(bare, entry)
		case entry.Platform != nil && fits(*entry.Platform, platform):
			fitting = append(fitting, entry)
		}
	}
	if len(fitting) == 0 {
		return bare, nil
	}
	return fitting, nil
}

// fits compares names as they are written, and looks at neither features
// nor versions of an operating system (internal/pkg/platform/
// platform_matcher.go, WantedPlatforms and MatchesPlatform).
func fits(entry ocispec.Platform, platform *ocispec.Platform) bool {
	if platform == nil {
		return contents.OfNodes(entry)
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
