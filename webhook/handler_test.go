package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/pullgate/pullgate/engine"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/workload"
)

// What is no request for admission gets an HTTP error, in few words.
func TestNoAdmissionReview(t *testing.T) {
	const review = `"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"`
	tests := []struct {
		name   string
		method string
		body   io.Reader
		status int
		want   string
	}{
		{"empty", "POST", strings.NewReader(""), 400, "the request is empty"},
		{"GET", "GET", strings.NewReader(""), 405, "only POST"},
		{"PUT", "PUT", strings.NewReader("{" + review + `,"request":{}}`), 405, "only POST"},
		{"not JSON", "POST", strings.NewReader("apiVersion: v1"), 400, "not an AdmissionReview: invalid character"},
		{"JSON cut off", "POST", strings.NewReader("{" + review + `,"request":{"uid":"1"`), 400, "unexpected end"},
		{"a list", "POST", strings.NewReader("[]"), 400, "not an AdmissionReview"},
		{"null", "POST", strings.NewReader("null"), 400, "is not understood"},
		{"v1beta1", "POST", strings.NewReader(`{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview","request":{}}`), 400, "admissionReviewVersions: [v1]"},
		{"another kind", "POST", strings.NewReader(`{"apiVersion":"admission.k8s.io/v1","kind":"ConversionReview"}`), 400, `kind "ConversionReview"`},
		{"a kind of 8 MiB", "POST", strings.NewReader(`{"apiVersion":"v1","kind":"` + strings.Repeat("x", 8<<20) + `"}`), 400, "is not understood"},
		{"no request", "POST", strings.NewReader("{" + review + "}"), 400, "has no request"},
		{"a request that is null", "POST", strings.NewReader("{" + review + `,"request":null}`), 400, "has no request"},
		{"a request that is a number", "POST", strings.NewReader("{" + review + `,"request":7}`), 400, "not an AdmissionReview"},
		{"a UID that is a number", "POST", strings.NewReader("{" + review + `,"request":{"uid":7}}`), 400, "not an AdmissionReview"},
		{"8 MiB of rubbish", "POST", bytes.NewReader(bytes.Repeat([]byte{0xff, 0}, 4<<20)), 400, "not an AdmissionReview"},
		{"8 MiB of brackets", "POST", strings.NewReader(strings.Repeat("[", 8<<20)), 400, "not an AdmissionReview"},
		{"more than is read", "POST", bytes.NewReader(make([]byte, maxReview+1)), 413, "larger than"},
		{"a body cut off", "POST", io.MultiReader(strings.NewReader("{"+review), iotest.ErrReader(io.ErrUnexpectedEOF)), 400, "did not arrive whole: unexpected EOF"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rig := newRig(t)
			recorder := httptest.NewRecorder()
			rig.ServeHTTP(recorder, httptest.NewRequest(test.method, "/validate", test.body))
			if recorder.Code != test.status || !strings.Contains(recorder.Body.String(), test.want) || recorder.Body.Len() > 1<<10 {
				t.Errorf("%d, %d bytes: %.500s", recorder.Code, recorder.Body.Len(), recorder.Body)
			}
			if !strings.Contains(rig.log.String(), "not an AdmissionReview") || rig.log.Len() > 2<<10 {
				t.Errorf("%d bytes of log: %.500s", rig.log.Len(), rig.log.String())
			}
		})
	}
}

// What is a request gets an answer that lets the object in, whatever it holds.
func TestObjectsThatCannotBeRead(t *testing.T) {
	tests := []struct {
		name    string
		request *admissionv1.AdmissionRequest
		warning string // "" for none
	}{
		{"no object", creation(""), "pullgate: not checked: the request holds no object"},
		{"an image that is a number", creation(`{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"name":"a","image":7}]}}`), "spec.containers[0].image: a number stands where a string is expected"},
		{"containers that are a text", creation(`{"apiVersion":"v1","kind":"Pod","spec":{"containers":"many"}}`), "spec.containers"},
		{"an object that is a list", creation(`[]`), "not a JSON object"},
		{"an object that is a text", creation(`"Pod"`), "not a JSON object"},
		{"a kind never heard of", creation(`{"apiVersion":"example.com/v1","kind":"Thing","spec":{"image":7}}`), ""},
		{"no kind", creation(`{}`), ""},
		{"a kind that is a number", creation(`{"apiVersion":"v1","kind":1}`), "kind"},
		{"a field name of 1 MiB", creation(`{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"` + strings.Repeat("x", 1<<20) + `":1,"image":7}]}}`), "spec.containers[0]"},
		{"a path of 1 MiB", creation(`{"apiVersion":"v1","kind":"Pod","metadata":{"annotations":{"` + strings.Repeat("x", 1<<20) + `":7}}}`), "metadata.annotations"},
		{"a Pod without a spec", creation(`{"apiVersion":"v1","kind":"Pod"}`), ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rig := newRig(t)
			response := rig.ask(t, test.request)
			if !response.Allowed {
				t.Error("refused")
			}
			if warnings := strings.Join(response.Warnings, "\n"); !strings.Contains(warnings, test.warning) || (test.warning == "") != (warnings == "") {
				t.Errorf("warnings %q, want %q", warnings, test.warning)
			}
			if test.warning != "" && (response.AuditAnnotations["trouble"] == "" || response.AuditAnnotations["mode"] != "enforce") {
				t.Errorf("annotations %v", response.AuditAnnotations)
			}
			if rig.log.Len() > 8<<10 {
				t.Errorf("%d bytes of log", rig.log.Len())
			}
		})
	}
}

// Large objects are answered in bounds.
func TestLargeObjects(t *testing.T) {
	images := func(n int, format string) (list []string) {
		for i := range n {
			list = append(list, fmt.Sprintf(format, i))
		}
		return list
	}
	tests := map[string]struct {
		object  string
		allowed bool
	}{
		"500 containers":                       {deployment(images(500, "reg%d.example.com/app:1")...), true},
		"500 containers, all bad":              {deployment(images(500, "reg%d.example.com/app:tagnotfound")...), false},
		"500 containers, none known":           {deployment(images(500, "reg%d.example.com/app:ratelimited")...), true},
		"one bad image 500 times":              {deployment(strings.Fields(strings.Repeat("app:tagnotfound ", 500))...), false},
		"an image of 1 MiB":                    {deployment(strings.Repeat("x", 1<<20) + ":tagnotfound"), false},
		"10,000 bad images":                    {deployment(images(10_000, "r%d/app:tagnotfound")...), false},
		"10,000 images of which none is known": {deployment(images(10_000, "r%d/app:timeout")...), true},
		"8 MiB of an annotation":               {strings.Replace(deployment("app:tagnotfound"), `"name":"web"`, `"annotations":{"a":"`+strings.Repeat("x", 8<<20)+`"}`, 1), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			rig := newRig(t)
			if response := rig.ask(t, creation(test.object)); response.Allowed != test.allowed {
				t.Errorf("allowed: %t", response.Allowed)
			}
			if rig.log.Len() > 512<<10 {
				t.Errorf("%d bytes of log", rig.log.Len())
			}
		})
	}
}

func TestWorkingTime(t *testing.T) {
	tests := []struct {
		query          string
		patience, work time.Duration
	}{
		{"", 10 * time.Second, 9 * time.Second},
		{"?timeout=10s", 10 * time.Second, 9 * time.Second},
		{"?timeout=1s", time.Second, 800 * time.Millisecond},
		{"?timeout=5s", 5 * time.Second, 4500 * time.Millisecond},
		{"?timeout=30s", 30 * time.Second, 29 * time.Second},
		{"?timeout=100ms", 100 * time.Millisecond, 50 * time.Millisecond},
		{"?timeout=31s", 10 * time.Second, 9 * time.Second},
		{"?timeout=0s", 10 * time.Second, 9 * time.Second},
		{"?timeout=-1s", 10 * time.Second, 9 * time.Second},
		{"?timeout=soon", 10 * time.Second, 9 * time.Second},
		{"?timeout=9999999999999999h", 10 * time.Second, 9 * time.Second},
		{"?%zz", 10 * time.Second, 9 * time.Second},
	}
	for _, test := range tests {
		r := httptest.NewRequest("POST", "/validate", nil)
		r.URL.RawQuery = strings.TrimPrefix(test.query, "?")
		patience := patienceOf(r)
		if patience != test.patience || workingTime(patience) != test.work {
			t.Errorf("%q: %s of %s", test.query, workingTime(patience), patience)
		}
	}
}

// Labels that do not come hold the answer up no longer than registries.
func TestLabelsThatHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rig := newRig(t)
		rig.engine.Labels = func(ctx context.Context, _ string) (map[string]string, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		start := time.Now()
		if response := rig.ask(t, creation(deployment("app:1"))); !response.Allowed || time.Since(start) != 9*time.Second {
			t.Errorf("after %s: %+v", time.Since(start), response)
		}
	})
}

// A bug of ours lets the object in, with a warning, a metric and the stack.
func TestPanics(t *testing.T) {
	tests := map[string]func(*rig){
		"resolver": func(r *rig) { r.resolve = func(context.Context, workload.Workload) resolver.Report { panic("a bug") } },
		"labels": func(r *rig) {
			r.engine.Labels = func(context.Context, string) (map[string]string, error) { panic(errors.New("a bug")) }
		},
		"engine": func(r *rig) { r.Engine = func() (*engine.Engine, func()) { panic("a bug") } },
	}
	for name, breakIt := range tests {
		t.Run(name, func(t *testing.T) {
			rig := newRig(t, func(c *policy.Configuration) { c.OnUnknown = policy.UnknownDeny })
			breakIt(rig)
			response := rig.ask(t, creation(deployment("app:tagnotfound")))
			if !response.Allowed || len(response.Warnings) != 1 || !strings.Contains(response.Warnings[0], "internal error of pullgate") {
				t.Errorf("%+v", response)
			}
			if rig.counted(t, "pullgate_panics_total")[""] != 1 {
				t.Error("not counted")
			}
			for _, part := range []string{`"uid":"uid-1"`, `"panic":"a bug"`, "goroutine", "handler.go"} {
				if !strings.Contains(rig.log.String(), part) {
					t.Errorf("log lacks %s: %s", part, rig.log.String())
				}
			}
		})
	}
}

// Neither a log nor metrics are needed.
func TestBareHandler(t *testing.T) {
	rig := newRig(t)
	rig.Log, rig.Metrics = nil, nil
	if rig.ask(t, creation(deployment("app:tagnotfound"))).Allowed {
		t.Error("let in")
	}
	if recorder := rig.post([]byte("{"), ""); recorder.Code != http.StatusBadRequest {
		t.Errorf("%d", recorder.Code)
	}
}
