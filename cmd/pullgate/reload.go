package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pullgate/pullgate/cluster"
	"github.com/pullgate/pullgate/engine"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/wiring"
)

// reloadEvery is how often the configuration file is looked at. Mounted
// ConfigMaps change by renamed links, which file notification misses.
const reloadEvery = 2 * time.Second

// reloader takes a changed configuration file up, and refuses a bad one.
type reloader struct {
	file    string
	kept    *cluster.Profiles
	build   func(data []byte) (*built, error)
	log     *slog.Logger
	current engine.Current
	parts   atomic.Pointer[wiring.Components]
	seen    []byte
	used    []byte // what the engine in use was made of

	reloads *prometheus.CounterVec
	good    prometheus.Gauge
	hash    *prometheus.GaugeVec
	looked  atomic.Bool  // since the cluster's profiles are known
	since   atomic.Int64 // when the configuration in use was taken up, as Unix time in nanoseconds
}

// withProfiles is what an engine is made of: the content of a configuration file,
// of the node profiles that it names, and what bears on pulls in those that the
// cluster keeps. Which nodes have them, the engine sees by itself.
func withProfiles(data []byte, kept *cluster.Profiles) []byte {
	configuration, err := policy.Parse(data)
	if err != nil {
		return data
	}
	for _, name := range configuration.Nodes.Profiles {
		profile, _ := readFile(name) // what is wrong with it says who reads it
		data = slices.Concat(data, []byte{0}, profile)
	}
	profiles := kept.Settings()
	for _, name := range slices.Sorted(maps.Keys(profiles)) {
		data = slices.Concat(data, []byte{0}, []byte(name), []byte{0}, profiles[name])
	}
	return data
}

// newReloader starts out with a first engine and watches the file it is from, and
// the node profiles, be they files or kept in the cluster. Seen is what was in them before the engine's configuration was read: what changes
// from then on is taken up.
func newReloader(file string, kept *cluster.Profiles, seen []byte, first *built, build func([]byte) (*built, error), log *slog.Logger) *reloader {
	r := &reloader{
		file: file, kept: kept, seen: seen, build: build, log: log,
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pullgate_configuration_reloads_total", Help: "Changed configuration files, by result: taken or refused.",
		}, []string{"result"}),
		good: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "pullgate_configuration_current", Help: "1 while the configuration in use is the one in the file, 0 after a bad one was refused.",
		}),
		hash: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "pullgate_configuration_info", Help: "Always 1; the label tells configurations in use apart: the beginning of the hash of the file and of what the node profiles say of pulls.",
		}, []string{"sha256"}),
	}
	for _, result := range []string{"taken", "refused"} {
		r.reloads.WithLabelValues(result) // there from the start, or Prometheus would not see the first
	}
	r.take(first)
	r.looked.Store(kept.Synced())
	return r
}

// register registers what is known of the configuration.
func (r *reloader) register(registerer prometheus.Registerer) {
	registerer.MustRegister(r.reloads, r.good, r.hash, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "pullgate_configuration_age_seconds", Help: "How long ago the configuration in use was taken up.",
	}, func() float64 { return time.Since(time.Unix(0, r.since.Load())).Seconds() }))
}

// take takes an engine into use, made of what was seen last.
func (r *reloader) take(b *built) {
	const enough = 6 // bytes, to tell apart what is not made to look alike
	sum := sha256.Sum256(r.seen)
	r.hash.Reset()
	r.hash.WithLabelValues(hex.EncodeToString(sum[:enough])).Set(1)
	r.used = r.seen
	r.since.Store(time.Now().UnixNano())
	r.good.Set(1)
	r.parts.Store(b.parts)
	r.current.Replace(b.Engine, b.retire)
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
	synced := r.kept.Synced() // before they are read
	all := withProfiles(data, r.kept)
	defer func() {
		if synced && err == nil && bytes.Equal(all, r.used) {
			r.looked.Store(true)
		}
	}()
	if err != nil || bytes.Equal(all, r.seen) {
		if err != nil && r.seen != nil {
			r.refuse(err)
			r.seen = nil
		}
		return
	}
	r.seen = all
	changed, err := r.build(data)
	if err != nil {
		r.refuse(err)
		return
	}
	r.take(changed)
	r.reloads.WithLabelValues("taken").Inc()
	r.log.Info("configuration taken up", "file", r.file)
}

// ready says why the first requests have to wait: for the node profiles that the
// cluster keeps, without which what nodes pull from a mirror would be refused.
func (r *reloader) ready(*http.Request) error {
	if r.file != "" && !r.looked.Load() {
		return errors.New("the node profiles are not yet known")
	}
	return nil
}

func (r *reloader) refuse(err error) {
	r.reloads.WithLabelValues("refused").Inc()
	r.good.Set(0)
	r.log.Error("configuration refused, the old one stays in use", "file", r.file, "error", err.Error())
}
