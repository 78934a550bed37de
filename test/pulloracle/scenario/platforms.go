package scenario

import (
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/test/pulloracle/content"
)

// platforms are about which entry of an index a node of linux/amd64 takes.
func platforms() []Scenario {
	list := append(matching(), mismatching()...)
	list = append(list, besideBare()...)
	return append(list, lostChildren()...)
}

func entries(platforms ...string) content.Index {
	var index content.Index
	for _, platform := range platforms {
		index.Entries = append(index.Entries, content.Entry{Platform: platform})
	}
	return index
}

func matching() []Scenario {
	bare := func(platform string) content.Entry { return content.Entry{Of: content.Image{Platform: platform}} }
	return []Scenario{
		{Name: "platform-386", About: "the local path alone falls back to 386", Holds: entries("linux/386")},
		{Name: "platform-386-arm64", About: "386 beside arm64", Holds: entries("linux/arm64", "linux/386")},
		{Name: "platform-386-first", About: "386 before amd64", Holds: entries("linux/386", "linux/amd64")},
		{Name: "platform-v1", About: "amd64/v1 is amd64", Holds: entries("linux/amd64/v1")},
		{Name: "platform-v1-and-v3", About: "amd64/v3 before amd64/v1", Holds: entries("linux/amd64/v3", "linux/amd64/v1")},
		{Name: "platform-x86-64", About: "x86_64 is amd64", Holds: entries("linux/x86_64")},
		{Name: "platform-upper", About: "platforms in upper case", Holds: entries("Linux/AMD64")},
		{Name: "platform-no-os", About: "no operating system means Linux", Holds: content.Index{Entries: []content.Entry{{Platform: "/amd64", Of: content.Image{}}}}},
		{Name: "platform-os-version", About: "a version of Linux says nothing", Holds: content.Index{Entries: []content.Entry{
			{Platform: "linux/amd64", Change: func(d *ocispec.Descriptor) { d.Platform.OSVersion = "6.1" }}}}},
		{Name: "platform-bare", About: "an entry without a platform: the config tells", Holds: content.Index{Entries: []content.Entry{bare("")}}},
		{Name: "platform-bare-amd64-arm64", About: "entries without platforms: amd64, arm64", Holds: content.Index{Entries: []content.Entry{bare(""), bare("linux/arm64")}}},
		{Name: "platform-bare-arm64-amd64", About: "entries without platforms: arm64, amd64; only the first counts", Want: want(pull.PlatformMismatch),
			Holds: content.Index{Entries: []content.Entry{bare("linux/arm64"), bare("")}}},
		{Name: "platform-bare-beside", About: "amd64 beside an entry without a platform", Holds: content.Index{Entries: []content.Entry{bare("linux/arm64"), {Platform: "linux/amd64"}}}},
		{Name: "platform-lies", About: "an entry for amd64 whose config says arm64", Holds: content.Index{Entries: []content.Entry{
			{Platform: "linux/amd64", Of: content.Image{Platform: "linux/arm64"}}}}},
		{Name: "platform-attested", About: "amd64 and its attestation", Holds: content.Index{Entries: []content.Entry{{Platform: "linux/amd64"}, attestation()}}},
		{Name: "platform-two", About: "two entries for amd64", Holds: entries("linux/amd64", "linux/amd64")},
		{Name: "platform-chart", About: "an index with an artifact beside amd64", Holds: content.Index{Entries: []content.Entry{
			{Of: content.Image{ConfigType: helmConfig, Config: named, Layers: []content.Layer{{Type: helmChart, Gzip: true}}}},
			{Platform: "linux/amd64"}}}},
		{Name: "platform-many", About: "twenty platforms", Holds: entries(
			"aix/ppc64", "darwin/amd64", "darwin/arm64", "freebsd/amd64", "freebsd/arm64", "linux/386", "linux/arm/v5", "linux/arm/v6",
			"linux/arm/v7", "linux/arm64", "linux/loong64", "linux/mips64le", "linux/ppc64le", "linux/riscv64", "linux/s390x",
			"linux/amd64/v2", "linux/amd64/v3", "windows/arm64", "windows/amd64", "linux/amd64")},
	}
}

func attestation() content.Entry {
	return content.Entry{Platform: "unknown/unknown", Of: content.Image{
		Platform: "none", Layers: []content.Layer{{Type: "application/vnd.in-toto+json", Data: `{"seed":"SEED"}`}}}}
}

func mismatching() []Scenario {
	mismatch := want(pull.PlatformMismatch)
	return []Scenario{
		{Name: "platform-none", About: "an index without entries", Holds: content.Index{}, Want: mismatch},
		{Name: "platform-other", About: "arm64 and s390x", Holds: entries("linux/arm64", "linux/s390x"), Want: mismatch},
		{Name: "platform-other-list", About: "Docker's list of arm64", Want: mismatch,
			Holds: content.Index{Docker: true, Entries: []content.Entry{{Platform: "linux/arm64"}}}},
		{Name: "platform-other-digest", About: "arm64 by digest", Image: digestImage, Holds: entries("linux/arm64"), Want: mismatch},
		{Name: "platform-windows", About: "Windows", Holds: entries("windows/amd64"), Want: mismatch},
		{Name: "platform-arm", About: "arm/v7, which arm64 could fall back to", Holds: entries("linux/arm/v7"), Want: mismatch},
		{Name: "platform-v2", About: "amd64/v2", Holds: entries("linux/amd64/v2"), Want: mismatch},
		{Name: "platform-v3", About: "amd64/v3 and arm64", Holds: entries("linux/amd64/v3", "linux/arm64"), Want: mismatch},
		{Name: "platform-attestations", About: "attestations alone", Holds: content.Index{Entries: []content.Entry{attestation(), attestation()}}, Want: mismatch},
		{Name: "platform-bare-arm64", About: "an entry without a platform, whose config says arm64", Want: mismatch,
			Holds: content.Index{Entries: []content.Entry{{Of: content.Image{Platform: "linux/arm64"}}}}},
		{Name: "platform-bare-none", About: "an entry without a platform, whose config says nothing", Want: mismatch,
			Holds: content.Index{Entries: []content.Entry{{Of: content.Image{Platform: "none"}}}}},
		{Name: "platform-features", About: "an entry that wants features of the operating system", Want: mismatch,
			Holds: content.Index{Entries: []content.Entry{{Platform: "linux/amd64",
				Change: func(d *ocispec.Descriptor) { d.Platform.OSFeatures = []string{"sse4"} }}}}},
		{Name: "platform-nested-other", About: "an index within an index, of arm64 alone", Want: mismatch,
			Holds: content.Index{Entries: []content.Entry{{Platform: "linux/amd64", Of: entries("linux/arm64")}}}},
		{Name: "platform-nested-hidden", About: "amd64 beneath an entry for arm64", Want: mismatch,
			Holds: content.Index{Entries: []content.Entry{{Platform: "linux/arm64", Of: entries("linux/amd64")}}}},
		{Name: "platform-empty", About: "an entry whose platform is empty, beside none", Want: mismatch,
			Holds: content.Index{Entries: []content.Entry{{Platform: "/", Of: content.Image{}}}}},
		{Name: "platform-entry-type", About: "an entry of another type than images have", Want: want(pull.PlatformMismatch, pull.UnsupportedImage),
			Holds: content.Index{Entries: []content.Entry{{Platform: "linux/amd64",
				Change: func(d *ocispec.Descriptor) { d.MediaType = exampleType }}}}},
		{Name: "platform-entry-no-type", About: "an entry without a type", Want: want(pull.PlatformMismatch, pull.UnsupportedImage),
			Holds: content.Index{Entries: []content.Entry{{Platform: "linux/amd64",
				Change: func(d *ocispec.Descriptor) { d.MediaType = "" }}}}},
	}
}

// besideBare are entries without a platform beside others. A node takes the size
// of the image from the first entry of all, and those without come last.
func besideBare() []Scenario {
	mismatch := want(pull.PlatformMismatch)
	bare := content.Entry{Of: content.Image{}}
	index := func(entries ...content.Entry) content.Index { return content.Index{Entries: entries} }
	return []Scenario{
		{Name: "platform-bare-before-arm64", About: "an entry without a platform, whose config says amd64, before one for arm64", Want: mismatch,
			Holds: index(bare, content.Entry{Platform: "linux/arm64"})},
		{Name: "platform-bare-after-arm64", About: "an entry without a platform, whose config says amd64, after one for arm64", Want: mismatch, Image: digestImage,
			Holds: index(content.Entry{Platform: "linux/arm64"}, bare)},
		{Name: "platform-bare-attested", About: "an entry without a platform, and its attestation", Want: mismatch,
			Holds: index(bare, attestation())},
		{Name: "platform-bare-index-arm64", About: "an index without a platform, and arm64 beside it", Want: mismatch,
			Holds: index(content.Entry{Of: amd64AndArm64()}, content.Entry{Platform: "linux/arm64"})},
		{Name: "platform-bare-386", About: "an entry without a platform before one for 386", Want: want(pull.ReasonPullable),
			Holds: index(bare, content.Entry{Platform: "linux/386"})},
		{Name: "platform-bare-twice", About: "two entries without platforms, both for amd64", Holds: index(bare, bare)},
		{Name: "platform-bare-lost-arm64", About: "an entry without a platform before one for arm64 that is gone", Want: mismatch,
			Holds: index(bare, content.Entry{Platform: "linux/arm64", Missing: true})},
	}
}

// lostChildren are indexes of which something is gone or wrong.
func lostChildren() []Scenario {
	gone := want(pull.DigestNotFound, pull.BlobMissing)
	lost := content.Entry{Platform: "linux/amd64", Missing: true}
	return []Scenario{
		{Name: "child-gone", About: "the image for amd64 is gone", Want: gone,
			Holds: content.Index{Entries: []content.Entry{{Platform: "linux/arm64"}, lost}}},
		{Name: "child-gone-of-other", About: "the image for arm64 is gone, which nobody asks for",
			Holds: content.Index{Entries: []content.Entry{{Platform: "linux/arm64", Missing: true}, {Platform: "linux/amd64"}}}},
		{Name: "child-gone-of-two", About: "two entries for amd64, the first of which is gone", Want: gone,
			Holds: content.Index{Entries: []content.Entry{lost, {Platform: "linux/amd64"}}}},
		{Name: "child-gone-second-of-two", About: "two entries for amd64, the second of which is gone: the local path takes one",
			Holds: content.Index{Entries: []content.Entry{{Platform: "linux/amd64"}, lost}}},
		{Name: "child-gone-386", About: "amd64 is gone, 386 is there", Want: gone,
			Holds: content.Index{Entries: []content.Entry{lost, {Platform: "linux/386"}}}},
		{Name: "child-gone-bare", About: "an entry without a platform is gone, amd64 is there: the local path takes one",
			Holds: content.Index{Entries: []content.Entry{{Missing: true, Of: content.Image{}}, {Platform: "linux/amd64"}}}},
		{Name: "child-nested-gone", About: "the index within the index is gone", Want: gone,
			Holds: content.Index{Entries: []content.Entry{{Platform: "linux/amd64", Of: amd64AndArm64(), Missing: true}}}},
		{Name: "child-size", About: "an entry that tells a wrong size", Want: want(pull.UnsupportedImage),
			Holds: content.Index{Entries: []content.Entry{{Platform: "linux/amd64", Change: func(d *ocispec.Descriptor) { d.Size++ }}}}},
		{Name: "child-size-zero", About: "an entry of no bytes", Want: want(pull.UnsupportedImage),
			Holds: content.Index{Entries: []content.Entry{{Platform: "linux/amd64", Change: func(d *ocispec.Descriptor) { d.Size = 0 }}}}},
		{Name: "child-digest", About: "an entry whose digest is none", Want: want(pull.UnsupportedImage),
			Holds: content.Index{Entries: []content.Entry{{Platform: "linux/amd64", Change: func(d *ocispec.Descriptor) { d.Digest = "sha256:0" }}}}},
		{Name: "child-spoilt", About: "the image for amd64 has other bytes", Want: want(pull.UnsupportedImage), Holds: entries("linux/amd64"),
			Faults: []Fault{{Method: get, Object: ofChild, Spoil: true}}},
		{Name: "child-429", About: "too many requests, just for the image of the index", Want: want(pull.RateLimited), Holds: entries("linux/amd64"),
			Faults: []Fault{status(429, ofChild).saying("TOOMANYREQUESTS", "slow down")}},
		{Name: "child-500", About: "an internal error, just for the image of the index", Want: want(pull.RegistryError), Holds: entries("linux/amd64"),
			Faults: []Fault{status(500, ofChild)}},
		{Name: "child-403", About: "no access to the image of the index", Want: want(pull.CredentialsRequired), Holds: entries("linux/amd64"),
			Faults: []Fault{status(403, ofChild).saying("DENIED", "no")}},
	}
}
