package main

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
)

// An API server that does not answer what is asked about a Secret keeps nobody
// waiting for longer than was said, and nothing is refused for it; what comes
// afterwards on the same connection is looked at.
func TestSlowAPIServer(t *testing.T) {
	certificate, key := newPair(t)
	bind, health := port(t), port(t)
	registry, asked, letGo := slowRegistry(t)
	letGo()
	p := serving(t, "serve", "--kubeconfig", apiServer(t), "--cert-dir", certDir(t, certificate, key), "--namespace", "pullgate",
		"--config", write(t, "c.yaml", header+"registries: {allowAddresses: [127.0.0.0/8]}\n"),
		"--bind-address", bind, "--health-probe-bind-address", health, "--metrics-bind-address", "0")
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	p.await(t, "ready", func() bool {
		response, err := client.Get("http://" + health + "/readyz")
		return err == nil && response.Body.Close() == nil && response.StatusCode == http.StatusOK
	})
	for _, namespace := range []string{"slow", "shop"} {
		review := `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","operation":"CREATE","namespace":"` + namespace + `",
			"object":{"apiVersion":"v1","kind":"Pod","spec":{"imagePullSecrets":[{"name":"s"}],"containers":[{"name":"a","image":"` + registry + `/shop/web:1"}]}}}}`
		response, err := client.Post("https://"+bind+"/validate?timeout=2s", "application/json", strings.NewReader(review))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		var answer admissionv1.AdmissionReview
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
		if err != nil || json.Unmarshal(text, &answer) != nil || answer.Response == nil || !answer.Response.Allowed || len(answer.Response.Warnings) == 0 {
			t.Errorf("in %s: %s %v", namespace, text, err)
		}
		if namespace == "slow" && !strings.Contains(string(text), `\"reason\":\"Timeout\"`) {
			t.Errorf("in %s: %s", namespace, text)
		}
	}
	if asked.Load() == 0 {
		t.Error("no registry was asked")
	}
}
