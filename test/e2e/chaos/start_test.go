//go:build linux

package chaos

import (
	"slices"
	"testing"
	"time"

	"github.com/pullgate/pullgate/test/e2e/rig"
	"github.com/pullgate/pullgate/test/e2e/rig/rigtest"
)

// TestStart measures how long Pullgate takes to be ready: where its certificate is
// there already, and where there is none, so that it is made, kept in a Secret and
// written into the webhook configuration. What it takes is for people to judge: a
// busy machine is no reason to fail.
func TestStart(t *testing.T) {
	const times = 7
	r := rigtest.Start(t, root, rig.Options{})
	c := newCrowd(t, r, "start", atOnce)
	measured := func(prepare func()) (all []time.Duration) {
		for range times {
			r.Gate.Kill()
			prepare()
			took, err := r.Gate.StartReady(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, took.Round(time.Millisecond))
		}
		slices.Sort(all)
		return all
	}
	warm := measured(func() {})
	cold := measured(func() { c.must(t, "-n", r.Gate.Namespace, "delete", "secret", "pullgate-certs") })
	t.Logf("from start to ready: %s with a certificate (median of %v)", warm[times/2], warm)
	t.Logf("from start to ready: %s without one (median of %v)", cold[times/2], cold)
}
