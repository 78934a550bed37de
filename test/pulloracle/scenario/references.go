package scenario

import "github.com/pullgate/pullgate/resolver/pull"

// references are about how an image is named. What cannot be parsed the kubelet
// refuses before containerd sees it, by the same parser.
func references() []Scenario {
	invalid := want(pull.InvalidImageName)
	return []Scenario{
		{Name: "ref-tag", About: "a tag"},
		{Name: "ref-digest", About: "a digest", Image: digestImage},
		{Name: "ref-no-tag", About: "no tag means latest, which is not there", Image: "{plain}/{repo}", Want: want(pull.TagNotFound)},
		{Name: "ref-localhost", About: "localhost by name", Image: "localhost:{port}/{repo}:1"},
		{Name: "ref-localhost-tls", About: "localhost by name, HTTPS that nobody verifies", Image: "localhost:{tlsport}/{repo}:1"},
		{Name: "ref-tag-and-digest", About: "with a digest the tag is dropped, though it does not exist", Image: "{plain}/{repo}:no-such-tag@{digest}"},
		{Name: "ref-tag-and-lost-digest", About: "the tag exists, the digest does not", Image: "{plain}/{repo}:1@sha256:" + nowhere, Want: want(pull.DigestNotFound)},
		{Name: "ref-sha512", About: "a digest by sha512", Image: "{plain}/{repo}@{sha512}"},
		{Name: "ref-sha384", About: "a digest by sha384", Image: "{plain}/{repo}@{sha384}"},
		{Name: "ref-sha512-missing", About: "a digest by sha512 that is not there", Image: "{plain}/{repo}@sha512:" + nowhere + nowhere, Want: want(pull.DigestNotFound)},
		{Name: "ref-upper-host", About: "an upper-case first part is a registry's name", Image: "Foo/ref-upper-host:1", Want: nowhereFound()},
		{Name: "ref-upper-repository", About: "upper case in a repository", Image: "{plain}/{repo}/App:1", Want: invalid},
		{Name: "ref-double-slash", About: "an empty path component", Image: "{plain}//{repo}:1", Want: invalid},
		{Name: "ref-trailing-slash", About: "nothing after the slash", Image: "{plain}/{repo}/", Want: invalid},
		{Name: "ref-two-dots", About: "two dots in a component", Image: "{plain}/a..b:1", Want: invalid},
		{Name: "ref-leading-dash", About: "a component that begins with a dash", Image: "{plain}/-a:1", Want: invalid},
		{Name: "ref-dash-tag", About: "a tag that begins with a dash", Image: "{plain}/{repo}:-1", Want: invalid},
		{Name: "ref-long-tag", About: "a tag of 129 characters", Image: "{plain}/{repo}:" + long, Want: invalid},
		{Name: "ref-scheme", About: "a URL", Image: "http://{plain}/{repo}:1", Want: invalid},
		{Name: "ref-user", About: "a user and password", Image: "user:password@{plain}/{repo}:1", Want: invalid},
		{Name: "ref-query", About: "a query", Image: "{plain}/{repo}?tag=1", Want: invalid},
		{Name: "ref-hex", About: "64 hex digits", Image: nowhere, Want: invalid},
		{Name: "ref-short-digest", About: "a digest of 63 digits", Image: "{plain}/{repo}@sha256:" + nowhere[1:], Want: invalid},
		{Name: "ref-md5", About: "a digest by md5", Image: "{plain}/{repo}@md5:d41d8cd98f00b204e9800998ecf8427e", Want: invalid},
		{Name: "ref-space", About: "a space inside", Image: "{plain}/{repo} :1", Want: invalid},
		{Name: "ref-zero-width", About: "a zero-width space at the end", Image: "{plain}/{repo}:1\u200b", Want: invalid},
	}
}

const (
	// nowhere is a digest of nothing that anybody has.
	nowhere = "deadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef"
	long    = "t123456789012345678901234567890123456789012345678901234567890123" +
		"t1234567890123456789012345678901234567890123456789012345678901234"
)
