package providers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/pullgate/pullgate/resolver/coalesce"
	"github.com/pullgate/pullgate/resolver/fair"
	"github.com/pullgate/pullgate/resolver/keyring/dockerconfig"
)

const (
	// maxRun is the kubelet's limit for one run (plugin.go, ExecPlugin); here the
	// wait for other programs counts.
	maxRun = time.Minute
	// maxRuns is how many provider programs run at a time, and maxOwnRuns how many
	// of one provider: one that hangs leaves room for the others. The kubelet has no
	// limit, but only its own node's Pods to serve.
	maxRuns    = 8
	maxOwnRuns = 6
)

// provider is one program with what it answered.
type provider struct {
	providerConfig
	program string
	// images are MatchImages, read once.
	images dockerconfig.Globs
	log    *slog.Logger
	// runs bounds the programs that run at a time, of all providers.
	runs    *fair.Limiter
	asking  coalesce.Group[answerKey, dockerconfig.Config]
	answers *answers
}

// provide returns what the provider says, or said not long ago, about a
// repository to whoever it is told.
func (p *provider) provide(ctx context.Context, who identity, repository string) (dockerconfig.Config, error) {
	if config, found := p.answers.get(who.whose, repository); found {
		return config, nil
	}
	return p.provideAnew(ctx, who, repository)
}

// provideAnew asks the provider now; whoever asks the same meanwhile shares the
// answer. The program goes on though all gave up, since its answer is kept.
func (p *provider) provideAnew(ctx context.Context, who identity, repository string) (dockerconfig.Config, error) {
	config, _, err := p.asking.Ask(ctx, answerKey{who.whose, repository}, func(ctx context.Context) (dockerconfig.Config, error) {
		return p.ask(ctx, who, repository)
	})
	return config, err
}

// ask runs the program and keeps its answer for as long as it says.
func (p *provider) ask(ctx context.Context, who identity, repository string) (dockerconfig.Config, error) {
	end, err := p.runs.Enter(ctx, fair.NewTicket(p.Name))
	if err != nil {
		return nil, fmt.Errorf("too many providers are running: %w", err)
	}
	defer end()
	output, err := p.run(ctx, who, repository)
	if err != nil {
		return nil, err
	}
	answer, err := parseResponse(output, p.APIVersion)
	if err != nil {
		return nil, err
	}
	if answer.echoes(who.token) && p.TokenAttributes.CacheType != cacheByToken {
		return nil, errors.New("its answer has the ServiceAccount's token as a password, which only cacheType: Token allows")
	}
	if err := p.answers.put(who.whose, repository, answer, p.DefaultCacheDuration.Duration); err != nil {
		return nil, err
	}
	return answer.config(), nil
}
