//go:build linux

package chaos

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pullgate/pullgate/test/e2e/lab"
	"github.com/pullgate/pullgate/test/e2e/rig"
)

// atOnce is how many Pods are created at a time: an API server keeps 25 connections
// to a webhook.
const atOnce = 24

// crowd creates Pods in a namespace, from many sides.
type crowd struct {
	rig       *rig.Rig
	namespace string
	client    *http.Client
	url       string

	sent, warned, lost atomic.Int64
	// restarting says that the API server need not answer.
	restarting atomic.Bool
}

func newCrowd(t *testing.T, r *rig.Rig, namespace string, connections int) *crowd {
	t.Helper()
	if err := r.Namespace(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	client, url, err := r.Connect()
	if err != nil {
		t.Fatal(err)
	}
	client.Timeout = time.Minute
	client.Transport.(*http.Transport).MaxIdleConnsPerHost = connections
	return &crowd{rig: r, namespace: namespace, client: client, url: url}
}

// podOf is a Pod of one image.
func podOf(image, secret string) string {
	secrets := ""
	if secret != "" {
		secrets = fmt.Sprintf(`,"imagePullSecrets":[{"name":%q}]`, secret)
	}
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"Pod","metadata":{"generateName":"x-"},"spec":{"containers":[{"name":"a","image":%q}]%s}}`, image, secrets)
}

// create creates one Pod, as a dry run, which has to be let in.
func (c *crowd) create(t *testing.T, pod string) {
	response, err := c.client.Post(c.url+"/api/v1/namespaces/"+c.namespace+"/pods?dryRun=All", "application/json", strings.NewReader(pod))
	if err != nil && c.restarting.Load() {
		c.lost.Add(1)
		time.Sleep(10 * time.Millisecond) // nobody is there to be asked
		return
	}
	if err != nil {
		t.Errorf("%s: %v", pod, err)
		return
	}
	text, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	refused := strings.Contains(string(text), "denied the request") || strings.Contains(string(text), "failed calling webhook")
	switch ok := err == nil && response.StatusCode == http.StatusCreated; {
	case !ok && c.restarting.Load() && !refused:
		c.lost.Add(1)
		return
	case !ok:
		t.Errorf("%s: %d %s, %v", pod, response.StatusCode, text, err)
	}
	c.sent.Add(1)
	if strings.Contains(strings.Join(response.Header.Values("Warning"), "\n"), "not checked") {
		c.warned.Add(1)
	}
}

// admit creates Pods for some time, and so many at least; each of the crowd one.
func (c *crowd) admit(t *testing.T, during time.Duration, least int64, pod func(worker, turn int) string) {
	until, enough := time.Now().Add(during), c.sent.Load()+least
	var group sync.WaitGroup
	for worker := range atOnce {
		group.Go(func() {
			for turn := 0; turn == 0 || time.Now().Before(until) || c.sent.Load() < enough && !t.Failed(); turn++ {
				c.create(t, pod(worker, turn))
			}
		})
	}
	group.Wait()
}

// must runs kubectl in the namespace, and returns what it printed.
func (c *crowd) must(t *testing.T, args ...string) string {
	t.Helper()
	text, err := c.rig.Must(t.Context(), "", append([]string{"-n", c.namespace}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// secret makes a pull secret of which nobody has heard yet.
func (c *crowd) secret(t *testing.T, name, registry string) {
	t.Helper()
	login, err := json.Marshal(map[string]any{"auths": map[string]any{registry: map[string]string{"username": lab.User, "password": lab.Password}}})
	if err != nil {
		t.Fatal(err)
	}
	body := fmt.Sprintf(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":%q},"type":"kubernetes.io/dockerconfigjson","data":{".dockerconfigjson":%q}}`,
		name, base64.StdEncoding.EncodeToString(login))
	response, err := c.client.Post(c.url+"/api/v1/namespaces/"+c.namespace+"/secrets", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		t.Fatalf("create the secret %s: %s", name, response.Status)
	}
}

// gate is a metric of Pullgate's.
func (c *crowd) gate(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	value, err := c.rig.Gate.Metric(t.Context(), name, labels...)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// passedOver is how often the API server has let something in since Pullgate did not
// answer in time, or at all.
func (c *crowd) passedOver(t *testing.T) float64 {
	t.Helper()
	response, err := c.client.Get(c.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	value, err := rig.Sum(response.Body, "apiserver_admission_webhook_fail_open_count")
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// failurePolicy sets that of every webhook.
func (c *crowd) failurePolicy(t *testing.T, policy string) {
	t.Helper()
	names := strings.Fields(c.must(t, "get", "validatingwebhookconfiguration", "pullgate", "-o", "jsonpath={.webhooks[*].name}"))
	var changes []string
	for i := range names {
		changes = append(changes, fmt.Sprintf(`{"op":"replace","path":"/webhooks/%d/failurePolicy","value":%q}`, i, policy))
	}
	c.must(t, "patch", "validatingwebhookconfiguration", "pullgate", "--type=json", "-p", "["+strings.Join(changes, ",")+"]")
}

// await asks until the answer is yes, or go test is about to give up.
func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	limit, limited := t.Deadline()
	for !done() {
		if limited && time.Until(limit) < time.Minute {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// root is the repository.
const root = "../../.."
