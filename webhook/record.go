package webhook

import (
	"context"
	"log/slog"
	"time"

	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/webhook/sampling"
)

const (
	// logMost is how many decisions of a namespace are logged for one reason in
	// logPeriod: enough to see each of a team's, and too few for a controller
	// that tries again and again to fill the log.
	logMost   = 10
	logPeriod = 10 * time.Second
)

// subject is by what lines of the log are counted: one tenant's keep no other's
// out of it.
type subject struct{ namespace, reason string }

// record counts and logs a decision.
func (h *Handler) record(ctx context.Context, request *request, r ruling, took time.Duration) {
	verdict, action := r.summary()
	h.Metrics.answered(request.Namespace, r, took)
	level := slog.LevelDebug
	if action != policy.Allow || verdict != pull.Skipped {
		level = slog.LevelInfo // what was looked at; the rest is of no interest
	}
	if !h.log().Enabled(ctx, level) || !h.tells(ctx, subject{request.Namespace, r.reason()}) {
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

// warn logs what is wrong with a request, which others can cause at will.
func (h *Handler) warn(ctx context.Context, about subject, args ...any) {
	if h.tells(ctx, about) {
		h.log().WarnContext(ctx, about.reason, args...)
	}
}

// tells whether one more line about something is to be logged; at level debug,
// each is.
func (h *Handler) tells(ctx context.Context, about subject) bool {
	if h.log().Enabled(ctx, slog.LevelDebug) {
		return true
	}
	return h.samples().Take(about)
}

// samples is what bounds the log.
func (h *Handler) samples() *sampling.Sampler[subject] {
	h.sampled.Do(func() {
		h.sampler = &sampling.Sampler[subject]{Most: logMost, Period: logPeriod, LeftOut: func(about subject, count int) {
			if about == (subject{}) { // there are too many to tell them apart
				h.log().Info("more of further namespaces and reasons was left out", "count", count)
				return
			}
			h.log().Info("more of the same was left out", "namespace", about.namespace, "reason", about.reason, "count", count)
		}}
	})
	return h.sampler
}

// Flush logs how many lines were left out that nothing was said of yet.
func (h *Handler) Flush() { h.samples().Flush() }
