package metrics

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry"
)

// samples returns the counts of a metric by its labels' values.
func samples(t *testing.T, from *prometheus.Registry, name string) map[string]float64 {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]float64{}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, metric := range family.GetMetric() {
			var values []string
			for _, label := range metric.GetLabel() {
				values = append(values, label.GetName()+"="+label.GetValue())
			}
			counts[strings.Join(values, " ")] = metric.GetCounter().GetValue() + float64(metric.GetHistogram().GetSampleCount())
		}
	}
	return counts
}

func TestCounts(t *testing.T) {
	var log bytes.Buffer
	all := prometheus.NewRegistry()
	m := New(all, slog.New(slog.NewJSONHandler(&log, nil)))
	var _ resolver.Observer = m
	var _ registry.Observer = m.Requested

	m.Checked("ghcr.io", pull.TagNotFound)
	m.Checked("ghcr.io", pull.TagNotFound)
	m.Checked("ghcr.io", "slip")
	m.Cached(true)
	m.Cached(false)
	m.Cached(false)
	m.Requested("ghcr.io", "HEAD", 404, time.Second)
	m.Requested("ghcr.io", "HEAD", 0, time.Second)
	for _, err := range []error{nil, apierrors.NewNotFound(corev1.Resource("secrets"), "a"), apierrors.NewForbidden(corev1.Resource("secrets"), "a", nil), context.DeadlineExceeded, context.Canceled} {
		m.Read("Secret", err)
	}
	m.Panicked("a bug", []byte("the stack"))

	for name, want := range map[string]map[string]float64{
		"pullgate_checks_total":                      {"reason=TagNotFound registry=ghcr.io verdict=broken": 2, "reason=slip registry=ghcr.io verdict=unknown": 1},
		"pullgate_cache_requests_total":              {"result=hit": 1, "result=miss": 2},
		"pullgate_registry_requests_total":           {"code=404 method=HEAD registry=ghcr.io": 1, "code=0 method=HEAD registry=ghcr.io": 1},
		"pullgate_registry_request_duration_seconds": {"registry=ghcr.io": 2},
		"pullgate_check_panics_total":                {"": 1},
		"pullgate_secret_reads_total":                {"kind=Secret result=read": 1, "kind=Secret result=missing": 1, "kind=Secret result=forbidden": 1, "kind=Secret result=failed": 1},
	} {
		if got := samples(t, all, name); !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if entry := log.String(); !strings.Contains(entry, "a bug") || !strings.Contains(entry, "the stack") {
		t.Errorf("log %s", entry)
	}
}

// Whoever may create a Pod names registries, and these name others.
func TestRegistriesAreBounded(t *testing.T) {
	all := prometheus.NewRegistry()
	m := New(all, slog.New(slog.DiscardHandler))
	m.Requested("\xff.example.com", "GET", 200, 0)
	m.Requested(strings.Repeat("x", 300), "GET", 200, 0)
	for i := range 3 * maxValues {
		m.Requested(fmt.Sprintf("r%d.example.com", i), "GET", 200, 0)
		m.Checked(fmt.Sprintf("r%d.example.com", i), pull.RateLimited)
	}
	got := samples(t, all, "pullgate_registry_requests_total")
	if len(got) != maxValues+1 || got["code=200 method=GET registry=other"] != 2*maxValues+2 || got["code=200 method=GET registry=r0.example.com"] != 1 {
		t.Errorf("%d series: %v", len(got), got)
	}
	if got := samples(t, all, "pullgate_checks_total"); len(got) != maxValues+1 {
		t.Errorf("%d series of checks", len(got))
	}
}
