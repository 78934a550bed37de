// Package stage is a control plane on this machine, with Nodes whose kubelets and
// containerds are real, and registries that fail as they are told.
package stage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/pullgate/pullgate/test/e2e/cluster"
	"github.com/pullgate/pullgate/test/pulloracle/content"
	"github.com/pullgate/pullgate/test/pulloracle/lab"
	"github.com/pullgate/pullgate/test/pulloracle/node"
	"github.com/pullgate/pullgate/test/pulloracle/scenario"
)

// The Nodes.
const (
	// Roomy pulls many images at a time.
	Roomy = "roomy"
	// Narrow pulls one image after the other, one a second, into little room.
	Narrow = "narrow"
	// Bare finds no image for its Pods' sandboxes.
	Bare = "bare"
)

// Scenarios of the stage's own.
const (
	sandbox = "sandbox"
	// NoSandbox is that of Bare's sandboxes, which its registry has lost.
	NoSandbox = "no-sandbox"
)

// Refused is in the names of images that Roomy's verifier refuses.
const Refused = "unsigned"

// narrowRoom is enough for what all Pods need, and not for two large images.
const narrowRoom = 48 << 20

// startFor is how long a Node may take to come.
const startFor = time.Minute

// Programs are those that the stage is made of.
type Programs struct{ Kube, Containerd, Shim, Crictl, Sleeper, Pullgate string }

// Stage is what runs.
type Stage struct {
	*cluster.Cluster
	Lab *lab.Lab

	programs Programs
	client   *http.Client
	url      string
	nodes    map[string]*machine
}

// machine is one Node.
type machine struct {
	node    *node.Node
	kubelet *node.Kubelet
}

// Start makes a stage with the registries of some scenarios. Stop is to be called
// after.
func Start(ctx context.Context, programs Programs, scenarios []scenario.Scenario) (*Stage, error) {
	s := &Stage{programs: programs, nodes: map[string]*machine{}}
	if err := s.start(ctx, scenarios); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (s *Stage) start(ctx context.Context, scenarios []scenario.Scenario) error {
	if err := node.AbleToRun(); err != nil {
		return err
	}
	var err error
	if s.Cluster, err = cluster.Start(ctx, s.programs.Kube); err != nil {
		return err
	}
	for name, program := range map[string]string{"crictl": s.programs.Crictl, "kubectl-pullgate": s.programs.Pullgate} {
		if err := os.Symlink(program, filepath.Join(s.Bin(), name)); err != nil {
			return err
		}
	}
	if s.client, s.url, err = s.Connect(); err != nil {
		return err
	}
	if err := s.startRegistries(ctx, scenarios); err != nil {
		return err
	}
	if err := s.writeVerifier(); err != nil {
		return err
	}
	for name, options := range map[string]node.Options{
		Roomy:  {Sandbox: s.Lab.Image(sandbox), Verifiers: s.verifiers()},
		Narrow: {Sandbox: s.Lab.Image(sandbox), Room: narrowRoom},
		Bare:   {Sandbox: s.Lab.Image(NoSandbox)},
	} {
		if err := s.startNode(ctx, name, options); err != nil {
			return fmt.Errorf("node %s: %w", name, err)
		}
	}
	return nil
}

// Certs is the folder of hosts.toml of every Node.
func (s *Stage) Certs() string { return filepath.Join(s.Dir(), "certs.d") }

func (s *Stage) verifiers() string { return filepath.Join(s.Dir(), "verifiers") }

func (s *Stage) startRegistries(ctx context.Context, scenarios []scenario.Scenario) error {
	program, err := content.ProgramLayer(s.programs.Sleeper)
	if err != nil {
		return err
	}
	pause := content.Image{Layers: []content.Layer{{Data: program}}}
	all := append([]scenario.Scenario{{Name: sandbox, Holds: pause}, {Name: NoSandbox, Holds: pause}}, scenarios...)
	for i := range all {
		all[i] = all[i].Complete()
	}
	if s.Lab, err = lab.Start(ctx, all, s.Dir()); err != nil {
		return err
	}
	s.Lab.Lose(NoSandbox)
	if err := os.MkdirAll(s.Certs(), 0o700); err != nil {
		return err
	}
	for i := range all {
		if _, err := s.Lab.WriteCerts(all[i].Name, s.Certs()); err != nil {
			return fmt.Errorf("write certs.d for %s: %w", all[i].Name, err)
		}
	}
	return nil
}

// writeVerifier writes a program that containerd asks before it pulls
// (containerd docs/image-verification.md): it is no friend of some names.
func (s *Stage) writeVerifier() error {
	const script = `#!/bin/sh
case "$*" in *` + Refused + `*) echo "nobody signed it"; exit 1 ;; esac
echo fine
`
	if err := os.MkdirAll(s.verifiers(), 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.verifiers(), "signatures"), []byte(script), 0o700) //nolint:gosec // it is a program
}

// startNode returns when there is a Node.
func (s *Stage) startNode(ctx context.Context, name string, options node.Options) error {
	dir := filepath.Join(s.Dir(), "kubelet-"+name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	options.Binary, options.Shim, options.Certs = s.programs.Containerd, s.programs.Shim, s.Certs()
	m := &machine{}
	s.nodes[name] = m
	var err error
	if m.node, err = node.Start(ctx, options); err != nil {
		return err
	}
	settings := node.KubeletOptions{Binary: filepath.Join(s.Bin(), "kubelet"), Name: name, Kubeconfig: s.Kubeconfig(), Dir: dir}
	if name == Narrow {
		settings.Serial, settings.PullQPS = true, 1
	}
	if m.kubelet, err = m.node.StartKubelet(settings); err != nil {
		return err
	}
	var failure error
	err = m.kubelet.Await("a Node", time.Now().Add(startFor), func() bool {
		_, failure = s.Get(ctx, "/api/v1/nodes/"+name)
		return failure == nil
	})
	if err != nil {
		return errors.Join(err, failure)
	}
	return nil
}

// Runtime is the address at which a Node's container runtime answers.
func (s *Stage) Runtime(name string) string { return "unix://" + s.nodes[name].node.Socket() }

// Log is what a Node's kubelet and containerd printed.
func (s *Stage) Log(name string) string {
	return s.nodes[name].kubelet.Log() + s.nodes[name].node.Log()
}

// Stop ends all of it.
func (s *Stage) Stop() error {
	var errs []error
	for _, m := range s.nodes {
		if m.kubelet != nil {
			m.kubelet.Stop()
		}
		if m.node != nil {
			errs = append(errs, m.node.Close())
		}
	}
	if s.Lab != nil {
		s.Lab.Close()
	}
	if s.Cluster != nil {
		errs = append(errs, s.Cluster.Stop())
	}
	return errors.Join(errs...)
}
