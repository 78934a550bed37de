package main

import (
	"bytes"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pullgate/pullgate/cluster"
	"github.com/pullgate/pullgate/engine"
	"github.com/pullgate/pullgate/metrics"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/wiring"
)

// watched is a reloader of a file, with what it tells.
type watched struct {
	*reloader
	t       *testing.T
	log     bytes.Buffer
	metrics *prometheus.Registry
}

func watch(t *testing.T, content string) *watched {
	t.Helper()
	w := &watched{t: t, metrics: prometheus.NewRegistry()}
	build := func(data []byte) (*built, error) {
		configuration, err := parseConfiguration("c.yaml", data)
		return &built{Engine: &engine.Engine{Policy: configuration}, parts: &wiring.Components{}}, err
	}
	file := write(t, "c.yaml", content)
	engine, err := build([]byte(content))
	if err != nil {
		t.Fatal(err)
	}
	seen, _ := readFile(file)
	w.reloader = newReloader(file, nil, withProfiles(seen, nil), engine, build, slog.New(slog.NewJSONHandler(&w.log, nil)))
	w.register(w.metrics)
	return w
}

// put writes the file anew, or removes it if there is nothing to write.
func (w *watched) put(content *string) {
	w.t.Helper()
	var err error
	if content == nil {
		err = os.Remove(w.file)
	} else {
		err = os.WriteFile(w.file, []byte(*content), 0o600)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// mode is that of the configuration in use.
func (w *watched) mode() policy.Mode {
	e, done := w.current.Use()
	defer done()
	return e.Policy.Mode
}

// metric returns one metric's value.
func (w *watched) metric(name, result string) float64 {
	w.t.Helper()
	families, err := w.metrics.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			if family.GetName() == name && (result == "" || metric.GetLabel()[0].GetValue() == result) {
				return metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
			}
		}
	}
	return 0
}

func TestReload(t *testing.T) {
	text := func(s string) *string { return &s }
	w := watch(t, header+"mode: warn\n")
	steps := []struct {
		name           string
		put            *string
		mode           policy.Mode
		taken, refused float64
		good           float64
		log            string
	}{
		{"as it was", text(header + "mode: warn\n"), policy.Warn, 0, 0, 1, ""},
		{"changed", text(header + "mode: audit\n"), policy.Audit, 1, 0, 1, "configuration taken up"},
		{"looked at again", text(header + "mode: audit\n"), policy.Audit, 1, 0, 1, ""},
		{"bad", text(header + "mode: strict\n"), policy.Audit, 1, 1, 0, "the old one stays in use"},
		{"as bad as before", text(header + "mode: strict\n"), policy.Audit, 1, 1, 0, ""},
		{"emptied", text(""), policy.Audit, 1, 2, 0, "the file is empty"},
		{"as good as before", text(header + "mode: audit\n"), policy.Audit, 2, 2, 1, "configuration taken up"},
		{"gone", nil, policy.Audit, 2, 3, 0, "no such file"},
		{"back", text(header + "mode: audit\n"), policy.Audit, 3, 3, 1, "configuration taken up"},
		{"changed once more", text(header + "mode: off\n"), policy.Off, 4, 3, 1, "configuration taken up"},
	}
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			w.log.Reset()
			w.put(step.put)
			w.look()
			w.look() // nothing happens twice
			if got := w.mode(); got != step.mode {
				t.Errorf("mode %s, want %s", got, step.mode)
			}
			taken, refused, good := w.metric("pullgate_configuration_reloads_total", "taken"), w.metric("pullgate_configuration_reloads_total", "refused"), w.metric("pullgate_configuration_current", "")
			if taken != step.taken || refused != step.refused || good != step.good {
				t.Errorf("%v taken, %v refused, good %v", taken, refused, good)
			}
			if entries := strings.Count(w.log.String(), "\n"); !strings.Contains(w.log.String(), step.log) || entries > 1 || step.log == "" && entries > 0 {
				t.Errorf("log %s", w.log.String())
			}
		})
	}
}

// A node profile is part of what is watched.
func TestReloadOfProfiles(t *testing.T) {
	profile := write(t, "node.yaml", "one")
	w := watch(t, header+"nodes: {profiles: ["+profile+"]}\n")
	for i, content := range []string{"", "one", "two", "two", "three"} {
		if content != "" {
			if err := os.WriteFile(profile, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		w.look()
		if taken := w.metric("pullgate_configuration_reloads_total", "taken"); taken != []float64{0, 0, 1, 1, 2}[i] {
			t.Errorf("%d: %v taken", i, taken)
		}
	}
}

// What a configuration's node profiles were written to goes when nobody uses it
// any more: not while a request does, and at the end for the last one, too.
func TestReloadLeavesNothing(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	profile := write(t, "node.yaml", `
apiVersion: pullgate.dev/v1alpha1
kind: NodeProfile
runtime: {name: containerd}
registries: [{host: images.invalid, server: {url: "https://mirror.invalid"}}]
`)
	folders := func() int {
		t.Helper()
		entries, err := os.ReadDir(temporary)
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	log := slog.New(slog.DiscardHandler)
	in := wiring.Dependencies{Secrets: cluster.Source{}, Observer: metrics.New(prometheus.NewRegistry(), log), Log: log}
	build := func(data []byte) (*built, error) {
		configuration, err := parseConfiguration("c.yaml", data)
		if err != nil {
			return nil, err
		}
		return newEngine(configuration, in)
	}
	text := header + "nodes: {profiles: [" + profile + "]}\n"
	file := write(t, "c.yaml", text)
	first, err := build([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r := newReloader(file, nil, withProfiles([]byte(text), nil), first, build, log)
	_, done := r.current.Use() // a request that goes on
	for i, mode := range []string{"warn", "audit", "off"} {
		if err := os.WriteFile(file, []byte(text+"mode: "+mode+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if r.look(); folders() != 2 {
			t.Errorf("%d folders after %d changes, want those of the request and of now", folders(), i+1)
		}
	}
	if done(); folders() != 1 {
		t.Errorf("%d folders though one configuration is used", folders())
	}
	if r.current.Replace(nil, nil); folders() != 0 {
		t.Errorf("%d folders in the end", folders())
	}
}

// The hash tells configurations apart, node profiles included, and there is one.
func TestConfigurationHash(t *testing.T) {
	w := watch(t, header)
	hash := func() string {
		t.Helper()
		families, err := w.metrics.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			if family.GetName() == "pullgate_configuration_info" && len(family.GetMetric()) == 1 {
				return family.GetMetric()[0].GetLabel()[0].GetValue()
			}
		}
		t.Fatal("not one hash")
		return ""
	}
	first, changed := hash(), header+"mode: warn\n"
	w.put(&changed)
	w.look()
	second, bad := hash(), header+"mode: strict\n"
	w.put(&bad)
	w.look()
	if first == second || hash() != second || len(first) != 12 {
		t.Errorf("%s, %s, then %s", first, second, hash())
	}
	if age := w.metric("pullgate_configuration_age_seconds", ""); age < 0 || age > 600 {
		t.Errorf("the configuration is %v s old", age)
	}
}

// Without a file there is nothing to watch.
func TestReloadOfNothing(t *testing.T) {
	r := newReloader("", nil, nil, &built{Engine: &engine.Engine{}, parts: &wiring.Components{}}, nil, slog.New(slog.DiscardHandler))
	if err := r.Start(t.Context()); err != nil {
		t.Error(err)
	}
	if r.NeedLeaderElection() || (&certificate{}).NeedLeaderElection() {
		t.Error("only one replica would watch")
	}
}
