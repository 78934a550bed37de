package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
)

// readKey identifies what was read at a digest. The repository belongs to it,
// since children are looked for there, and so does what the registry said of
// the content, which containerd believes.
type readKey struct {
	repository, digest, mediaType, platforms string
	runtimes                                 pull.Runtimes
	size                                     int64
}

func (k *check) readKey(root ocispec.Descriptor) readKey {
	names := make([]string, 0, len(k.Platforms))
	for _, p := range k.Platforms {
		names = append(names, platforms.FormatAll(p))
	}
	return readKey{
		repository: k.Image.Name(), digest: root.Digest.String(), mediaType: root.MediaType,
		platforms: strings.Join(names, ","), runtimes: k.Runtimes, size: root.Size,
	}
}

// judge reads what a reference resolved to, for every platform that counts.
func (k *check) judge(ctx context.Context, s *store, root ocispec.Descriptor) pull.Finding {
	var finding pull.Finding
	switch {
	case strings.HasPrefix(root.MediaType, "text/html"):
		finding = inTrouble(&pageError{k.upstream().Host})
	case !images.IsManifestType(root.MediaType) && !images.IsIndexType(root.MediaType):
		finding = k.judgeForeign(ctx, s, root)
	case len(k.Platforms) == 0:
		finding = k.judgeAny(ctx, s, root)
	default:
		finding = k.judgeAll(ctx, s, root)
	}
	finding.Digest = root.Digest
	return finding
}

// judgeForeign says why content of a media type that containerd does not know
// is no image to it.
func (k *check) judgeForeign(ctx context.Context, s *store, root ocispec.Descriptor) pull.Finding {
	finding := pull.Finding{Reason: pull.UnsupportedImage, Detail: oneLine(fmt.Sprintf("media type %q is that of no manifest", root.MediaType))}
	if root.MediaType == images.MediaTypeDockerSchema1Manifest { // core/transfer/local/pull.go
		k.schema1 = true
		finding.Detail = "schema 1 image manifests are no longer supported"
		finding.Node = k.words(fmt.Errorf("%s: %w", finding.Detail, errdefs.ErrInvalidArgument))
		return k.explainRefused(ctx, finding)
	}
	var missing *missingError
	_, err := s.ReaderAt(ctx, root)
	switch {
	case err == nil: // core/images/image.go, Manifest
		finding.Node = k.unexpectedType(root)
	case errors.As(err, &missing):
		finding.Node = k.words(err)
	default:
		finding = judgePull(err, k.Credential)
		finding.Node = k.words(err)
		return finding
	}
	return k.explainRefused(ctx, finding)
}

// unexpectedType is what comes of content that was fetched as a blob.
func (k *check) unexpectedType(root ocispec.Descriptor) string {
	err := fmt.Errorf("unexpected media type %v for %v: %w", root.MediaType, root.Digest, errdefs.ErrNotFound)
	if k.Runtimes == pull.ContainerdLocal {
		return k.words(fmt.Errorf("failed to unpack image on snapshotter overlayfs: %w", err))
	}
	return rpcWords(fmt.Errorf("get image config descriptor: %w", err))
}

// judgeAny judges for nodes of which nothing is known: a platform for which it
// can be pulled is enough.
func (k *check) judgeAny(ctx context.Context, s *store, root ocispec.Descriptor) pull.Finding {
	var first *pull.Finding
	for _, platform := range entryPlatforms(ctx, s, root) {
		for _, kind := range k.nodeKinds(platform) {
			finding := k.judgeKind(ctx, s, root, kind)
			if finding.Reason.Verdict() != pull.Broken {
				return finding
			}
			if first == nil {
				first = &finding
			}
		}
	}
	if first.Reason == pull.PlatformMismatch {
		first.Detail = "the index has no entry for any platform"
	}
	return *first
}

// maxGuesses is for how many of an index's platforms judgeAny tries.
const maxGuesses = 8

// entryPlatforms lists platforms that an index is for; nil alone stands for
// whatever comes first.
func entryPlatforms(ctx context.Context, s *store, root ocispec.Descriptor) []*ocispec.Platform {
	whatever := []*ocispec.Platform{nil}
	if !images.IsIndexType(root.MediaType) {
		return whatever
	}
	entries, err := images.Children(ctx, s, root)
	if err != nil {
		return whatever // the walk will meet the same error
	}
	var found []*ocispec.Platform
	for _, entry := range entries {
		if entry.Platform != nil && (anyKnown{}).Match(*entry.Platform) && len(found) < maxGuesses {
			found = append(found, entry.Platform)
		}
	}
	if len(found) == 0 {
		return whatever
	}
	return found
}

// judgeAll judges for each kind of nodes.
func (k *check) judgeAll(ctx context.Context, s *store, root ocispec.Descriptor) pull.Finding {
	var judged []judgedKind
	for _, platform := range k.Platforms {
		for _, kind := range k.nodeKinds(&platform) {
			finding := k.judgeKind(ctx, s, root, kind)
			if finding.Reason.Verdict() == pull.Unknown {
				return finding
			}
			judged = append(judged, judgedKind{kind, finding})
		}
	}
	finding := k.combine(judged)
	if finding.Reason == pull.ReasonPullable {
		finding.Notes = append(finding.Notes, k.wrongArchitecture(ctx, s, root)...)
	}
	if finding.Reason == pull.PlatformMismatch {
		finding.Detail = oneLine(finding.Detail + onlyFor(entryPlatforms(ctx, s, root)))
	}
	return finding
}

// onlyFor lists what an index is for.
func onlyFor(found []*ocispec.Platform) string {
	var names []string
	for _, platform := range found {
		if platform != nil {
			names = append(names, platforms.FormatAll(*platform))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return ", but for " + strings.Join(names, ", ")
}

// judgeKind says whether nodes of one kind would get the image: yes if one of
// the ways that may be theirs succeeds.
func (k *check) judgeKind(ctx context.Context, s *store, root ocispec.Descriptor, kind nodeKind) pull.Finding {
	if len(kind.ways) == 0 {
		return k.judgeCRIO(ctx, s, root, kind.platform)
	}
	finding := k.judgePath(ctx, s, root, kind.ways[0])
	for _, way := range kind.ways[1:] {
		if finding.Reason.Verdict() != pull.Broken {
			break
		}
		other := k.judgePath(ctx, s, root, way)
		if other.Reason == pull.ReasonPullable && kind.platform != nil {
			other.Notes = []pull.Note{{Reason: pull.SomeNodesMismatch, Message: fmt.Sprintf(
				"nodes of %s can pull it by containerd's local path alone, not by the transfer service, the default since containerd 2.1: %s",
				platforms.FormatAll(*kind.platform), finding.Detail)}}
		}
		if other.Reason.Verdict() != pull.Broken {
			finding = other
		}
	}
	return finding
}

// judgePath pulls along one of containerd's ways.
func (k *check) judgePath(ctx context.Context, s *store, root ocispec.Descriptor, p path) pull.Finding {
	fetched, err := p.fetch(ctx, s, root)
	if err == nil {
		err = k.layers(ctx, fetched, p.local)
	}
	if err != nil {
		finding := judgePull(err, k.Credential)
		finding.Node = k.words(err)
		return finding
	}
	if err := p.pick(ctx, fetched, root); err != nil {
		finding := judgePull(err, k.Credential)
		finding.Node = rpcWords(err)
		return finding
	}
	return pull.Finding{Reason: pull.ReasonPullable}
}

// judgePull says what the error of one path means.
func judgePull(err error, credential pull.Credential) pull.Finding {
	var refused *refusedError
	var missing *missingError
	finding := pull.Finding{Reason: pull.RegistryError, Detail: oneLine(err.Error())}
	switch text := err.Error(); {
	case errors.As(err, &refused):
		finding.Reason = pull.UnsupportedImage
	case errors.As(err, &missing):
		finding.Reason, finding.Detail = pull.BlobMissing, missing.detail()
		if images.IsManifestType(missing.desc.MediaType) || images.IsIndexType(missing.desc.MediaType) {
			finding.Reason = pull.DigestNotFound
		}
	case errdefs.IsNotFound(err) && strings.Contains(text, "unexpected media type"): // core/images/image.go, Manifest
		finding.Reason = pull.UnsupportedImage
	case errdefs.IsNotFound(err) && (strings.Contains(text, "no match for platform") || strings.Contains(text, "content digest")):
		finding.Reason = pull.PlatformMismatch
	default:
		if finding = classify(err, credential); finding.Reason.NotFound() {
			finding.Reason = pull.RegistryError // nothing that is known to be so
		}
	}
	return finding
}
