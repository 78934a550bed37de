//go:build linux

package chaos

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pullgate/pullgate/test/e2e/pki"
)

// dormitory is the namespace of which a webhook is told that does nothing but sleep.
const dormitory = "asleep"

// sleeperManifest is by which the API server calls it, as it calls Pullgate: by a
// Service, and so over HTTP/1.1.
const sleeperManifest = `
apiVersion: v1
kind: Service
metadata: {name: sleeper, namespace: asleep}
spec: {type: ExternalName, externalName: localhost}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: sleeper}
webhooks:
- name: sleeper.example.com
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Ignore
  timeoutSeconds: 10
  clientConfig: {caBundle: CA, service: {name: sleeper, namespace: asleep, port: PORT}}
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: asleep}}
  rules: [{operations: [CREATE], apiGroups: [""], apiVersions: [v1], resources: [pods]}]
`

// newSleeper runs a webhook that lets everything in after a nap, has Pullgate not
// asked in its namespace, and returns how many sleep.
func newSleeper(t *testing.T, c *crowd) *atomic.Int64 {
	t.Helper()
	authority, err := pki.NewAuthority("sleeper")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.Server("sleeper." + dormitory + ".svc")
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := pair.TLS()
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		t.Fatal(err)
	}
	sleeping := &atomic.Int64{}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sleeping.Add(1)
		defer sleeping.Add(-1)
		sleep(w, r)
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	c.must(t, "label", "namespace", dormitory, "pullgate.dev/mode=off")
	manifest := strings.NewReplacer("CA", base64.StdEncoding.EncodeToString(authority.PEM), "PORT", strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)).Replace(sleeperManifest)
	if _, err := c.rig.Must(t.Context(), manifest, "apply", "-f", "-"); err != nil {
		t.Fatal(err)
	}
	return sleeping
}

// sleep lets something in after a nap.
func sleep(w http.ResponseWriter, r *http.Request) {
	var review struct{ Request struct{ UID string } }
	if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	select {
	case <-time.After(nap):
	case <-r.Context().Done():
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":%q,"allowed":true}}`, review.Request.UID) // who went away needs no answer
}
