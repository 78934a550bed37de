package cluster

import (
	"testing"

	"k8s.io/client-go/rest"
)

func TestServer(t *testing.T) {
	for host, want := range map[string]string{
		"https://10.0.0.1:6443":              "https://10.0.0.1:6443",
		"https://me:secret@10.0.0.1:6443/p1": "https://me:xxxxx@10.0.0.1:6443/p1",
		"me:secret@10.0.0.1:6443":            "http://me:xxxxx@10.0.0.1:6443",
		"10.0.0.1:6443":                      "http://10.0.0.1:6443",
		"https://me:secret@\x00":             "",
	} {
		if got := Server(&rest.Config{Host: host}); got != want {
			t.Errorf("%q is shown as %q, want %q", host, got, want)
		}
	}
}
