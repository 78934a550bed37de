package e2e

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/pullgate/pullgate/test/e2e/rig"
)

// podReview asks about a new Pod with one image, as the API server would.
func podReview(namespace, image string) string {
	return fmt.Sprintf(`{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","operation":"CREATE","namespace":%q,
		"kind":{"version":"v1","kind":"Pod"},"object":{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"name":"a","image":%q}]}}}}`, namespace, image)
}

// testFlood lets ten thousand Pods of one namespace be refused. The log stays
// short, says how many it left out, and has another namespace's line.
func testFlood(t *testing.T, r *rig.Rig) {
	const refused, most = 10_000, 10
	s, neighbour := newStage(t, r, "flood"), newStage(t, r, "neighbour")
	before := len(r.Gate.Log())
	post(t, r, podReview(s.namespace, "//no"), refused)
	if result := neighbour.kubectl("create", "deployment", "web", "--image=//no"); result.Code == 0 {
		t.Errorf("it was let in: %s", result.Output)
	}
	var lines, told int
	s.await("all lines to be accounted for", func() bool {
		lines, told = 0, 0
		for line := range strings.Lines(r.Gate.Log()[before:]) {
			var entry struct {
				Msg, Namespace string
				Count          int
			}
			if json.Unmarshal([]byte(line), &entry) != nil || entry.Namespace != s.namespace {
				continue
			}
			lines++
			if told += entry.Count; entry.Msg == "decision" {
				told++
			}
		}
		return told >= refused
	})
	// As many periods as it took, each with its lines and one about the others.
	if told != refused || lines > refused/100 || lines < most+1 {
		t.Errorf("%d lines tell of %d refusals, want %d", lines, told, refused)
	}
	if text := r.Gate.Log()[before:]; strings.Count(text, `"namespace":"neighbour"`) != 1 {
		t.Errorf("not one line of the other namespace among %d bytes", len(text))
	}
	for namespace, want := range map[string]float64{s.namespace: refused, neighbour.namespace: 1} {
		got, err := r.Gate.Metric(t.Context(), "pullgate_admission_images_total", `namespace="`+namespace+`"`, `reason="InvalidImageName"`, `decision="deny"`)
		if err != nil || got != want {
			t.Errorf("%v refusals in %s are counted, want %v: %v", got, namespace, want, err)
		}
	}
}

// post asks Pullgate itself, as often.
func post(t *testing.T, r *rig.Rig, review string, times int) {
	t.Helper()
	const askers = 8
	client := &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: askers, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
	defer client.CloseIdleConnections()
	var group sync.WaitGroup
	for range askers {
		group.Go(func() {
			for range times / askers {
				response, err := client.Post(r.Gate.URL, "application/json", strings.NewReader(review))
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
			}
		})
	}
	group.Wait()
}
