package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
)

// readKey identifies what was read at a digest. The repository belongs to it,
// since children are looked for there, and so does what the registry said of
// the content, which containerd believes.
type readKey struct {
	repository, digest, mediaType, platforms string
	size                                     int64
}

func (k *check) readKey(root ocispec.Descriptor) readKey {
	names := make([]string, 0, len(k.Platforms))
	for _, p := range k.Platforms {
		names = append(names, platforms.FormatAll(p))
	}
	return readKey{
		repository: k.Image.Name(), digest: root.Digest.String(), mediaType: root.MediaType,
		platforms: strings.Join(names, ","), size: root.Size,
	}
}

// judge reads what a reference resolved to, for every platform that counts.
func (k *check) judge(ctx context.Context, s *store, root ocispec.Descriptor) pull.Finding {
	if strings.HasPrefix(root.MediaType, "text/html") {
		// A page, not a manifest: a portal or a proxy stands in between.
		return pull.Finding{Reason: pull.RegistryError, Detail: k.Image.String() + " leads to a page in HTML instead of a manifest"}
	}
	if root.MediaType == images.MediaTypeDockerSchema1Manifest {
		return pull.Finding{Reason: pull.UnsupportedImage, Digest: root.Digest,
			Detail: "schema 1 image manifests are no longer supported", Node: "schema 1 image manifests are no longer supported: invalid argument"}
	}
	if len(k.Platforms) == 0 {
		finding := k.judgePlatform(ctx, s, root, nil)
		finding.Digest = root.Digest
		return finding
	}
	perPlatform := make([]pull.Finding, 0, len(k.Platforms))
	for _, platform := range k.Platforms {
		perPlatform = append(perPlatform, k.judgePlatform(ctx, s, root, &platform))
	}
	finding := k.combine(perPlatform)
	finding.Digest = root.Digest
	finding.Notes = append(finding.Notes, k.wrongArchitecture(ctx, s, root)...)
	return finding
}

// wrongArchitecture notes that a single manifest, whose platform no node looks
// at when it pulls, is for none of the nodes. It reads the config, and so is
// for depth layers.
func (k *check) wrongArchitecture(ctx context.Context, s *store, root ocispec.Descriptor) []pull.Note {
	if !k.Layers || !images.IsManifestType(root.MediaType) {
		return nil
	}
	manifest, err := images.Manifest(ctx, s, root, nil)
	if err != nil {
		return nil
	}
	is, err := images.ConfigPlatform(ctx, s, manifest.Config)
	if err != nil || is.OS == "" || is.Architecture == "" {
		return nil
	}
	for _, platform := range k.Platforms {
		if platforms.Only(platform).Match(is) {
			return nil
		}
	}
	return []pull.Note{{Reason: pull.WrongArchitecture,
		Message: fmt.Sprintf("the image is for %s and will be pulled, but will not run on nodes of other platforms", platforms.Format(is))}}
}

// judgePlatform says whether nodes of one platform would get the image: yes if
// one of containerd's two ways succeeds, since nobody knows which is theirs.
func (k *check) judgePlatform(ctx context.Context, s *store, root ocispec.Descriptor, platform *ocispec.Platform) pull.Finding {
	var findings []pull.Finding
	for _, path := range paths(platform) {
		manifest, err := path.pull(ctx, s, root, platform)
		if err == nil {
			err = k.layers(ctx, s, manifest)
		}
		if err == nil {
			return pull.Finding{Reason: pull.ReasonPullable}
		}
		finding := judgePull(err, k.Credential)
		finding.Node = path.prefix + oneLine(err.Error())
		findings = append(findings, finding)
	}
	for _, finding := range findings {
		if finding.Reason.Verdict() != pull.Broken {
			return finding
		}
	}
	return findings[0]
}

// combine makes one finding of those of the nodes' platforms: broken only
// where all are, and a note where they differ.
func (k *check) combine(perPlatform []pull.Finding) pull.Finding {
	var failing []string
	pulled, unknown := -1, -1
	for i, finding := range perPlatform {
		switch finding.Reason.Verdict() {
		case pull.Pullable:
			pulled = i
			continue
		case pull.Unknown:
			unknown = i
		}
		failing = append(failing, platforms.Format(k.Platforms[i]))
	}
	switch {
	case len(failing) == 0:
		return perPlatform[0]
	case pulled >= 0 && unknown < 0:
		finding := perPlatform[pulled]
		finding.Notes = append(finding.Notes, pull.Note{Reason: pull.SomeNodesMismatch,
			Message: fmt.Sprintf("nodes of %s could not pull it: the index has no entry for them", strings.Join(failing, ", "))})
		return finding
	case unknown >= 0:
		return perPlatform[unknown]
	}
	finding := perPlatform[0]
	if finding.Reason == pull.PlatformMismatch {
		finding.Detail = fmt.Sprintf("the index has no entry for %s", strings.Join(failing, ", "))
	}
	return finding
}

// layers makes sure that config and layers are there: each is asked for and
// let go after its first byte. HEAD is no proof, since proxies answer 404 to
// it for what they would fetch on GET.
func (k *check) layers(ctx context.Context, s *store, manifest ocispec.Manifest) error {
	if !k.Layers {
		return nil
	}
	for _, blob := range append([]ocispec.Descriptor{manifest.Config}, manifest.Layers...) {
		if err := s.exists(ctx, blob); err != nil {
			return err
		}
	}
	return nil
}

// exists opens a blob and reads its first byte.
func (s *store) exists(ctx context.Context, blob ocispec.Descriptor) error {
	if s.present[blob.Digest] {
		return nil
	}
	blob.URLs = nil
	body, err := s.fetcher.Fetch(ctx, blob)
	if err != nil {
		return fmt.Errorf("failed to copy: %w", err)
	}
	_, err = io.ReadFull(body, make([]byte, 1))
	if errors.Is(err, io.EOF) {
		err = nil // an empty layer is one
	}
	if err := errors.Join(err, body.Close()); err != nil {
		return fetchError(blob, err)
	}
	s.present[blob.Digest] = true
	return nil
}
