package webhook

import (
	"bytes"
	"reflect"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	kjson "sigs.k8s.io/json"
)

// FuzzReview holds what is followed against the decoder that API servers use:
// of whatever both can read they read the same.
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
		var followed, decoded review
		kept := bytes.Clone(text)
		if !followed.follow(text) || kjson.UnmarshalCaseSensitivePreserveInts(text, &decoded) != nil {
			return
		}
		if !reflect.DeepEqual(followed, decoded) {
			t.Errorf("followed %+v %+v\ndecoded %+v %+v", followed, followed.Request, decoded, decoded.Request)
		}
		if !bytes.Equal(kept, text) {
			t.Error("the text was changed")
		}
	})
}

// What an API server sends is followed, and not decoded twice.
func TestReviewsAreFollowed(t *testing.T) {
	for _, request := range []*admissionv1.AdmissionRequest{creation(deployment("app:1")), creation(deployment("app:1"), update(deployment("app:2")), dryRun)} {
		var r review
		if text := encoded(t, request); !r.follow(text) {
			t.Errorf("not followed: %s", text)
		}
	}
}
