package server

import (
	"bytes"
	"log"
	"log/slog"
	"time"

	"github.com/pullgate/pullgate/webhook/sampling"
)

// logEvery is how often connections that fail are told of: anybody who reaches
// the port can make any number of them.
const logEvery = time.Second

// sparse passes a line on from time to time.
type sparse struct {
	to      *slog.Logger
	sampler sampling.Sampler[struct{}]
}

// errorLog is for http.Server.ErrorLog.
func errorLog(to *slog.Logger) *log.Logger {
	if to == nil {
		to = slog.Default()
	}
	return log.New(&sparse{to: to, sampler: sampling.Sampler[struct{}]{Most: 1, Period: logEvery, LeftOut: func(_ struct{}, count int) {
		to.Warn("more connections failed", "count", count)
	}}}, "", 0)
}

// Write takes one line.
func (s *sparse) Write(line []byte) (int, error) {
	if s.sampler.Take(struct{}{}) {
		s.to.Warn("a connection failed", "error", string(bytes.TrimSpace(line)))
	}
	return len(line), nil
}
