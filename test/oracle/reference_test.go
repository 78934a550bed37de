package oracle

import (
	"strings"
	"testing"

	"github.com/distribution/reference"
	"k8s.io/kubernetes/pkg/util/parsers"
)

// compareReference holds distribution/reference, as Pullgate uses it, against
// the kubelet's parser: repository, tag, digest and the text of the error.
func compareReference(t testing.TB, image string) {
	t.Helper()
	repository, tag, digest, wantErr := parsers.ParseImageName(image)
	named, err := reference.ParseNormalizedNamed(image)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("%q: the kubelet says %v, Pullgate %v", image, wantErr, err)
	}
	if err != nil {
		if !strings.HasSuffix(wantErr.Error(), err.Error()) {
			t.Errorf("%q: the kubelet says %v, Pullgate %v", image, wantErr, err)
		}
		return
	}
	gotTag, gotDigest := parts(named)
	if named.Name() != repository || gotTag != tag || gotDigest != digest {
		t.Errorf("%q: the kubelet reads %q %q %q, Pullgate %q %q %q",
			image, repository, tag, digest, named.Name(), gotTag, gotDigest)
	}
}

func parts(named reference.Named) (tag, digest string) {
	named = reference.TagNameOnly(named)
	if tagged, ok := named.(reference.Tagged); ok {
		tag = tagged.Tag()
	}
	if digested, ok := named.(reference.Digested); ok {
		digest = digested.Digest().String()
	}
	return tag, digest
}

func references() []string {
	return []string{
		"nginx", "docker.io/nginx", "index.docker.io/nginx", "registry-1.docker.io/library/nginx", "Foo/bar", "Nginx", "foo/Bar",
		"localhost/foo", "localhost:5000", "foo.io:5000", "foo.io/x..y", "foo.io/x___y", "foo.io/-x", "foo.io//x", "foo.io/x/",
		"foo.io/x:-t", "foo.io/x:.t", sixtyFour, "foo.io/" + sixtyFour, "foo:latest@sha256:" + sixtyFour, "foo@sha256:" + sixtyFour,
		"foo@sha384:" + sixtyFour + sixtyFour[:32], "foo@sha512:" + sixtyFour + sixtyFour, "foo@sha256:" + strings.ToUpper(sixtyFour),
		"foo@sha256:" + sixtyFour[1:], "foo@md5:" + sixtyFour[:32], "foo@sha1:" + sixtyFour[:40], "foo@", "foo:", "foo@sha256:",
		"https://r/x", "docker://nginx", "oci://r/x", "foo-.io/x", "foo.io./x", "foo_bar.io/x", "[::1]:5000/x", "[::1]/x", "10.0.0.1/x",
		"foo.io/x?a=b", "user:pass@r/x", "nginx:latest\n", "nginx:1\u200b", "münchen.de/x", "", " ", " nginx", "nginx ", ":", "/", "@", "a/b/c/d:1",
		"foo.io/x:" + strings.Repeat("a", 128), "foo.io/x:" + strings.Repeat("a", 129), "foo.io/" + strings.Repeat("a", 255),
		"foo.io/" + strings.Repeat("a", 256), strings.Repeat("a", 300) + ".io/x", "docker.io", "docker.io/library", "docker.io/library/nginx:1",
	}
}

func TestReference(t *testing.T) {
	for _, image := range references() {
		compareReference(t, image)
	}
}

// FuzzReference compares the parsers on whatever comes.
func FuzzReference(f *testing.F) {
	for _, image := range references() {
		f.Add(image)
	}
	f.Fuzz(func(t *testing.T, image string) { compareReference(t, image) })
}
