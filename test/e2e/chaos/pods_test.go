//go:build linux

package chaos

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pullgate/pullgate/test/e2e/rig"
	"github.com/pullgate/pullgate/test/e2e/rig/rigtest"
)

// positiveTTL is for how long an answer is kept.
const positiveTTL = 5 * time.Second

// TestOneImage creates CHAOS_PODS Pods (2,000 by default) of one image: its registry
// is asked once in each positive TTL. Then a ReplicaSet makes as many: one call for
// itself, none for its Pods.
func TestOneImage(t *testing.T) {
	pods, err := strconv.Atoi(cmp.Or(os.Getenv("CHAOS_PODS"), "2000"))
	if err != nil {
		t.Fatal(err)
	}
	r := rigtest.Start(t, root, rig.Options{Config: rig.DefaultConfig + fmt.Sprintf("cache: {positiveTTL: %s}\n", positiveTTL)})
	c := newCrowd(t, r, "one-image", atOnce)
	image := r.Lab.Open.Ref("shop/worker-00:1.0")
	calls := func() int { return int(c.gate(t, "pullgate_admission_requests_total")) }

	before, began := calls(), time.Now()
	c.fill(t, pods, func(i int64) string {
		// With a name of its own: one that the API server finds may be taken, and it asks again.
		return strings.Replace(podOf(image, ""), `"generateName":"x-"`, fmt.Sprintf(`"name":"x-%d"`, i), 1)
	})
	// Each question is a HEAD. One more than there are periods: they begin anywhere.
	// And now and then another: who looks for an answer just before it is kept, and
	// asks just after it has come, asks again.
	periods := int(time.Since(began)/positiveTTL) + 1
	most := periods + 1 + periods/4
	heads, gets := r.Lab.Open.Count(http.MethodHead, "/v2/shop/worker-00/"), r.Lab.Open.Count(http.MethodGet, "/v2/shop/worker-00/")
	if asked := calls() - before; asked != pods || heads < 1 || heads > most || heads+gets != r.Lab.Requests() {
		t.Errorf("%d Pods made %d calls and %d requests, %d of them HEADs, want %d HEADs at most", pods, asked, r.Lab.Requests(), heads, most)
	}
	t.Logf("%d Pods created in %s: %d calls, the registry was asked %d times in %d periods of %s, and %d GETs in all", pods, time.Since(began).Round(time.Second), calls()-before, heads, periods, positiveTTL, gets)

	before, requests := calls(), r.Lab.Requests()
	began = time.Now()
	c.apply(t, fmt.Sprintf(`{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"name":"many"},"spec":{"replicas":%d,"selector":{"matchLabels":{"app":"many"}},
		"template":{"metadata":{"labels":{"app":"many"}},"spec":{"containers":[{"name":"a","image":%q}]}}}}`, pods, image))
	await(t, "the ReplicaSet's Pods", func() bool {
		made, _ := strconv.Atoi(c.must(t, "get", "replicaset", "many", "-o", "jsonpath={.status.replicas}"))
		return made == pods
	})
	if asked, more := calls()-before, r.Lab.Requests()-requests; asked != 1 || more > 1 {
		t.Errorf("a ReplicaSet of %d Pods made %d calls and %d requests to registries, want 1 and at most 1", pods, asked, more)
	}
	t.Logf("%d Pods made by a ReplicaSet in %s: %d call, for itself", pods, time.Since(began).Round(time.Second), calls()-before)
}

// fill creates so many Pods.
func (c *crowd) fill(t *testing.T, pods int, pod func(int64) string) {
	t.Helper()
	var made atomic.Int64
	var group sync.WaitGroup
	for range atOnce {
		group.Go(func() {
			for i := made.Add(1); i <= int64(pods) && !t.Failed(); i = made.Add(1) {
				c.post(t, "/api/v1/namespaces/"+c.namespace+"/pods", pod(i))
			}
		})
	}
	group.Wait()
}

// post creates what has to be let in.
func (c *crowd) post(t *testing.T, path, object string) {
	response, err := c.client.Post(c.url+path, "application/json", strings.NewReader(object))
	if err != nil {
		t.Error(err)
		return
	}
	_, _ = io.Copy(io.Discard, response.Body) // so that the connection can serve again
	_ = response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		t.Errorf("%s: %s", path, response.Status)
	}
}

func (c *crowd) apply(t *testing.T, replicaSet string) {
	t.Helper()
	c.post(t, "/apis/apps/v1/namespaces/"+c.namespace+"/replicasets", replicaSet)
}
