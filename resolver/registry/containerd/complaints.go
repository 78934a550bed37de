package containerd

import (
	"context"
	"io"
	"log/slog"
	"sync"

	"github.com/containerd/log"
	"github.com/sirupsen/logrus"
)

// maxComplaints is how many different ones are told.
const maxComplaints = 100

// Complaints passes on, each once, what containerd's library has no error for:
// of a hosts.toml that it cannot read it only logs, and goes on without
// (core/remotes/docker/config/hosts.go, loadHostDir).
type Complaints struct {
	log *slog.Logger

	mu   sync.Mutex
	told map[string]bool
}

// NewComplaints returns one that tells a log; nil, which is silent, without.
func NewComplaints(to *slog.Logger) *Complaints {
	if to == nil {
		return nil
	}
	return &Complaints{log: to, told: map[string]bool{}}
}

// listen gives the library a logger that tells errors alone.
func (c *Complaints) listen(ctx context.Context) context.Context {
	if c == nil {
		return Quiet(ctx)
	}
	logger := logrus.New()
	logger.SetOutput(io.Discard)
	logger.SetLevel(logrus.ErrorLevel)
	logger.AddHook(c)
	return log.WithLogger(ctx, logrus.NewEntry(logger))
}

// Levels makes it a logrus.Hook.
func (*Complaints) Levels() []logrus.Level { return []logrus.Level{logrus.ErrorLevel} }

// Fire tells an entry.
func (c *Complaints) Fire(entry *logrus.Entry) error {
	text := entry.Message // without the error, which may quote a line with a password
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.told[text] || len(c.told) >= maxComplaints {
		return nil
	}
	c.told[text] = true
	c.log.Warn("containerd's library " + text + "; it goes on as without")
	return nil
}
