package probe

import "testing"

func TestAnswersAreRead(t *testing.T) {
	for _, want := range []Answer{{"a1", "enforce"}, {"b-2", "off"}, {"c", ""}} {
		if got, ok := Read("pullgate: " + want.String()); !ok || got != want {
			t.Errorf("%+v came back as %+v, %t", want, got, ok)
		}
	}
	for _, other := range []string{"", "doctor a came by, mode warn", `pullgate: "nginx:1.99": tag not found`, "pullgate: doctor who"} {
		if got, ok := Read(other); ok {
			t.Errorf("%q is no answer, but was read as %+v", other, got)
		}
	}
}

func TestToken(t *testing.T) {
	for object, want := range map[string]string{
		`{"metadata": {"labels": {"pullgate.dev/doctor": "a1"}}}`:      "a1",
		`{"metadata": {"annotations": {"pullgate.dev/doctor": "a1"}}}`: "",
		`{}`: "",
	} {
		if got, err := Token([]byte(object)); got != want || err != nil {
			t.Errorf("%s: %q, %v", object, got, err)
		}
	}
	if _, err := Token([]byte(`[`)); err == nil {
		t.Error("what is no object was read")
	}
}
