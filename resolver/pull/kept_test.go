package pull

import (
	"reflect"
	"testing"
)

func TestKeptIsWhatItWas(t *testing.T) {
	for name, finding := range map[string]Finding{
		"nothing else": {Reason: ReasonPullable, Digest: "sha256:a"},
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
	if small, large := Keep(Finding{Reason: ReasonPullable, Digest: "sha256:a"}), Keep(Finding{Detail: "d"}); small.whole != nil || small.Bytes() >= large.Bytes() {
		t.Error("a digest alone takes as much as a whole finding")
	}
}
