package check

import "testing"

// What is wrong in one field does not make an object one of no kind.
func TestReadHeader(t *testing.T) {
	for raw, want := range map[string]string{
		`{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "labels": {"version": 1.0}}}`: "v1 Secret a",
		`{"apiVersion": 1, "kind": "Pod", "metadata": {"name": "a"}}`:                                   " Pod a",
		`{"apiVersion": "v1", "kind": ["Pod"], "metadata": 7}`:                                          "v1  ",
	} {
		head := readHeader([]byte(raw))
		if got := head.APIVersion + " " + head.Kind + " " + head.Metadata.Name; got != want {
			t.Errorf("%s: %q, want %q", raw, got, want)
		}
	}
}
