package doctor

import (
	"bytes"
	"context"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"k8s.io/client-go/rest"
)

// counted reads what an API server counts of Pullgate's entries
// (apiserver pkg/admission/metrics/metrics.go).
func counted(ctx context.Context, client rest.Interface) (Counts, error) {
	text, err := client.Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return Counts{}, err
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		return Counts{}, err
	}
	return Counts{
		FailedOpen: byEntry(families["apiserver_admission_webhook_fail_open_count"]),
		Left:       byEntry(families["apiserver_admission_match_condition_exclusions_total"]),
		Errors:     byEntry(families["apiserver_admission_match_condition_evaluation_errors_total"]),
	}, nil
}

// byEntry adds up a counter by its label name.
func byEntry(family *dto.MetricFamily) map[string]float64 {
	sums := map[string]float64{}
	for _, metric := range family.GetMetric() {
		for _, label := range metric.GetLabel() {
			if label.GetName() == "name" && strings.HasSuffix(label.GetValue(), entrySuffix) {
				sums[label.GetValue()] += metric.GetCounter().GetValue()
			}
		}
	}
	return sums
}

// since returns what was counted after before.
func (c Counts) since(before Counts) Counts {
	return Counts{FailedOpen: less(c.FailedOpen, before.FailedOpen), Left: less(c.Left, before.Left), Errors: less(c.Errors, before.Errors)}
}

func less(after, before map[string]float64) map[string]float64 {
	more := map[string]float64{}
	for name, value := range after {
		if value > before[name] {
			more[name] = value - before[name]
		}
	}
	return more
}

// countedSince reads what was counted after before.
func countedSince(ctx context.Context, client rest.Interface, before Counts) (Counts, error) {
	after, err := counted(ctx, client)
	return after.since(before), err
}
