package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/pullgate/pullgate/test/e2e/rig"
	"github.com/pullgate/pullgate/test/pulloracle/content"
	"github.com/pullgate/pullgate/test/pulloracle/lab"
	"github.com/pullgate/pullgate/test/pulloracle/node"
	"github.com/pullgate/pullgate/test/pulloracle/pods"
	"github.com/pullgate/pullgate/test/pulloracle/scenario"
)

const (
	nodeName = "node"
	sandbox  = "sandbox" // the scenario of the image of sandboxes
	sound    = "sound"   // the one of an image that is sound
)

// stage is what runs.
type stage struct {
	options options
	cases   []pods.Case
	dir     string // of files that both sides read

	lab     *lab.Lab
	rig     *rig.Rig
	node    *node.Node
	kubelet *node.Kubelet
	maker   pods.Maker
}

// start puts all of it together, and loads images onto the node.
func (s *stage) start(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		s.startRegistries, s.writeNodeFiles, s.startCluster, s.startContainerd, s.load, s.startKubelet,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) certs() string       { return filepath.Join(s.dir, "certs.d") }
func (s *stage) kubeletDir() string  { return filepath.Join(s.dir, "kubelet") }
func (s *stage) providers() string   { return filepath.Join(s.dir, "providers.json") }
func (s *stage) providerDir() string { return filepath.Join(s.dir, "providers") }

func (s *stage) startRegistries(ctx context.Context) error {
	program, err := content.ProgramLayer(s.options.sleeper)
	if err != nil {
		return err
	}
	scenarios := []scenario.Scenario{
		scenario.Scenario{Name: sandbox, Holds: content.Image{Layers: []content.Layer{{Data: program}}}}.Complete(),
		scenario.Scenario{Name: sound}.Complete(),
	}
	for _, c := range s.cases {
		scenarios = append(scenarios, c.Scenario)
	}
	if s.lab, err = lab.Start(ctx, scenarios, s.dir); err != nil {
		return err
	}
	for _, c := range s.cases {
		if _, err := s.lab.WriteCerts(c.Name, s.certs()); err != nil {
			return fmt.Errorf("write certs.d for %s: %w", c.Name, err)
		}
	}
	sleeper, err := filepath.Abs(s.options.sleeper)
	s.maker = pods.Maker{Lab: s.lab, Node: nodeName, Sleeper: sleeper, Sound: s.lab.Image(sound)}
	return err
}

// writeNodeFiles writes the node's own credentials.
func (s *stage) writeNodeFiles(context.Context) error {
	registry := s.lab.Fill(sound, "{plain}")
	entry := func(path string) string {
		return fmt.Sprintf(`{%q: {"username": "alice", "password": "secret"}}`, registry+"/"+path)
	}
	provider := func(name, path string) string {
		return fmt.Sprintf(`{"name": %q, "apiVersion": "credentialprovider.kubelet.k8s.io/v1", "matchImages": [%q], "defaultCacheDuration": "0s"}`,
			name, registry+"/"+path)
	}
	answer := `{"kind": "CredentialProviderResponse", "apiVersion": "credentialprovider.kubelet.k8s.io/v1", "cacheKeyType": "Image", "auth": ` +
		entry(pods.ProviderPath) + `}`
	errs := []error{os.MkdirAll(s.kubeletDir(), 0o700), os.MkdirAll(s.providerDir(), 0o700), os.MkdirAll(s.certs(), 0o700)}
	for file, text := range map[string]string{
		filepath.Join(s.kubeletDir(), "config.json"): `{"auths": ` + entry(pods.ConfigPath) + `}`,
		s.providers(): `{"apiVersion": "kubelet.config.k8s.io/v1", "kind": "CredentialProviderConfig", "providers": [` +
			provider("answers", pods.ProviderPath) + ", " + provider("fails", pods.FailingPath) + `]}`,
		filepath.Join(s.providerDir(), "answers"): "#!/bin/sh\ncat > /dev/null\ncat <<END\n" + answer + "\nEND\n",
		filepath.Join(s.providerDir(), "fails"):   "#!/bin/sh\necho 'as asked' >&2\nexit 1\n",
	} {
		errs = append(errs, os.WriteFile(file, []byte(text), 0o700)) //nolint:gosec // two of them are programs
	}
	return errors.Join(errs...)
}

// startCluster starts the API server and Pullgate, which looks at everything
// and denies nothing.
func (s *stage) startCluster(ctx context.Context) error {
	binaries, err := rig.FindBinaries(s.options.root)
	if err != nil {
		return err
	}
	s.rig, err = rig.Start(ctx, rig.Options{
		Binaries: binaries, Manifest: filepath.Join(s.options.root, "deploy", "install.yaml"), Progress: os.Stdout,
		Config: fmt.Sprintf(`apiVersion: pullgate.dev/v1alpha1
kind: Configuration
mode: audit
depth: layers
registries: {hostsDir: %q, allowAddresses: [127.0.0.0/8]}
nodes:
  dockerConfig: %q
  credentialProviders: {config: %q, binDir: %q}
`, s.certs(), filepath.Join(s.kubeletDir(), "config.json"), s.providers(), s.providerDir()),
	})
	if err != nil {
		return err
	}
	return s.rig.Namespace(ctx, pods.Namespace)
}

func (s *stage) startContainerd(ctx context.Context) error {
	fmt.Println("starting containerd and the kubelet")
	var paths [2]string
	for i, path := range []string{s.options.containerd, s.options.shim} {
		var err error
		if paths[i], err = filepath.Abs(path); err != nil {
			return err
		}
	}
	var err error
	s.node, err = node.Start(ctx, node.Options{Binary: paths[0], Shim: paths[1], Certs: s.certs(), Sandbox: s.lab.Image(sandbox)})
	return err
}

// load brings images to the node as kind does: not by the kubelet, and from no
// registry.
func (s *stage) load(ctx context.Context) error {
	for _, c := range s.cases {
		if !c.Loaded {
			continue
		}
		var archive bytes.Buffer
		if err := s.lab.Archive(&archive, c.Name, s.maker.Loaded(c)); err != nil {
			return err
		}
		if err := s.node.Load(ctx, s.options.ctr, &archive); err != nil {
			return fmt.Errorf("load the image of %s: %w", c.Name, err)
		}
		if c.Lost {
			s.lab.Lose(c.Name)
		}
	}
	return nil
}

// startKubelet returns when there is a Node, and it lists what was loaded.
func (s *stage) startKubelet(ctx context.Context) error {
	var err error
	s.kubelet, err = s.node.StartKubelet(node.KubeletOptions{
		Binary: filepath.Join(s.rig.Bin(), "kubelet"), Name: nodeName, Kubeconfig: s.rig.Kubeconfig(), Dir: s.kubeletDir(),
		ProviderConfig: s.providers(), ProviderDir: s.providerDir(),
	})
	if err != nil {
		return err
	}
	if err := s.awaitNode(ctx); err != nil {
		return err
	}
	var loaded []string
	for _, c := range s.cases {
		if c.Loaded {
			loaded = append(loaded, s.maker.Loaded(c))
		}
	}
	return s.awaitImages(ctx, loaded)
}

// awaitNode waits until the API server knows the Node.
func (s *stage) awaitNode(ctx context.Context) error {
	var failure error
	err := s.kubelet.Await("a Node", time.Now().Add(listFor), func() bool {
		result, err := s.rig.Kubectl(ctx, "get", "node", nodeName)
		failure = err
		return err != nil || result.Code == 0
	})
	return errors.Join(err, failure)
}

// listFor is how long a Node may take to list an image: a kubelet looks every
// 30 seconds (pkg/kubelet/images/image_gc_manager.go, Start).
const listFor = time.Minute

// awaitImages waits until the Node lists images.
func (s *stage) awaitImages(ctx context.Context, images []string) error {
	var failure error
	err := s.kubelet.Await("a Node that lists its images", time.Now().Add(listFor), func() bool {
		var listed []string
		listed, failure = s.listed(ctx)
		return failure != nil || !slices.ContainsFunc(images, func(image string) bool {
			return !slices.Contains(listed, image)
		})
	})
	return errors.Join(err, failure)
}

// listed are the names of the images that the Node lists.
func (s *stage) listed(ctx context.Context) ([]string, error) {
	out, err := s.rig.Must(ctx, "", "get", "node", nodeName, "-o", "jsonpath={.status.images[*].names}")
	var names []string
	for decoder := json.NewDecoder(bytes.NewBufferString(out)); err == nil && decoder.More(); {
		var some []string
		err = decoder.Decode(&some)
		names = append(names, some...)
	}
	return names, err
}

// stop ends all of it.
func (s *stage) stop() error {
	var errs []error
	if s.kubelet != nil {
		s.kubelet.Stop()
	}
	if s.node != nil {
		errs = append(errs, s.node.Close())
	}
	if s.rig != nil {
		errs = append(errs, s.rig.Stop())
	}
	if s.lab != nil {
		s.lab.Close()
	}
	return errors.Join(errs...)
}
