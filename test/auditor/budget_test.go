package auditor

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pullgate/pullgate/policy"
)

// images are how many are looked at within a budget, and layers what each has.
const images, layers = 30, 12

// Every request of an audit counts, at the host to which it goes: a mirror, a token
// server, and those for layers. None gets more than its budget in any hour, and all
// images are looked at in the end.
func TestEveryHostHasABudget(t *testing.T) {
	for name, budgets := range map[string]struct{ mirror, tokens int }{
		"layers of a mirror": {mirror: 60, tokens: 1000}, "a token server": {mirror: 1000, tokens: 12},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			mirror, tokens := NewRegistry(w.clock.Now), NewRegistry(w.clock.Now)
			t.Cleanup(mirror.Close)
			t.Cleanup(tokens.Close)
			mirror.Realm("http://" + tokens.Host + tokenPath)
			c := configuration(24*time.Hour, 1000)
			c.Depth = policy.Layers
			c.Audit.Registries = []policy.RegistryBudget{{Host: mirror.Host, RequestsPerHour: budgets.mirror}, {Host: tokens.Host, RequestsPerHour: budgets.tokens}}
			c.Registries.HostsDir = mirrored(t, w.registry.Host, mirror.Host)
			a := w.start(c)
			w.feed(w.deploy("first", "shop/none:1", ""), "apply", "-f", "-")
			w.await("somebody who watches", func() bool { return a.value(t, "audit_workloads") >= 1 })
			w.feed(w.layered(mirror), "apply", "-f", "-") // what is new is due at once
			w.await("the Deployments", func() bool { return a.value(t, "audit_workloads") > images })
			for hours := 0; a.value(t, "image_pullable", "namespace=shop") < images; hours++ {
				if hours == 23 {
					t.Fatalf("%v of %d images are pullable after %d hours", a.value(t, "image_pullable", "namespace=shop"), images, hours)
				}
				w.advance(time.Hour)
			}
			used := false
			for of, host := range map[*Registry]int{mirror: budgets.mirror, tokens: budgets.tokens} {
				most := busiest(of.Asked())
				t.Logf("%d requests, of %d in one hour", most, host)
				if most > host {
					t.Errorf("%d requests in an hour, which is more than %d", most, host)
				}
				used = used || len(of.Asked()) > 2*host
			}
			if !used {
				t.Error("no budget was ever used up")
			}
		})
	}
}

// busiest is how often a registry was asked in one hour at most.
func busiest(asked []time.Time) (most int) {
	for i := range asked {
		j := i
		for j < len(asked) && asked[j].Sub(asked[i]) < time.Hour {
			j++
		}
		most = max(most, j-i)
	}
	return most
}

// mirrored is a folder of hosts.toml in which a registry has a mirror.
func mirrored(t *testing.T, registry, mirror string) string {
	t.Helper()
	folder := t.TempDir()
	text := fmt.Sprintf("server = \"http://%s\"\n[host.\"http://%s\"]\ncapabilities = [\"pull\", \"resolve\"]\n", registry, mirror)
	if err := os.MkdirAll(filepath.Join(folder, registry), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, registry, "hosts.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

// layered pushes images with layers, and returns Deployments of them.
func (w *world) layered(to *Registry) (manifests string) {
	w.Helper()
	for i := range images {
		image := fmt.Sprintf("shop/app-%d:1", i)
		var parts []string
		for part := range layers {
			parts = append(parts, fmt.Sprintf("layer %d of %d", part, i))
		}
		if err := to.Push(image, "mirrored", parts...); err != nil {
			w.Fatal(err)
		}
		manifests += w.deploy(fmt.Sprint("app-", i), image, "")
	}
	return manifests
}
