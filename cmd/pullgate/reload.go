package main

import (
	"bytes"
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pullgate/pullgate/engine"
)

// reloadEvery is how often the configuration file is looked at. Mounted
// ConfigMaps change by renamed links, which file notification misses.
const reloadEvery = 2 * time.Second

// reloader takes a changed configuration file up, and refuses a bad one.
type reloader struct {
	file    string
	build   func(data []byte) (*engine.Engine, error)
	log     *slog.Logger
	current atomic.Pointer[engine.Engine]
	seen    []byte

	reloads *prometheus.CounterVec
	good    prometheus.Gauge
}

// newReloader starts out with a first engine and watches the file it is from. Seen is
// what was in the file before the engine's configuration was read: what changes
// from then on is taken up.
func newReloader(file string, seen []byte, first *engine.Engine, build func([]byte) (*engine.Engine, error), log *slog.Logger) *reloader {
	r := &reloader{
		file: file, seen: seen, build: build, log: log,
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pullgate_configuration_reloads_total", Help: "Changed configuration files, by result: taken or refused.",
		}, []string{"result"}),
		good: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "pullgate_configuration_current", Help: "1 while the configuration in use is the one in the file, 0 after a bad one was refused.",
		}),
	}
	r.good.Set(1)
	r.current.Store(first)
	return r
}

// Start watches the file until the context ends; it makes a reloader a
// controller-runtime Runnable.
func (r *reloader) Start(ctx context.Context) error {
	if r.file == "" {
		return nil
	}
	ticker := time.NewTicker(reloadEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			r.look()
		}
	}
}

// NeedLeaderElection says that every replica watches its own file.
func (r *reloader) NeedLeaderElection() bool { return false }

// look takes the file up if it changed.
func (r *reloader) look() {
	data, err := readFile(r.file)
	if err != nil || bytes.Equal(data, r.seen) {
		if err != nil && r.seen != nil {
			r.refuse(err)
			r.seen = nil
		}
		return
	}
	r.seen = data
	changed, err := r.build(data)
	if err != nil {
		r.refuse(err)
		return
	}
	r.current.Store(changed)
	r.reloads.WithLabelValues("taken").Inc()
	r.good.Set(1)
	r.log.Info("configuration taken up", "file", r.file)
}

func (r *reloader) refuse(err error) {
	r.reloads.WithLabelValues("refused").Inc()
	r.good.Set(0)
	r.log.Error("configuration refused, the old one stays in use", "file", r.file, "error", err.Error())
}
