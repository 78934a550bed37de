package rig

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Calls is how often the API server has called Pullgate.
func (g *Gate) Calls(ctx context.Context) (int, error) {
	calls, err := g.Metric(ctx, "pullgate_admission_requests_total")
	return int(calls), err
}

// Metric adds up the values of a metric over the series that have all of these
// labels, each written `name="value"`.
func (g *Gate) Metric(ctx context.Context, name string, labels ...string) (float64, error) {
	response, err := g.get(ctx, g.MetricsURL)
	if err != nil {
		return 0, fmt.Errorf("read pullgate's metrics: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("read pullgate's metrics: %s", response.Status)
	}
	return Sum(response.Body, name, labels...)
}

// Sum adds up the values of a metric in what a program's /metrics says, over the
// series that have all of these labels, each written `name="value"`.
func Sum(metrics io.Reader, name string, labels ...string) (float64, error) {
	sum := 0.0
	lines := bufio.NewScanner(metrics)
	for lines.Scan() {
		value, ok, err := sample(lines.Text(), name, labels)
		if err != nil {
			return 0, err
		}
		if ok {
			sum += value
		}
	}
	return sum, lines.Err()
}

// sample reads one line of the metrics: NAME{LABELS} VALUE.
func sample(line, name string, labels []string) (value float64, ok bool, err error) {
	rest, ok := strings.CutPrefix(line, name)
	if !ok || (!strings.HasPrefix(rest, "{") && !strings.HasPrefix(rest, " ")) {
		return 0, false, nil
	}
	for _, label := range labels {
		if !strings.Contains(rest, "{"+label) && !strings.Contains(rest, ","+label) {
			return 0, false, nil
		}
	}
	value, err = strconv.ParseFloat(rest[strings.LastIndex(rest, " ")+1:], 64)
	if err != nil {
		return 0, false, fmt.Errorf("read the metric %q: %w", line, err)
	}
	return value, true, nil
}
