package keyring

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/pullgate/pullgate/resolver/pull"
)

// maxRuns is how many provider programs run at a time. The kubelet has no
// limit, but only its own node's Pods to serve.
const maxRuns = 8

// errNeedsToken is the lot of providers that work with ServiceAccount tokens:
// the kubelet binds the token to the Pod, which does not exist yet.
var errNeedsToken = errors.New("it asks for a ServiceAccount token of the Pod, which there is not before the Pod exists: it is passed over")

// Providers yields the credentials of the kubelet's credential providers
// (pkg/credentialprovider/plugin): programs that are asked for those of one
// image and say for how long, and for what else, they hold. It may be used by
// several goroutines.
type Providers struct {
	providers []*provider
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

// NewProviders reads the kubelet's CredentialProviderConfig, a file or a
// directory of files, and finds the providers' programs in binDir. It refuses
// what the kubelet refuses. Failures of providers are logged to log, if given, and
// so is, at debug level, what the programs write to their standard error.
func NewProviders(config, binDir string, log *slog.Logger) (*Providers, error) {
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
	all, runs := new(Providers), make(chan struct{}, maxRuns)
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

// Lookup asks every provider that is for the repository. All their answers
// make one keyring.
func (p *Providers) Lookup(ctx context.Context, repository string) ([]pull.Credential, error) {
	var answers index
	var failed error
	for _, one := range p.providers {
		if !matchesAny(one.MatchImages, repository) {
			continue
		}
		config, err := one.provide(ctx, repository)
		answers.add("provider/"+one.Name, config)
		if err != nil {
			one.log.WarnContext(ctx, "credential provider failed", "repository", repository, "error", err)
			failed = and(failed, fmt.Errorf("credential provider %q gave none for %s: %w", one.Name, repository, err))
		}
	}
	answers.sort()
	return answers.lookup(repository), failed
}

// and joins errors in one line.
func and(before, err error) error {
	if before == nil {
		return err
	}
	return fmt.Errorf("%w; %w", before, err)
}

// provide returns what the provider says, or said not long ago, about a
// repository. A run goes on when the caller gives up: its answer serves the
// next, and others may be waiting for it.
func (p *provider) provide(ctx context.Context, repository string) (dockerConfig, error) {
	if p.TokenAttributes != nil {
		return nil, errNeedsToken
	}
	if config, found := p.answers.get(repository); found {
		return config, nil
	}
	flight := p.flights.DoChan(repository, func() (any, error) {
		return p.ask(context.WithoutCancel(ctx), repository)
	})
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("no answer in time: %w", context.Cause(ctx))
	case landed := <-flight:
		config, _ := landed.Val.(dockerConfig)
		return config, landed.Err
	}
}

// ask runs the program and keeps its answer for as long as it says.
func (p *provider) ask(ctx context.Context, repository string) (dockerConfig, error) {
	ctx, cancel := context.WithTimeout(ctx, maxRun)
	defer cancel()
	select {
	case p.runs <- struct{}{}:
		defer func() { <-p.runs }()
	case <-ctx.Done():
		return nil, fmt.Errorf("too many providers are running: %w", ctx.Err())
	}
	output, err := p.run(ctx, repository)
	if err != nil {
		return nil, err
	}
	answer, err := parseResponse(output, p.APIVersion)
	if err != nil {
		return nil, err
	}
	if err := p.answers.put(repository, answer, p.DefaultCacheDuration.Duration); err != nil {
		return nil, err
	}
	return answer.config(), nil
}
