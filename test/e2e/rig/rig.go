// Package rig puts together what the demo and the end-to-end tests run on: a
// local Kubernetes, the registries, and Pullgate as its admission webhook,
// installed from the manifest that users install it from.
package rig

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/pullgate/pullgate/test/e2e/cluster"
	"github.com/pullgate/pullgate/test/e2e/lab"
)

// Binaries are the programs that the rig runs.
type Binaries struct {
	// Kube is the multicall binary of the local Kubernetes.
	Kube string
	// Pullgate is the program under test.
	Pullgate string
}

// FindBinaries returns the programs in root/bin, or those that the
// environment names, and says which make target builds what is not there.
func FindBinaries(root string) (Binaries, error) {
	var err error
	find := func(variable, name, target string) string {
		path := os.Getenv(variable)
		if path == "" {
			path = filepath.Join(root, "bin", name)
		}
		info, statErr := os.Stat(path) //nolint:gosec // the environment is the user's own
		if statErr != nil || info.Mode()&0o111 == 0 {
			err = errors.Join(err, fmt.Errorf("%s is not a program: run `make %s`, or set %s to one", path, target, variable))
		}
		absolute, absErr := filepath.Abs(path)
		err = errors.Join(err, absErr)
		return absolute
	}
	found := Binaries{Kube: find("PULLGATE_KUBE", "kube", "kube"), Pullgate: find("PULLGATE_BINARY", "pullgate", "build")}
	return found, err
}

// Options say what to put together.
type Options struct {
	Binaries Binaries
	// Manifest is the one to install Pullgate from.
	Manifest string
	// Config is Pullgate's configuration file; empty: DefaultConfig.
	Config string
	// CertDir gives Pullgate a certificate instead of letting it make one.
	CertDir bool
	// Under is a command that runs Pullgate, such as one that changes what it sees;
	// empty: none.
	Under []string
	// Env is added to Pullgate's environment.
	Env []string
	// Latency is added to every request to a registry.
	Latency time.Duration
	// Before runs before Pullgate is started, and returns further arguments for
	// it; may be nil.
	Before func(context.Context, *cluster.Cluster) (args []string, err error)
	// Progress gets a line for each thing that is being started; may be nil.
	Progress io.Writer
}

// DefaultConfig lets Pullgate dial the one loopback address at which the
// registries are, and says what nodes there would be.
const DefaultConfig = `apiVersion: pullgate.dev/v1alpha1
kind: Configuration
registries:
  allowAddresses: [127.0.0.1/32]
nodes:
  platforms: [linux/amd64, linux/arm64]
`

// Rig is what runs.
type Rig struct {
	*cluster.Cluster
	Lab  *lab.Lab
	Gate *Gate
}

// Start puts a rig together. Stop must be called.
func Start(ctx context.Context, options Options) (*Rig, error) {
	r := &Rig{}
	if err := r.start(ctx, options); err != nil {
		return nil, errors.Join(err, r.Stop())
	}
	return r, nil
}

func (r *Rig) start(ctx context.Context, options Options) error {
	progress := func(text string) {
		if options.Progress != nil {
			_, _ = fmt.Fprintln(options.Progress, text) // nobody is told that nobody is told
		}
	}
	var err error
	progress("starting etcd, kube-apiserver and kube-controller-manager")
	if r.Cluster, err = cluster.Start(ctx, options.Binaries.Kube); err != nil {
		return err
	}
	progress("starting the registries")
	if r.Lab, err = lab.Start(ctx, lab.Options{Dir: r.Dir(), Latency: options.Latency}); err != nil {
		return err
	}
	progress("starting pullgate and registering its webhook")
	r.Gate, err = startGate(ctx, r.Cluster, options)
	return err
}

// Stop ends all of it.
func (r *Rig) Stop() error {
	if r.Gate != nil {
		r.Gate.Stop()
	}
	var err error
	if r.Lab != nil {
		err = r.Lab.Close()
	}
	if r.Cluster != nil {
		err = errors.Join(err, r.Cluster.Stop())
	}
	return err
}
