package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// goodPod is one whose image nobody has to ask for.
const goodPod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: \"${IMAGE}\"}]}\n"

// TestCheckCodes: what cannot be read counts by --fail-on, what is misnamed
// always.
func TestCheckCodes(t *testing.T) {
	good, bad := write(t, "good.yaml", goodPod), write(t, "bad.yaml", "a: [\n")
	missing, empty := filepath.Join(t.TempDir(), "missing.yaml"), t.TempDir()
	for args, want := range map[string]int{
		"-f " + good:                                               0,
		"--runtime cri-o,containerd -f " + good:                    0,
		"--runtime docker -f " + good:                              exitUsage,
		"-f " + bad + " -f " + good:                                exitUsage,
		"--fail-on unknown -f " + bad:                              exitUsage,
		"--fail-on never -f " + bad:                                0,
		"--fail-on never -f " + missing + " -f " + good:            exitUsage,
		"--fail-on never -f " + empty:                              exitUsage,
		"--fail-on never -f -":                                     exitUsage, // nothing is there
		"--fail-on never -k " + empty:                              0,
		"--fail-on never --exclude [z-a] -f " + filepath.Dir(good): exitUsage,
	} {
		if code, stdout, stderr := commandLine(t, append([]string{"check"}, strings.Fields(args)...)...); code != want {
			t.Errorf("%s: code %d, want %d\n%s%s", args, code, want, stdout, stderr)
		}
	}
}

// TestCheckTimeoutWhileReading: what cannot be read in time is an error, and the
// rest is checked.
func TestCheckTimeoutWhileReading(t *testing.T) {
	silent, writer := io.Pipe()
	defer writer.Close() //nolint:errcheck // it never fails
	var out, errs bytes.Buffer
	root := newRoot()
	root.SetOut(&out)
	root.SetErr(&errs)
	root.SetIn(silent)
	code := execute(t.Context(), root, []string{"check", "--timeout", "50ms", "-f", "-", "--image", "Bad"})
	if code != exitUsage || !strings.Contains(out.String(), "(InvalidImageName)") || !strings.Contains(errs.String(), "error: -: not read to its end: --timeout 50ms is over") {
		t.Errorf("code %d\n%s%s", code, &out, &errs)
	}
}

// TestCheckTimeout: what is not known when the time is over is Timeout, and the
// rest is reported.
func TestCheckTimeout(t *testing.T) {
	released := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-released:
		case <-r.Context().Done():
		}
	}))
	defer silent.Close()
	defer close(released)
	image := strings.TrimPrefix(silent.URL, "http://") + "/a:1"
	code, stdout, stderr := commandLine(t, "check", "--timeout", "100ms", "--image", image, "--image", "Bad", "--fail-on", "unknown", "-o", "json")
	if code != exitFound || !strings.Contains(stdout, `"reason": "Timeout"`) || !strings.Contains(stdout, `"reason": "InvalidImageName"`) {
		t.Errorf("code %d\n%s%s", code, stdout, stderr)
	}
}
