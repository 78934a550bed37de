package webhook

import (
	"context"
	"log/slog"
	"time"

	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver/pull"
)

// record counts and logs a decision.
func (h *Handler) record(ctx context.Context, request *request, r ruling, took time.Duration) {
	verdict, action := r.summary()
	h.Metrics.answered(r.Decision.Mode, verdict, action, took)
	level := slog.LevelDebug
	if action != policy.Allow || verdict != pull.Skipped {
		level = slog.LevelInfo // what was looked at; the rest is of no interest
	}
	if !h.log().Enabled(ctx, level) {
		return
	}
	found, _ := r.findings()
	h.log().LogAttrs(ctx, level, "decision",
		slog.String("uid", string(request.UID)), slog.String("operation", string(request.Operation)),
		slog.String("kind", request.Kind.Kind), slog.String("namespace", request.Namespace), slog.String("name", request.Name),
		slog.String("subResource", request.SubResource), slog.String("user", request.UserInfo.Username),
		slog.Bool("dryRun", request.DryRun), slog.String("mode", string(r.Decision.Mode)),
		slog.String("verdict", verdict.String()), slog.String("decision", string(action)), slog.String("trouble", plain(r.Trouble, maxMessage)),
		slog.Duration("took", took), slog.Any("images", found))
}
