package pull

import (
	"reflect"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
)

func TestKeptIsWhatItWas(t *testing.T) {
	usual := Finding{Reason: ReasonPullable, Digest: digest.FromString("a")}
	for name, finding := range map[string]Finding{
		"nothing else": usual,
		"no digest":    {Reason: ReasonPullable},
		"half of one":  {Reason: ReasonPullable, Digest: "sha256:a"},
		"in capitals":  {Reason: ReasonPullable, Digest: digest.Digest("sha256:" + strings.ToUpper(usual.Digest.Encoded()))},
		"another hash": {Reason: ReasonPullable, Digest: digest.Digest("sha512:" + strings.Repeat("a", 128))},
		"same length":  {Reason: ReasonPullable, Digest: digest.Digest("sha257:" + usual.Digest.Encoded())},
		"a note":       {Reason: ReasonPullable, Digest: "sha256:a", Notes: []Note{{Reason: WrongArchitecture, Message: "m"}}},
		"a detail":     {Reason: ReasonPullable, Digest: "sha256:a", Detail: "d"},
		"not pullable": {Reason: TagNotFound},
		"zero":         {},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Keep(finding).Finding(); !reflect.DeepEqual(got, finding) {
				t.Errorf("got %+v, want %+v", got, finding)
			}
		})
	}
	if small, large := Keep(usual), Keep(Finding{Detail: "d"}); small.whole != nil || small.Bytes() >= large.Bytes() {
		t.Error("a digest alone takes as much as a whole finding")
	}
}
