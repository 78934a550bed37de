package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/answers"
	"github.com/pullgate/pullgate/resolver/registry/containerd"
	"github.com/pullgate/pullgate/resolver/registry/contents"
	"github.com/pullgate/pullgate/resolver/registry/crio"
	"github.com/pullgate/pullgate/resolver/registry/wire"
)

// evaluation is what nodes make of what a reference led to.
type evaluation struct {
	pull.Query
	store *contents.Store
	root  ocispec.Descriptor
	host  string // the registry's
	// passing is that what was read says more of the registry, or of who asked,
	// than of the content: a child that is missing is pushed, one that was
	// refused is given to others. It is not kept.
	passing bool
	// crio is what CRI-O was led to; nil: containerd's rules count.
	crio *crio.Image
	// byHeader is that it is refused for what the registry said of it, not for
	// what it is.
	byHeader bool
}

// find evaluates for every platform that counts.
func (e *evaluation) find(ctx context.Context) pull.Finding {
	switch {
	case strings.HasPrefix(e.root.MediaType, "text/html"):
		return answers.Unanswered(&wire.PageError{Host: e.host})
	case !images.IsManifestType(e.root.MediaType) && !images.IsIndexType(e.root.MediaType):
		return e.foreign(ctx)
	default:
		return e.evaluate(ctx)
	}
}

// evaluate asks for every kind of nodes.
func (e *evaluation) evaluate(ctx context.Context) pull.Finding {
	switch {
	case len(e.Platforms) == 0:
		return e.any(ctx)
	default:
		return e.all(ctx)
	}
}

// schema1 tells whether the registry has a manifest of Docker's first schema.
func (e *evaluation) schema1() bool { return e.root.MediaType == images.MediaTypeDockerSchema1Manifest }

// foreign says why content of a media type that containerd does not know is no
// image to it.
func (e *evaluation) foreign(ctx context.Context) pull.Finding {
	finding := pull.Finding{Reason: pull.UnsupportedImage, Detail: answers.OneLine(fmt.Sprintf("media type %q is that of no manifest", e.root.MediaType))}
	e.byHeader = true
	if e.schema1() { // core/transfer/local/pull.go
		finding.Detail = "schema 1 image manifests are no longer supported"
		finding.Node = containerd.Words(e.Image, fmt.Errorf("%s: %w", finding.Detail, errdefs.ErrInvalidArgument))
		return finding
	}
	var missing *contents.MissingError
	_, err := e.store.ReaderAt(ctx, e.root)
	switch {
	case err == nil:
		finding.Node = containerd.ForeignWords(e.Image, e.Runtimes == pull.ContainerdLocal, e.root)
	case errors.As(err, &missing):
		finding.Node = containerd.Words(e.Image, err)
	default:
		e.byHeader = false
		finding = answers.OfContent(err, e.Credential)
		finding.Node = containerd.Words(e.Image, err)
	}
	return finding
}

// any evaluates for nodes of which nothing is known: a platform for which it can
// be pulled is enough.
func (e *evaluation) any(ctx context.Context) pull.Finding {
	finding := pull.AnyOf(func(yield func(pull.Finding) bool) {
		for _, platform := range e.entryPlatforms(ctx) {
			for _, kind := range e.kinds(platform) {
				if !yield(kind.pull(ctx)) {
					return
				}
			}
		}
	})
	if finding.Reason == pull.PlatformMismatch {
		finding.Detail = "the index has no entry for any platform"
	}
	return finding
}

// maxGuesses is for how many of an index's platforms any tries.
const maxGuesses = 8

// entryPlatforms lists platforms that an index is for; nil alone stands for
// whatever comes first.
func (e *evaluation) entryPlatforms(ctx context.Context) []*ocispec.Platform {
	whatever := []*ocispec.Platform{nil}
	if e.crio != nil {
		var found []*ocispec.Platform
		for _, platform := range e.crio.Platforms() {
			found = append(found, &platform)
		}
		return append(found[:min(len(found), maxGuesses)], whatever[:max(0, 1-len(found))]...)
	}
	if !images.IsIndexType(e.root.MediaType) {
		return whatever
	}
	entries, err := images.Children(ctx, e.store, e.root)
	if err != nil {
		return whatever // the walk will meet the same error
	}
	var found []*ocispec.Platform
	for _, entry := range entries {
		if entry.Platform != nil && contents.OfNodes(*entry.Platform) && len(found) < maxGuesses {
			found = append(found, entry.Platform)
		}
	}
	if len(found) == 0 {
		return whatever
	}
	return found
}

// all evaluates for each kind of nodes.
func (e *evaluation) all(ctx context.Context) pull.Finding {
	finding, parts := pull.AllOf(func(yield func(part) bool) {
		for _, platform := range e.Platforms {
			for _, kind := range e.kinds(&platform) {
				if !yield(part{Of: kind, Finding: kind.pull(ctx)}) {
					return
				}
			}
		}
	}, e.differ)
	switch finding.Reason.Verdict() {
	case pull.Pullable:
		finding.Notes = append(finding.Notes, e.wrongArchitecture(ctx)...)
	case pull.Broken:
		finding = describeBroken(finding, parts)
	default: // nothing to add
	}
	if finding.Reason == pull.PlatformMismatch {
		finding.Offered = known(e.entryPlatforms(ctx))
		finding.Detail = answers.OneLine(finding.Detail + onlyFor(finding.Offered))
	}
	return finding
}

// part is what was found for one kind of nodes.
type part = pull.Part[nodeKind]

// differ notes the nodes that could not pull what others could.
func (e *evaluation) differ(broken []part) []pull.Note {
	var without []string
	var notes []pull.Note
	for _, kind := range broken {
		if kind.Reason == pull.PlatformMismatch {
			without = append(without, kind.Of.name)
			continue
		}
		e.passing = true
		notes = append(notes, mismatch("nodes of %s could not pull it: %s", kind.Of.name, kind.Detail))
	}
	if len(without) > 0 {
		notes = append(notes, mismatch("nodes of %s could not pull it: the index has no entry for them", strings.Join(without, ", ")))
	}
	return notes
}

// describeBroken names the platforms of an image that none of the nodes could
// pull, where that is what is wrong with it.
func describeBroken(finding pull.Finding, parts []part) pull.Finding {
	var without []string
	for _, kind := range parts {
		if kind.Reason != pull.PlatformMismatch {
			return finding
		}
		if name := platforms.FormatAll(*kind.Of.platform); !slices.Contains(without, name) {
			without = append(without, name)
		}
	}
	finding.Detail = "the index has no entry for " + strings.Join(without, ", ")
	return finding
}

// known leaves out what stands for whatever comes first.
func known(found []*ocispec.Platform) []ocispec.Platform {
	var all []ocispec.Platform
	for _, platform := range found {
		if platform != nil {
			all = append(all, *platform)
		}
	}
	return all
}

// onlyFor lists what an index is for.
func onlyFor(found []ocispec.Platform) string {
	var names []string
	for _, platform := range found {
		names = append(names, platforms.FormatAll(platform))
	}
	if len(names) == 0 {
		return ""
	}
	return ", but for " + strings.Join(names, ", ")
}

// configPlatform is what the config of a single manifest says.
func (e *evaluation) configPlatform(ctx context.Context) (ocispec.Platform, bool) {
	if e.crio != nil {
		return e.crio.ConfigPlatform(ctx)
	}
	manifest, err := images.Manifest(ctx, e.store, e.root, nil)
	if err != nil || manifest.Config.Size > contents.MaxConfig {
		return ocispec.Platform{}, false
	}
	is, err := images.ConfigPlatform(ctx, e.store, manifest.Config)
	return is, err == nil && is.OS != "" && is.Architecture != ""
}

// wrongArchitecture notes that a single manifest, whose platform no node looks
// at when it pulls, is for none of the nodes. It reads the config, and so is
// for depth layers.
func (e *evaluation) wrongArchitecture(ctx context.Context) []pull.Note {
	if !e.Layers || !images.IsManifestType(e.root.MediaType) {
		return nil
	}
	is, ok := e.configPlatform(ctx)
	if !ok {
		return nil
	}
	for _, platform := range e.Platforms {
		if platforms.Only(platform).Match(is) {
			return nil
		}
	}
	return []pull.Note{{Reason: pull.WrongArchitecture,
		Message: answers.OneLine(fmt.Sprintf("the image is for %s and will be pulled, but will not run on nodes of other platforms", platforms.FormatAll(is)))}}
}
