package worlds

import (
	"net/http"
	"testing"

	"github.com/containerd/platforms"

	"github.com/pullgate/pullgate/resolver/pull"
)

// checkCost looks at what an image that is there has cost, and asks for it once
// more: while the answer is kept, after that, and when the token that was got
// for it has been revoked, too.
func (a told) checkCost(t *testing.T, c *customer, s *stock, image string) {
	t.Helper()
	if a.cost.get != levels || a.cost.head > 2 || a.cost.token > 2 || a.cost.tags+a.cost.blob > 0 {
		t.Errorf("a new image of %d levels cost %s", levels, a.cost)
	}
	c.costs(t, image, count{})
	c.forget()
	c.costs(t, image, count{head: 1})
	c.forget()
	s.revoked = true
	result := c.ask(t, image)
	if cost := c.here.asked(); result.Verdict != pull.Pullable || cost.get > 0 || cost.head > 3 || cost.token > 2 {
		t.Errorf("with a token that was revoked: %s, at %s", result.Reason, cost)
	}
}

// checkBound looks at what a refusal has cost, and at what it costs to hear it
// again.
func (a told) checkBound(t *testing.T, c *customer, image string) {
	t.Helper()
	result := c.ask(t, image)
	for _, cost := range []count{a.cost, c.here.asked()} {
		if cost.head > 5 || cost.get > 3 || cost.token > 4 || cost.tags > 1 || cost.blob > 0 {
			t.Errorf("%s cost %s", a.Reason, cost)
		}
	}
	if result.Reason != a.Reason || result.Message != a.Message || result.Hint != a.Hint {
		t.Errorf("asked again it is %s: %s; %s", result.Reason, result.Message, result.Hint)
	}
}

// costs asks for an image that is there and compares what it costs.
func (c *customer) costs(t *testing.T, image string, want count) {
	t.Helper()
	result := c.ask(t, image)
	if cost := c.here.asked(); result.Verdict != pull.Pullable || cost != want {
		t.Errorf("%s is %s at %s; want %s: %s", image, result.Reason, cost, want, result.Message)
	}
}

// TestCost is what a new image costs by its depth, and what is known of it
// spares.
func TestCost(t *testing.T) {
	w, here := dockerHubWorld(), openStreet(t)
	s := newStock(w.host, w.public, w.private)
	single := s.manifest(w.public, "amd64 single")
	s.tag(w.public, "single", single)
	index := s.index(w.public, "index", single)
	nested := s.index(w.public, "nested", index) // alone: nodes take the size from an entry with a platform beside it
	s.index(w.public, "deep", nested)
	byDigest := s.index(w.public, "", s.manifest(w.public, "amd64 by digest"))
	here.settle(w.serve(s))

	for image, depth := range map[string]int{
		"acme/web:single": 1, "acme/web:index": 2, "acme/web:nested": 3, "acme/web:deep": 4,
		"acme/web@" + byDigest.Digest.String():      2,
		"acme/web:gone@" + byDigest.Digest.String(): 2,
	} {
		c := w.customer(here, visit{})
		c.costs(t, image, count{head: 2, token: 1, get: depth})
		c.costs(t, image, count{})
		c.forget()
		c.costs(t, image, count{head: 1})
	}
}

// TestCostOfWhatIsKnown spends none of Docker Hub's quota on a digest that is
// known, by whatever tag and credential.
func TestCostOfWhatIsKnown(t *testing.T) {
	w, here := dockerHubWorld(), openStreet(t)
	s := newStock(w.host, w.public, w.private)
	s.tag(w.public, "stable", s.index(w.public, "1.29", s.manifest(w.public, "amd64 1.29")))
	here.settle(w.serve(s))
	c := w.customer(here, visit{})
	c.costs(t, "acme/web:1.29", count{head: 2, token: 1, get: levels})

	s.limited = true
	c.costs(t, "acme/web:stable", count{head: 1})
	c.forget()
	c.costs(t, "acme/web:1.29", count{head: 1})
	logged := w.customer(here, visit{shows: member})
	c.secrets, c.resolver.Credentials = logged.secrets, logged.resolver.Credentials
	c.costs(t, "acme/web:1.29", count{head: 2, token: 1}) // a credential has a token of its own

	if result := c.ask(t, "acme/web:1.28"); result.Reason != pull.RateLimited {
		t.Errorf("what is not known is %s", result.Reason)
	}
}

// TestCostOfPlatforms reads a manifest for each platform of the nodes.
func TestCostOfPlatforms(t *testing.T) {
	w, here := quayWorld(), openStreet(t)
	here.settle(w.serve(newStock(w.host, w.public, w.private)))
	c := w.customer(here, visit{})
	c.resolver.Platforms = append(c.resolver.Platforms, platforms.MustParse("linux/arm64"))
	c.costs(t, "quay.io/acme/web:1.27", count{head: 2, token: 1, get: levels + 1})
	c.costs(t, "quay.io/acme/web:1.27", count{})
}

// TestCostOfHeadless is a registry that does not know HEAD: the manifest is read
// to learn its digest.
func TestCostOfHeadless(t *testing.T) {
	w, here := harborWorld(), openStreet(t)
	s := newStock(w.host, w.public, w.private)
	inner := w.serve(s)
	here.settle(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if _, kind, _ := route(r); kind == "manifests" && r.Method == http.MethodHead && r.Header.Get("Authorization") != "" {
			rw.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		inner.ServeHTTP(rw, r)
	}))
	c := w.customer(here, visit{})
	c.costs(t, "harbor.example.com/library/web:1.27", count{head: 2, token: 1, get: 1 + levels})
	c.forget()
	c.costs(t, "harbor.example.com/library/web:1.27", count{head: 1, get: 1})
}
