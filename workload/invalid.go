package workload

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/opencontainers/go-digest"
)

// NamePart is a part of an image's name.
type NamePart string

// The parts of a name, a closed set.
const (
	WholeName  NamePart = "name" // it cannot be taken apart
	HostPart   NamePart = "host"
	PathPart   NamePart = "path"
	TagPart    NamePart = "tag"
	DigestPart NamePart = "digest"
)

// NameCause is the usual cause of a fault in a name.
type NameCause uint8

// The causes, a closed set.
const (
	BadLetters        NameCause = iota // letters that may not stand there
	EmptyName                          // nothing, or nothing but blanks
	WhiteSpace                         // blanks or line breaks in the name or around it
	Placeholder                        // nobody filled it in
	KoImportPath                       // ko://, which ko has to build first
	Scheme                             // such as https://
	UpperCase                          // it would parse in lower case
	NothingAfterColon                  // "app:" or "app@", as of an empty variable
	RewrittenNumber                    // 2.4e+06, which YAML or Helm made of 2400000
	PlusSign                           // of a semantic version's build
	NameTooLong                        // more than 255 characters of path or 128 of tag
	ImageID                            // 64 hexadecimal digits alone
	DigestLength                       // too few or too many digits for the algorithm
)

// NameFault is what is wrong with an image's name.
type NameFault struct {
	Part  NamePart
	Cause NameCause
	// Text is the part as written; all of it for WholeName.
	Text string
}

// The limits of distribution/reference v0.6.0 (TagRegexp and
// RepositoryNameTotalLengthMax).
const (
	maxTag  = 128
	maxPath = 255
)

var (
	// placeholder is what templates hold and no image's name does, by those
	// who fill it in: Helm and Jinja, envsubst and Flux, shells and make,
	// token replacers, people, Windows, autoconf, secret managers.
	placeholder = regexp.MustCompile(`(?s)\{\{.*?\}\}|\{\{|\}\}|\$\{[^}]*\}?|\$\(|\$[A-Za-z_]|#\{[^}]*\}?#?|<[^<>]+>|%[A-Za-z_]+%|__[A-Za-z0-9_.]+__|@[A-Z_]+@|\[\[|\(\(|^(ref\+|vault:).*`)
	// upperWord is a name that is one word in upper case, which none can be.
	upperWord = regexp.MustCompile(`^[A-Z][A-Z0-9_-]*$`)
	// floating is a number as it is written by who took a tag for one.
	floating = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?[eE]\+?[0-9]+$`)
	// imageID is what distribution/reference takes for an image's ID.
	imageID = regexp.MustCompile(`^[a-f0-9]{64}$`)
)

const ko = "ko://"

// Unfilled tells whether a tool is still to fill an image's name in: it holds a
// placeholder, or is an import path for ko.
func Unfilled(image string) bool {
	return strings.HasPrefix(image, ko) || upperWord.MatchString(image) || placeholder.MatchString(image)
}

// FaultOf says which part of a name that ParseReference refuses is at fault,
// and what the usual cause is.
func FaultOf(image string) NameFault {
	whole := func(cause NameCause) NameFault { return NameFault{WholeName, cause, image} }
	trimmed := strings.TrimSpace(image)
	scheme, _, schemed := strings.Cut(trimmed, "://")
	switch {
	case trimmed == "":
		return whole(EmptyName)
	case strings.HasPrefix(trimmed, ko):
		return whole(KoImportPath)
	case Unfilled(trimmed):
		return placeholderIn(image)
	case strings.ContainsFunc(image, unicode.IsSpace):
		return whole(WhiteSpace)
	case schemed:
		return NameFault{HostPart, Scheme, scheme + "://"}
	case imageID.MatchString(image):
		return whole(ImageID)
	default:
		return faultIn(takeApart(image))
	}
}

// nameParts is a name taken apart as it was meant, be it that something in it
// is wrong.
type nameParts struct {
	host, path, tag, digest string
	tagged, digested        bool
}

// takeApart cuts a name at its @, at the last colon if no slash follows, and at
// the first slash if what comes before looks like a host (distribution/reference
// v0.6.0, splitDockerDomain).
func takeApart(image string) (p nameParts) {
	rest, after, found := strings.Cut(image, "@")
	p.digest, p.digested = after, found
	if colon := strings.LastIndexByte(rest, ':'); colon > strings.LastIndexByte(rest, '/') {
		rest, p.tag, p.tagged = rest[:colon], rest[colon+1:], true
	}
	p.path = rest
	host, path, cut := strings.Cut(rest, "/")
	if cut && (host == "localhost" || strings.ContainsAny(host, ".:") || host != strings.ToLower(host)) {
		p.host, p.path = host, path
	}
	return p
}

// placeholderIn says which part holds the placeholder. If there are several, or
// one of a shape that cannot be cut out, it is the whole name.
func placeholderIn(image string) NameFault {
	p, found := takeApart(image), placeholder.FindAllString(image, -1)
	if len(found) == 1 {
		for _, f := range []NameFault{{HostPart, Placeholder, p.host}, {PathPart, Placeholder, p.path}, {TagPart, Placeholder, p.tag}, {DigestPart, Placeholder, p.digest}} {
			if strings.Contains(f.Text, found[0]) && f.Text != image {
				return f
			}
		}
	}
	return NameFault{WholeName, Placeholder, image}
}

// faultIn looks at one part after the other.
func faultIn(p nameParts) NameFault {
	switch {
	case p.digested && !isDigest(p.digest):
		return NameFault{DigestPart, digestCause(p.digest), p.digest}
	case p.tagged && !parses("a:"+p.tag):
		return NameFault{TagPart, tagCause(p.tag), p.tag}
	case p.host != "" && !parses(p.host+"/a"):
		return NameFault{HostPart, BadLetters, p.host}
	default:
		return NameFault{PathPart, pathCause(p.path), p.path}
	}
}

func parses(name string) bool {
	_, err := ParseReference(name)
	return err == nil
}

func isDigest(text string) bool {
	_, err := digest.Parse(text)
	return err == nil
}

func digestCause(text string) NameCause {
	name, digits, _ := strings.Cut(text, ":")
	algorithm := digest.Algorithm(name)
	switch {
	case digits == "" && (name == "" || algorithm.Available()):
		return NothingAfterColon
	case isDigest(strings.ToLower(text)):
		return UpperCase
	case algorithm.Available() && strings.Trim(digits, "0123456789abcdef") == "":
		return DigestLength
	default:
		return BadLetters
	}
}

func tagCause(tag string) NameCause {
	switch {
	case tag == "":
		return NothingAfterColon
	case floating.MatchString(tag):
		return RewrittenNumber
	case strings.Contains(tag, "+"):
		return PlusSign
	case len(tag) > maxTag:
		return NameTooLong
	default:
		return BadLetters
	}
}

func pathCause(path string) NameCause {
	switch {
	case len(path) > maxPath:
		return NameTooLong
	case path != strings.ToLower(path) && parses("a.example/"+strings.ToLower(path)):
		return UpperCase
	default:
		return BadLetters
	}
}
