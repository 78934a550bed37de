package providers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/pullgate/pullgate/resolver/coalesce"
	"github.com/pullgate/pullgate/resolver/fair"
	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/keyring/dockerconfig"
	"github.com/pullgate/pullgate/resolver/pull"
)

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
	all, runs := &Plugins{tokens: newTokens(time.Now)}, &fair.Limiter{Slots: maxRuns, PerFlow: maxOwnRuns}
	for _, one := range configs {
		program, err := exec.LookPath(filepath.Join(directory, one.Name))
		if err != nil {
			return nil, fmt.Errorf("find the program of credential provider %q in %s: %w", one.Name, binDir, err)
		}
		all.providers = append(all.providers, &provider{
			providerConfig: one, program: program, log: log.With("provider", one.Name), runs: runs,
			asking: coalesce.Group[answerKey, dockerconfig.Config]{Life: maxRun},
			images: dockerconfig.NewGlobs(one.MatchImages), answers: newAnswers(time.Now),
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
	var found dockerconfig.Index
	var missed missed
	for _, one := range p.providers {
		if !one.images.Match(repository) {
			continue
		}
		config, err := p.consult(ctx, one, account, repository, anew)
		found.Add(pull.Source{Kind: pull.FromProvider, Name: one.Name}, config.Logins())
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
	found.Sort()
	return found.Lookup(repository), missed.err()
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

// identify finds out what a provider is told of a Pod (plugin.go, provide). Its
// error is errNotMeant where the kubelet, too, passes over the provider.
func (p *Plugins) identify(ctx context.Context, wanted *tokenAttributes, account *keyring.Account) (identity, error) {
	switch {
	case wanted == nil:
		return identity{}, nil
	case p.Issue == nil:
		return identity{}, errNoTokens
	}
	object, err := account.Get(ctx)
	if err != nil {
		return identity{}, fmt.Errorf("ServiceAccount %s could not be read: %w", account, err)
	}
	who := identity{}
	if who.annotations, err = wanted.pick(object.Annotations); err != nil {
		return identity{}, err
	}
	who.token, err = p.tokens.get(ctx, p.Issue, tokenKey{account.Namespace, account.Name, object.UID, wanted.Audience})
	if err != nil {
		return identity{}, err
	}
	who.whose = wanted.whose(account, object, who)
	return who, nil
}

// unbound is told with whatever a provider said to a token: the kubelet's is
// bound to the Pod, which there is not yet, and the provider, or the registry
// behind it, may insist on that. Who gets in without is let in with it; a
// refusal proves nothing.
func unbound(name string, account *keyring.Account) error {
	return keyring.Elsewhere(fmt.Sprintf("credential provider %q saw a token of ServiceAccount %s that is not bound to the Pod, and may give nodes others", name, account))
}
