package registry

import (
	"slices"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
)

// TestProbePlatforms is which nodes get what from an index.
func TestProbePlatforms(t *testing.T) {
	for _, tt := range slices.Concat(onePlatform(), oddEntries(), severalPlatforms(), windowsPlatforms(), singleManifests()) {
		if tt.reason == "" {
			tt.reason = pull.ReasonPullable
		}
		t.Run(tt.name, tt.run)
	}
}

// indexFor pushes an index with an entry for each platform.
func indexFor(platforms ...string) func(r *rig) {
	return func(r *rig) {
		var entries []ocispec.Descriptor
		for _, platform := range platforms {
			entries = append(entries, r.entry(platform))
		}
		r.index("index", "1", entries...)
	}
}

const noMatch = "rpc error: code = NotFound desc = get image config descriptor: no match for platform in manifest {index}: not found"

func onePlatform() []row {
	one := []pull.NoteReason{pull.SomeNodesMismatch}
	return []row{
		{name: "no entry", setup: indexFor("linux/arm64", "linux/s390x"),
			reason: pull.PlatformMismatch, detail: "the index has no entry for linux/amd64, but for linux/arm64, linux/s390x", node: noMatch,
			requests: "HEAD 1, GET @index, HEAD 1, GET @index"},
		{name: "an entry without platform beside another", setup: func(r *rig) {
			r.index("index", "1", bare(r.entry("linux/amd64")), r.entry("linux/arm64"))
		},
			reason: pull.PlatformMismatch, detail: "the index has no entry for linux/amd64, but for linux/arm64",
			node:     "rpc error: code = NotFound desc = failed to update image store \"{linux-amd64.config}\": get image info from containerd: get image compressed resource size: content digest {linux-arm64}: not found",
			requests: "HEAD 1, GET @index, GET @linux-amd64, GET blob @linux-amd64.config, HEAD 1, GET @index, GET @linux-amd64, GET blob @linux-amd64.config"},
		{name: "empty index", setup: indexFor(),
			reason: pull.PlatformMismatch, detail: "the index has no entry for linux/amd64", node: noMatch,
			requests: "HEAD 1, GET @index, HEAD 1, GET @index"},
		{name: "attestations alone", setup: func(r *rig) { r.index("index", "1", r.attestation()) },
			reason: pull.PlatformMismatch, detail: "the index has no entry for linux/amd64", node: noMatch,
			requests: "HEAD 1, GET @index, HEAD 1, GET @index"},
		{name: "attestations alone, on nodes of which nothing is known", platforms: []string{},
			setup:  func(r *rig) { r.index("index", "1", r.attestation()) },
			reason: pull.PlatformMismatch, detail: "the index has no entry for any platform", node: noMatch,
			requests: "HEAD 1, GET @index, HEAD 1, GET @index"},
		{name: "any platform will do", platforms: []string{}, setup: indexFor("linux/s390x", "linux/arm64"),
			requests: "HEAD 1, GET @index, GET @linux-s390x"},
		{name: "any platform will do, though one is gone", platforms: []string{},
			setup: func(r *rig) {
				gone := r.entry("linux/s390x")
				r.index("index", "1", gone, r.entry("linux/arm64"))
				r.delete("manifests", gone)
			},
			requests: "HEAD 1, GET @index, GET @linux-s390x, GET @linux-arm64"},
		{name: "amd64/v1 for amd64", setup: indexFor("linux/amd64/v1"),
			requests: "HEAD 1, GET @index, GET @linux-amd64-v1"},
		{name: "arm64/v8 for arm64", platforms: []string{"linux/arm64"}, setup: indexFor("linux/arm64/v8"),
			requests: "HEAD 1, GET @index, GET @linux-arm64-v8"},
		{name: "arm64 for arm64/v8", platforms: []string{"linux/arm64/v8"}, setup: indexFor("linux/arm64"),
			requests: "HEAD 1, GET @index, GET @linux-arm64"},
		{name: "386 alone for amd64: the local path takes it", setup: indexFor("linux/386"), notes: one,
			requests: "HEAD 1, GET @index, GET @linux-386"},
		{name: "arm/v7 alone for arm64: the local path takes it", platforms: []string{"linux/arm64"}, setup: indexFor("linux/arm/v7"), notes: one,
			requests: "HEAD 1, GET @index, GET @linux-arm-v7"},
		{name: "386 beside amd64", setup: indexFor("linux/386", "linux/amd64"),
			requests: "HEAD 1, GET @index, GET @linux-amd64"},
		{name: "amd64/v2 alone", setup: indexFor("linux/amd64/v2"),
			reason: pull.PlatformMismatch, detail: "no entry for linux/amd64", node: noMatch,
			requests: "HEAD 1, GET @index, HEAD 1, GET @index"},
		{name: "arm64/v9 alone", platforms: []string{"linux/arm64"}, setup: indexFor("linux/arm64/v9"),
			reason: pull.PlatformMismatch, detail: "no entry for linux/arm64", node: noMatch,
			requests: "HEAD 1, GET @index, HEAD 1, GET @index"},
	}
}

func oddEntries() []row {
	return []row{
		{name: "an entry that asks for a feature", setup: func(r *rig) {
			entry := r.entry("linux/amd64")
			entry.Platform.OSFeatures = []string{"sse9"}
			r.index("index", "1", entry)
		},
			notes:    []pull.NoteReason{pull.SomeNodesMismatch}, // containerd before 2.3 overlooks it
			requests: "HEAD 1, GET @index, GET @linux-amd64"},
		{name: "entries without platform: the first is looked at alone", setup: func(r *rig) {
			r.index("index", "1", bare(r.entry("linux/arm64")), bare(r.entry("linux/amd64")))
		},
			reason: pull.PlatformMismatch, detail: "no entry for linux/amd64", node: noMatch,
			requests: "HEAD 1, GET @index, GET @linux-arm64, GET @linux-amd64, GET blob @linux-arm64.config, HEAD 1, GET @index, GET @linux-arm64, GET @linux-amd64, GET blob @linux-arm64.config"},
		{name: "an entry of another type than images have", setup: func(r *rig) {
			entry := r.entry("linux/amd64")
			entry.MediaType = "application/vnd.example"
			r.index("index", "1", entry)
		},
			reason: pull.UnsupportedImage, detail: "could not fetch content descriptor",
			node:     absent + pulling + "failed to copy: httpReadSeeker: failed open: could not fetch content descriptor {linux-amd64} (application/vnd.example) from remote: not found",
			requests: "HEAD 1, GET @index, GET blob @linux-amd64, HEAD 1, GET @index, GET blob @linux-amd64"},
		{name: "an entry of another type that is there", setup: func(r *rig) {
			entry := amd64(r.blob("text", "text/plain", []byte("text")))
			r.index("index", "1", entry)
		},
			reason: pull.UnsupportedImage, detail: "unexpected media type text/plain",
			node:     absent + "get image config descriptor: unexpected media type text/plain for {text}: not found",
			requests: "HEAD 1, GET @index, GET blob @text, HEAD 1, GET @index, GET blob @text"},
		{name: "an entry of another type for another platform", setup: func(r *rig) {
			entry := r.entry("linux/arm64")
			entry.MediaType = "application/vnd.example"
			r.index("index", "1", r.entry("linux/amd64"), entry)
		},
			requests: "HEAD 1, GET @index, GET @linux-amd64"},
		{name: "an entry that is wrong about its platform", layers: true, setup: func(r *rig) {
			entry := r.entry("linux/arm64")
			entry.Platform.Architecture = "amd64"
			r.index("index", "1", entry)
		},
			requests: "HEAD 1, GET @index, GET @linux-arm64, GET blob @linux-arm64.config, GET blob @linux-arm64.layer"},
	}
}

func severalPlatforms() []row {
	some := []pull.NoteReason{pull.SomeNodesMismatch}
	both := []string{"linux/amd64", "linux/arm64"}
	return []row{
		{name: "one of two", platforms: both, setup: indexFor("linux/amd64"), notes: some,
			requests: "HEAD 1, GET @index, GET @linux-amd64"},
		{name: "the other of two", platforms: both, setup: indexFor("linux/arm64"), notes: some,
			requests: "HEAD 1, GET @index, GET @linux-arm64"},
		{name: "both", platforms: both, setup: indexFor("linux/arm64", "linux/amd64"),
			requests: "HEAD 1, GET @index, GET @linux-amd64, GET @linux-arm64"},
		{name: "neither", platforms: both, setup: indexFor("linux/s390x"),
			reason: pull.PlatformMismatch, detail: "no entry for linux/amd64, linux/arm64", node: noMatch,
			requests: "HEAD 1, GET @index, HEAD 1, GET @index"},
		{name: "one gone, one without an entry", platforms: both, setup: func(r *rig) {
			gone := r.entry("linux/amd64")
			r.index("index", "1", gone)
			r.delete("manifests", gone)
		},
			reason: pull.DigestNotFound, detail: "does not have the manifest {linux-amd64}", node: "not found",
			requests: "HEAD 1, GET @index, GET @linux-amd64, HEAD 1, GET @index, GET @linux-amd64, GET @linux-amd64"},
		{name: "one gone, one there", platforms: both, setup: func(r *rig) {
			gone := r.entry("linux/amd64")
			r.index("index", "1", gone, r.entry("linux/arm64"))
			r.delete("manifests", gone)
		},
			notes:    some,
			requests: "HEAD 1, GET @index, GET @linux-amd64, GET @linux-arm64"},
		{name: "one unknown, one there", platforms: both, setup: func(r *rig) {
			r.index("index", "1", r.entry("linux/amd64"), r.entry("linux/arm64"))
			r.on("GET @linux-amd64", status(429))
		},
			reason: pull.RateLimited, detail: "answered 429", node: "429 Too Many Requests",
			requests: "HEAD 1, GET @index, GET @linux-amd64"},
	}
}

func windowsPlatforms() []row {
	windows := func(r *rig) {
		entry := r.entry("windows/amd64")
		entry.Platform.OSVersion = "10.0.20348.1234"
		r.index("index", "1", r.entry("linux/amd64"), entry)
	}
	return []row{
		{name: "windows", platforms: []string{"windows(10.0.20348.9)/amd64"}, setup: windows,
			requests: "HEAD 1, GET @index, GET @windows-amd64"},
		{name: "windows, newer than the image", platforms: []string{"windows(10.0.26100.1)/amd64"}, setup: windows,
			requests: "HEAD 1, GET @index, GET @windows-amd64"},
		{name: "windows, too old for the image", platforms: []string{"windows(10.0.17763.1)/amd64"}, setup: windows,
			reason: pull.PlatformMismatch, detail: "no entry for windows(10.0.17763.1)/amd64", node: noMatch,
			requests: "HEAD 1, GET @index, HEAD 1, GET @index"},
		{name: "windows knows no fallback", platforms: []string{"windows/amd64"}, setup: indexFor("windows/386"),
			reason: pull.PlatformMismatch, detail: "no entry for windows/amd64", node: noMatch,
			requests: "HEAD 1, GET @index, HEAD 1, GET @index"},
		{name: "windows and linux", platforms: []string{"linux/amd64", "windows/amd64"}, setup: windows,
			requests: "HEAD 1, GET @index, GET @linux-amd64, GET @windows-amd64"},
	}
}

func singleManifests() []row {
	both := []string{"linux/amd64", "linux/arm64"}
	return []row{
		{name: "a single manifest has no platform", setup: func(r *rig) { r.single("manifest", "1", "windows/arm64") },
			requests: "HEAD 1, GET @manifest"},
		{name: "a single manifest will not run", layers: true, setup: func(r *rig) { r.single("manifest", "1", "linux/arm64") },
			notes:    []pull.NoteReason{pull.WrongArchitecture},
			requests: "HEAD 1, GET @manifest, GET blob @manifest.config, GET blob @manifest.layer"},
		{name: "a single manifest runs on some", layers: true, platforms: both, setup: func(r *rig) { r.single("manifest", "1", "linux/arm64") },
			requests: "HEAD 1, GET @manifest, GET blob @manifest.config, GET blob @manifest.layer"},
		{name: "a single manifest for 386 runs on amd64", layers: true, setup: func(r *rig) { r.single("manifest", "1", "linux/386") },
			requests: "HEAD 1, GET @manifest, GET blob @manifest.config, GET blob @manifest.layer"},
	}
}
