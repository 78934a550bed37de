package server

import (
	"bytes"
	"log"
	"log/slog"
	"sync"
	"time"
)

// logEvery is how often connections that fail are told of: anybody who reaches
// the port can make any number of them.
const logEvery = time.Second

// sparse passes a line on from time to time, and counts the others.
type sparse struct {
	to *slog.Logger

	mu      sync.Mutex
	next    time.Time
	omitted int
}

// errorLog is for http.Server.ErrorLog.
func errorLog(to *slog.Logger) *log.Logger {
	if to == nil {
		to = slog.Default()
	}
	return log.New(&sparse{to: to}, "", 0)
}

// Write takes one line.
func (s *sparse) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Before(s.next) {
		s.omitted++
		return len(line), nil
	}
	s.to.Warn("a connection failed", "error", string(bytes.TrimSpace(line)), "omitted", s.omitted)
	s.next, s.omitted = now.Add(logEvery), 0
	return len(line), nil
}
