package providers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/keyring/dockerconfig"
	"github.com/pullgate/pullgate/resolver/pull"
)

// maxRuns is how many provider programs run at a time. The kubelet has no
// limit, but only its own node's Pods to serve.
const maxRuns = 8

// Plugins yields the credentials of the kubelet's credential providers
// (pkg/credentialprovider/plugin): programs that are asked for those of one
// image and say for how long, and for what else, they hold. It may be used by
// several goroutines.
type Plugins struct {
	// Issue issues the tokens of ServiceAccounts for which providers ask, to
	// be set before the first use; nil: nobody does.
	Issue Issuer

	providers []*provider
	tokens    *tokens
}

// provider is one program with what it answered.
type provider struct {
	providerConfig
	program string
	log     *slog.Logger
	// runs bounds the programs that run at a time, of all providers.
	runs    chan struct{}
	flights singleflight.Group
	answers answers
}

// NewPlugins reads the kubelet's CredentialProviderConfig, a file or a
// directory of files, and finds the providers' programs in binDir. It refuses
// what the kubelet refuses. Failures of providers are logged to log, if given, and
// so is, at debug level, what programs that fail write to their standard error.
func NewPlugins(config, binDir string, log *slog.Logger) (*Plugins, error) {
	configs, err := readProviderConfigs(config)
	if err != nil {
		return nil, fmt.Errorf("read credential providers from %s: %w", config, err)
	}
	directory, err := filepath.Abs(binDir)
	if err != nil {
		return nil, fmt.Errorf("find the credential providers' directory %s: %w", binDir, err)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	all, runs := &Plugins{tokens: newTokens()}, make(chan struct{}, maxRuns)
	for _, one := range configs {
		program, err := exec.LookPath(filepath.Join(directory, one.Name))
		if err != nil {
			return nil, fmt.Errorf("find the program of credential provider %q in %s: %w", one.Name, binDir, err)
		}
		all.providers = append(all.providers, &provider{
			providerConfig: one, program: program, log: log.With("provider", one.Name), runs: runs, answers: answers{now: time.Now},
		})
	}
	return all, nil
}

// Lookup asks every provider that is for the repository, in the name of the
// account where it works with tokens. All their answers make one keyring.
func (p *Plugins) Lookup(ctx context.Context, account *keyring.Account, repository string) ([]pull.Credential, error) {
	return p.lookup(ctx, account, repository, false)
}

// Anew returns the same providers, such that they are asked whatever they said
// before.
func (p *Plugins) Anew() keyring.NodeSource { return forgetful{p} }

// forgetful are Plugins whose kept answers do not count.
type forgetful struct{ *Plugins }

// Lookup is that of Plugins.
func (f forgetful) Lookup(ctx context.Context, account *keyring.Account, repository string) ([]pull.Credential, error) {
	return f.lookup(ctx, account, repository, true)
}

func (p *Plugins) lookup(ctx context.Context, account *keyring.Account, repository string, anew bool) ([]pull.Credential, error) {
	var answers dockerconfig.Index
	var missed missed
	for _, one := range p.providers {
		if !dockerconfig.MatchesAny(one.MatchImages, repository) {
			continue
		}
		config, err := p.consult(ctx, one, account, repository, anew)
		answers.Add(pull.Source{Kind: pull.FromProvider, Name: one.Name}, config)
		switch {
		case errors.Is(err, errNotMeant):
			continue
		case err != nil:
			one.log.Log(ctx, severity(err), "credential provider failed", "repository", repository, "error", err)
			missed.add(fmt.Errorf("credential provider %q gave none: %w", one.Name, err))
		case one.TokenAttributes != nil:
			missed.add(unbound(one.Name, account))
		}
	}
	answers.Sort()
	return answers.Lookup(repository), missed.err()
}

// severity is how much a provider's error matters to whoever runs Pullgate.
// What it cannot see by design goes into each verdict.
func severity(err error) slog.Level {
	if errors.Is(err, keyring.ErrElsewhere) {
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

// consult returns what one provider says.
func (p *Plugins) consult(ctx context.Context, one *provider, account *keyring.Account, repository string, anew bool) (dockerconfig.Config, error) {
	who, err := p.identify(ctx, one.TokenAttributes, account)
	if err != nil {
		return nil, err
	}
	if anew {
		return one.provideAnew(ctx, who, repository)
	}
	return one.provide(ctx, who, repository)
}

// unbound is told with whatever a provider said to a token: the kubelet's is
// bound to the Pod, which there is not yet, and the provider, or the registry
// behind it, may insist on that. Who gets in without is let in with it; a
// refusal proves nothing.
func unbound(name string, account *keyring.Account) error {
	return keyring.Elsewhere(fmt.Sprintf("credential provider %q saw a token of ServiceAccount %s that is not bound to the Pod, and may give nodes others", name, account))
}

// missed are the reasons for which there may be more credentials.
type missed struct{ failed, elsewhere error }

func (m *missed) add(err error) {
	if errors.Is(err, keyring.ErrElsewhere) {
		m.elsewhere = and(m.elsewhere, err)
	} else {
		m.failed = and(m.failed, err)
	}
}

// err is an keyring.ErrElsewhere if nothing failed.
func (m *missed) err() error {
	if m.failed != nil && m.elsewhere != nil {
		return fmt.Errorf("%w; %s", m.failed, m.elsewhere.Error())
	}
	if m.failed != nil {
		return m.failed
	}
	return m.elsewhere
}

// and joins errors in one line.
func and(before, err error) error {
	if before == nil {
		return err
	}
	return fmt.Errorf("%w; %w", before, err)
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
// answer.
func (p *provider) provideAnew(ctx context.Context, who identity, repository string) (dockerconfig.Config, error) {
	return shared(ctx, &p.flights, fmt.Sprintf("%x %s", who.whose, repository), func(ctx context.Context) (dockerconfig.Config, error) {
		return p.ask(ctx, who, repository)
	})
}

// ask runs the program and keeps its answer for as long as it says.
func (p *provider) ask(ctx context.Context, who identity, repository string) (dockerconfig.Config, error) {
	ctx, cancel := context.WithTimeout(ctx, maxRun)
	defer cancel()
	select {
	case p.runs <- struct{}{}:
		defer func() { <-p.runs }()
	case <-ctx.Done():
		return nil, fmt.Errorf("too many providers are running: %w", ctx.Err())
	}
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
