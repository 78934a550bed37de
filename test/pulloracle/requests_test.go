package pulloracle

import (
	"slices"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/test/pulloracle/scenario"
)

// repeats is how often containerd puts one question to a host, redirects how
// many it follows (core/remotes/docker/resolver.go and pusher.go), and spare how
// many GETs a registry in trouble costs more.
const (
	repeats   = 5
	redirects = 10
	spare     = 3
)

// testRequests bounds what looking at a manifest costs: no more HEADs than
// containerd may send, a GET for each manifest at most, and one in the end to
// hear the registry's words; for what is known, a HEAD.
func testRequests(t *testing.T, first, second map[string]verdict) {
	t.Helper()
	for _, s := range scenario.All() {
		v, again := first[s.Name], second[s.Name]
		hosts, credentials := hostsOf(s), max(1, len(s.Credentials))
		heads := repeats * hosts * credentials
		if slices.ContainsFunc(s.Faults, func(f scenario.Fault) bool { return f.Redirect != "" }) {
			heads = redirects
		}
		sound := len(s.Faults) == 0 && v.reason == pull.ReasonPullable
		refusals := credentials // each is asked for once more by GET, with and without what is asked for
		if sound {
			refusals--
		}
		switch gets := v.asked.Gets - v.manifests; {
		case v.asked.Heads > heads, sound && gets > 2*refusals, gets > spare+2*refusals*hosts+v.manifests, v.asked.Tags > 1:
			t.Errorf("%s is %s at %+v, with %d manifests", s.Name, v.reason, v.asked, v.manifests)
		case sound && again.asked.Gets > 2*refusals, sound && credentials == 1 && again.asked.Heads > hosts:
			t.Errorf("%s was known, and cost %+v", s.Name, again.asked)
		}
	}
}

// hostsOf counts the hosts that may be asked for a scenario's image.
func hostsOf(s scenario.Scenario) int {
	hosts := 1
	for _, file := range s.Certs {
		hosts += strings.Count(file, "[host.")
	}
	return hosts
}
