package providers

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/pullgate/pullgate/resolver/cache"
	"github.com/pullgate/pullgate/resolver/coalesce"
	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/pull"
)

const (
	// maxLogin is how long a login may take; its answer serves those who come
	// later.
	maxLogin = 30 * time.Second
	// loginPatience is how long one look-up waits for it, so that the registry
	// can still be asked within a webhook's deadline.
	loginPatience = 3 * time.Second
	// failedLogin is how long a failure holds: whoever grants the missing right
	// need not wait, and a metadata server that hangs is not asked all the time.
	failedLogin = 10 * time.Second
)

// CloudLogin logs in to the registries of one cloud.
type CloudLogin interface {
	// Scope says for what a login at a host holds, such as for a region: the
	// hosts of a scope share it. It is empty for a host that is none of the
	// cloud's.
	Scope(host string) string
	// Login returns a credential, and until when it holds. An error holds no
	// value of a credential, and begins with what to do.
	Login(ctx context.Context, scope string) (pull.Credential, time.Time, error)
}

// Cloud yields the credentials that the cloud's identity of our own process
// gives, in place of those of the nodes' identity. It may be used by several
// goroutines.
type Cloud struct {
	name   string
	login  CloudLogin
	log    *slog.Logger
	slots  chan struct{} // bounds the logins under way
	asking coalesce.Group[string, cloudAnswer]
	kept   *cache.Cache[string, cloudAnswer]
}

// cloudAnswer is what came of a login.
type cloudAnswer struct {
	credential pull.Credential
	err        error
}

// NewCloud returns the credentials of a cloud, which nodes.cloudCredentials
// calls name. Failures are logged to log, if given.
func NewCloud(name string, to CloudLogin, log *slog.Logger) *Cloud {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Cloud{
		name: name, login: to, log: log.With("cloud", name), slots: make(chan struct{}, maxRuns),
		asking: coalesce.Group[string, cloudAnswer]{Life: maxLogin},
		kept:   cache.New(cache.Options[string, cloudAnswer]{Entries: maxAnswers}),
	}
}

// Lookup returns the cloud's credential for its own registries, and none for
// others.
func (c *Cloud) Lookup(ctx context.Context, _ *keyring.Account, repository string) ([]pull.Credential, error) {
	host, _, _ := strings.Cut(repository, "/")
	scope := c.login.Scope(host)
	if scope == "" {
		return nil, nil
	}
	found := c.get(ctx, scope)
	if found.err != nil {
		return nil, fmt.Errorf("nodes.cloudCredentials %s: %w", c.name, found.err)
	}
	return []pull.Credential{found.credential}, nil
}

// get returns what a login gave not long ago, or gives now.
func (c *Cloud) get(ctx context.Context, scope string) cloudAnswer {
	if last, ok := c.kept.Get(scope); ok {
		return last
	}
	patience, cancel := context.WithTimeout(ctx, loginPatience)
	defer cancel()
	found, _, err := c.asking.Ask(patience, scope, func(ctx context.Context) (cloudAnswer, error) {
		return c.ask(ctx, scope), nil
	})
	if err != nil {
		return cloudAnswer{err: fmt.Errorf("ask again: %w", err)}
	}
	return found
}

// ask logs in. A credential is kept for half of its life, as the clouds' own
// credential providers do, so that it lasts while it is in use.
func (c *Cloud) ask(ctx context.Context, scope string) cloudAnswer {
	credential, until, err := c.try(ctx, scope)
	now := time.Now()
	answer, holds := cloudAnswer{credential: credential}, until.Sub(now)/2
	if err != nil {
		c.log.WarnContext(ctx, "login to a cloud's registries failed", "scope", scope, "error", err)
		answer, holds = cloudAnswer{err: err}, failedLogin
	}
	c.kept.PutUntil(scope, answer, now.Add(holds))
	return answer
}

// try waits for its turn. A library that panics must not end us: what it
// panicked with may be a secret.
func (c *Cloud) try(ctx context.Context, scope string) (credential pull.Credential, until time.Time, err error) {
	defer func() {
		if recovered := recover(); recovered != nil {
			credential, err = pull.Credential{}, fmt.Errorf("internal error: the cloud's library panicked: %T", recovered)
		}
	}()
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return credential, until, fmt.Errorf("too many logins are under way: %w", ctx.Err())
	}
	return c.login.Login(ctx, scope)
}
