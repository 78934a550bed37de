package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/pullgate/pullgate/nodeprofile"
)

func TestNodeProfile(t *testing.T) {
	const node = "../../nodeprofile/testdata/k3s"
	code, stdout, stderr := commandLine(t, "node-profile", "--root", node, "--node", "a", "--node", "b-*", "--share", "mirrors,credentials")
	profile, err := nodeprofile.Parse([]byte(stdout))
	if code != 0 || stderr != "" || err != nil {
		t.Fatalf("code %d, %v\n%s%s", code, err, stdout, stderr)
	}
	if got := strings.Join(profile.Nodes, " ") + " " + profile.Distribution + " " + strings.Join(profile.Withheld, " "); got != "a b-* k3s authorities proxies fingerprints" {
		t.Errorf("got %s", got)
	}
	code, stdout, stderr = commandLine(t, "node-profile", "--root", "../../nodeprofile/testdata/containerd")
	if code != 0 || !strings.Contains(stderr, "warning: /etc/containerd/certs.d/broken.example.com/hosts.toml: is no TOML\n") || strings.Contains(stdout+stderr, "marker-secret") {
		t.Errorf("code %d\n%s%s", code, stdout, stderr)
	}
	for args, want := range map[string]string{
		"--root /nowhere/at/all":       "error: --root /nowhere/at/all is no folder\nhint: ",
		"--root " + t.TempDir():        "has neither containerd's nor CRI-O's configuration\nhint: ",
		"--share keys --root " + node:  `error: --share "keys" is unknown`,
		"--output json --root " + node: `error: --output "json" is unknown`,
		"here":                         "takes no arguments",
		"--publish p --root " + node:   "error: --publish is for one node, in one namespace\nhint: ",
		"--publish p --namespace n --node a --kubeconfig /none --root " + node: "error: kubeconfig: ",
	} {
		if code, stdout, stderr := commandLine(t, append([]string{"node-profile"}, strings.Fields(args)...)...); code != exitUsage || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%s: code %d\n%s%s", args, code, stdout, stderr)
		}
	}
}

// With --publish the profile goes into a ConfigMap, and a second time nothing does.
func TestNodeProfilePublished(t *testing.T) {
	kept := &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "p", ResourceVersion: "1"},
	}
	writes := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/namespaces/n/configmaps/p" {
			t.Errorf("asked for %s", r.URL)
		}
		if r.Method == http.MethodPut {
			writes++
			body, err := io.ReadAll(r.Body)
			if _, _, wrong := scheme.Codecs.UniversalDeserializer().Decode(body, nil, kept); err != nil || wrong != nil {
				t.Errorf("written: %q %v %v", body, err, wrong)
			}
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(kept) // who asked sees it fail
	}))
	defer server.Close()
	for range 2 {
		code, stdout, stderr := commandLine(t, "node-profile", "--root", "../../nodeprofile/testdata/k3s", "--node", "a",
			"--publish", "p", "--namespace", "n", "--kubeconfig", kubeconfig(t, server.URL))
		if code != 0 || stdout != "" {
			t.Errorf("code %d\n%s%s", code, stdout, stderr)
		}
	}
	text := kept.Data["profile.yaml"]
	if writes != 1 || !strings.Contains(text, "nodes:\n- a\n") || strings.Contains(text, "marker-secret") {
		t.Errorf("%d writes: %s", writes, text)
	}
}
