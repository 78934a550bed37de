package main

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/spf13/pflag"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/pullgate/pullgate/cluster"
	"github.com/pullgate/pullgate/nodeprofile"
)

// publication are the flags of `pullgate node-profile` by which a profile is
// kept in the cluster.
type publication struct {
	names                 []string
	namespace, kubeconfig string
	every                 time.Duration
}

func (p *publication) register(flags *pflag.FlagSet) {
	flags.StringSliceVar(&p.names, "publish", nil, "`NAMES` of the ConfigMaps in one of which the profile is kept for pullgate serve; needs one --node, and no glob")
	flags.StringVar(&p.namespace, "namespace", os.Getenv("POD_NAMESPACE"), "`NAMESPACE` of these ConfigMaps; default: $POD_NAMESPACE")
	flags.StringVar(&p.kubeconfig, "kubeconfig", "", "kubeconfig `FILE` with which they are written; default: the Pod's own service account")
	flags.DurationVar(&p.every, "every", 0, "how often the node is read again, until the program is ended; default: it is read once")
}

// run publishes what is read, once or again and again. What fails then is said,
// and tried again.
func (p *publication) run(ctx context.Context, complaints io.Writer, nodes []string, read func() (*nodeprofile.Profile, error)) error {
	if len(nodes) != 1 || p.namespace == "" {
		return &hintedError{err: errors.New("--publish is for one node, in one namespace"), hint: "name them with --node and --namespace"}
	}
	log, err := newLog(complaints, "info")
	if err != nil {
		return err
	}
	shelf, err := p.shelf()
	if err != nil {
		return err
	}
	var told []string
	for {
		profile, err := read()
		if err == nil {
			if !slices.Equal(told, profile.Problems) {
				log.Warn("the profile has problems: what is refused is unknown for this node", "problems", profile.Problems)
				told = profile.Problems
			}
			var written int
			if written, err = shelf.Put(ctx, nodes[0], *profile); written > 0 {
				log.Info("node profile written", "node", nodes[0], "configMaps", written)
			}
		}
		if p.every <= 0 || ctx.Err() != nil {
			return err
		}
		if err != nil {
			log.Error("node profile not written", "node", nodes[0], "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(p.every + rand.N(p.every/10+1)): //nolint:gosec // so that nodes do not read in step
		}
	}
}

// shelf is where profiles are kept.
func (p *publication) shelf() (*cluster.Shelf, error) {
	config, err := ownConfig(p.kubeconfig)
	if err != nil {
		return nil, err
	}
	live, err := client.New(config, client.Options{Mapper: cluster.Mapper()})
	if err != nil {
		return nil, &failedError{err}
	}
	return &cluster.Shelf{Client: live, Namespace: p.namespace, Names: p.names}, nil
}
