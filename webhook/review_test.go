package webhook

import (
	"bytes"
	"reflect"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	kjson "sigs.k8s.io/json"

	"github.com/pullgate/pullgate/workload"
)

// FuzzReview holds what is read strictly against the decoder that API servers
// use: of whatever is read strictly that one reads the same.
func FuzzReview(f *testing.F) {
	f.Add(encoded(f, creation(deployment("app:1"), update(deployment(`a"b\c`)), dryRun)))
	for _, text := range []string{
		`{"kind":"A","kind":"B","Kind":"C","request":{"uid":"1","uid":"2","UID":"3"}}`,
		`{"request":{"object":{"a":"\\\"}"},"object":{"b":1}}}`, `{"request":{"object":null,"oldObject":[1,{"x":"]"}]}}`,
		`{"request":{"dryRun":null,"userInfo":{"username":"u","Username":"v"}}}`, `{"request":null}`, `{"request":{},"request":{"uid":"1"}}`,
		`{"\u006bind":"A"}`, ` { "a" : 1 , "b" : [ ] } `, `{"a":1}x`, `{"a":1,}`, `{"a":"\\"}`, `{}`, `{`, `"`, `{"a":tru}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var decoded review
		kept := bytes.Clone(text)
		strict, ok := workload.Strictly[review](text)
		if !ok {
			return
		}
		if err := kjson.UnmarshalCaseSensitivePreserveInts(text, &decoded); err != nil {
			t.Errorf("the decoder cannot read it: %v", err)
		}
		if !reflect.DeepEqual(strict, decoded) {
			t.Errorf("strictly %+v %+v\ndecoded %+v %+v", strict, strict.Request, decoded, decoded.Request)
		}
		if !bytes.Equal(kept, text) {
			t.Error("the text was changed")
		}
	})
}

// What an API server sends is not decoded twice.
func TestReviewsAreReadOnce(t *testing.T) {
	for _, request := range []*admissionv1.AdmissionRequest{creation(deployment("app:1")), creation(deployment("app:1"), update(deployment("app:2")), dryRun)} {
		text := encoded(t, request)
		if _, ok := workload.Strictly[review](text); !ok {
			t.Errorf("decoded twice: %s", text)
		}
	}
}
