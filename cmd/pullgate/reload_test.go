package main

import (
	"bytes"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pullgate/pullgate/engine"
	"github.com/pullgate/pullgate/policy"
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
	build := func(data []byte) (*engine.Engine, error) {
		configuration, err := parseConfiguration("c.yaml", data)
		return &engine.Engine{Policy: configuration}, err
	}
	file := write(t, "c.yaml", content)
	engine, err := build([]byte(content))
	if err != nil {
		t.Fatal(err)
	}
	seen, _ := readFile(file)
	w.reloader = newReloader(file, withProfiles(seen), engine, build, slog.New(slog.NewJSONHandler(&w.log, nil)))
	w.metrics.MustRegister(w.reloads, w.good)
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
			if got := w.current.Load().Policy.Mode; got != step.mode {
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

// Without a file there is nothing to watch.
func TestReloadOfNothing(t *testing.T) {
	r := newReloader("", nil, &engine.Engine{}, nil, slog.New(slog.DiscardHandler))
	if err := r.Start(t.Context()); err != nil {
		t.Error(err)
	}
	if r.NeedLeaderElection() || (&certificate{}).NeedLeaderElection() {
		t.Error("only one replica would watch")
	}
}
