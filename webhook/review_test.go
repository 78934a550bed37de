package webhook

import (
	"bytes"
	"fmt"
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
		strict, ok := readStrictly(text)
		if !ok {
			return
		}
		if err := kjson.UnmarshalCaseSensitivePreserveInts(text, &decoded); err != nil {
			t.Errorf("the decoder cannot read it: %v", err)
		}
		checkAlong(t, strict.Request)
		if !reflect.DeepEqual(strict, decoded) {
			t.Errorf("strictly %+v %+v\ndecoded %+v %+v", strict, strict.Request, decoded, decoded.Request)
		}
		if !bytes.Equal(kept, text) {
			t.Error("the text was changed")
		}
	})
}

// checkAlong holds the objects that were read along against those that are read by
// themselves, and leaves of them what both have.
func checkAlong(t *testing.T, r *request) {
	t.Helper()
	if r == nil {
		return
	}
	var kinds workload.Kinds
	for _, object := range []*workload.Embedded{&r.Object, &r.OldObject} {
		for _, operation := range []workload.Operation{workload.Create, workload.EphemeralContainers} {
			along, wrong := kinds.ReadEmbedded(*object, operation)
			alone, err := kinds.Read(object.Raw, operation)
			if !reflect.DeepEqual(along, alone) || fmt.Sprint(wrong) != fmt.Sprint(err) {
				t.Errorf("along %+v, %v\nalone %+v, %v", along, wrong, alone, err)
			}
		}
		*object = workload.Embedded{Raw: object.Raw}
	}
}

// What an API server sends is not decoded twice.
func TestReviewsAreReadOnce(t *testing.T) {
	for _, request := range []*admissionv1.AdmissionRequest{creation(deployment("app:1")), creation(deployment("app:1"), update(deployment("app:2")), dryRun)} {
		text := encoded(t, request)
		read, ok := readStrictly(text)
		if !ok {
			t.Errorf("decoded twice: %s", text)
		}
		checkAlong(t, read.Request)
	}
}
