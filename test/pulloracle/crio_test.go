package pulloracle

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/nodes"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry"
	"github.com/pullgate/pullgate/resolver/registry/crio"
	"github.com/pullgate/pullgate/test/pulloracle/golden"
	"github.com/pullgate/pullgate/test/pulloracle/lab"
	"github.com/pullgate/pullgate/test/pulloracle/scenario"
	"github.com/pullgate/pullgate/workload"
)

// crioScenarios are all that were pulled with CRI-O.
func crioScenarios() []scenario.Scenario { return append(scenario.All(), scenario.CRIO()...) }

// crioNodes are what nodes with CRI-O report.
func crioNodes() []string { return []string{"cri-o://1.34.0"} }

// crioSetting is how Pullgate is asked about nodes with CRI-O.
type crioSetting struct {
	layers     bool
	registries bool   // it has the nodes' registries.conf
	beside     string // the runtime of a node beside
}

// crioVerdicts are what Pullgate says of all scenarios for nodes with CRI-O.
func crioVerdicts(t *testing.T, setting crioSetting) map[string]verdict {
	t.Helper()
	scenarios := crioScenarios()
	registries, err := lab.StartApart(t.Context(), scenarios, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(registries.Close)
	said := map[string]verdict{}
	var mu sync.Mutex
	var group sync.WaitGroup
	slots := make(chan struct{}, parallel)
	for _, s := range scenarios {
		slots <- struct{}{}
		dir := t.TempDir()
		group.Go(func() {
			defer func() { <-slots }()
			one := askCRIO(t, registries, s, dir, setting)
			mu.Lock()
			defer mu.Unlock()
			said[s.Name] = one
		})
	}
	group.Wait()
	return said
}

// askCRIO lets a Resolver look at a Pod that pulls the scenario's image.
func askCRIO(t *testing.T, registries *lab.Lab, s scenario.Scenario, dir string, setting crioSetting) verdict {
	t.Helper()
	node := registries.CRIO(s.Name)
	options := registry.Options{
		HostsDir: filepath.Join(dir, "certs.d"),
		Guard:    registry.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}},
	}
	files := map[string]string{"registries.conf": "unqualified-search-registries = [\"docker.io\"]\n" + node.Registries}
	for file, text := range node.Certs {
		files[filepath.Join("certs.d", file)] = text
	}
	for file, text := range files {
		path := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Error(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Error(err)
		}
	}
	if setting.registries {
		var err error
		if options.Registries, err = crio.NewRegistries(filepath.Join(dir, "registries.conf")); err != nil {
			t.Error(err)
		}
	}
	secrets, names := pullSecrets(node.Image, s.Credentials)
	r := resolver.Resolver{
		Credentials: &keyring.Keyring{Source: secrets}, Registry: registry.NewClient(options), NodeConfig: true, RegistriesKnown: setting.registries,
		Nodes: func() []nodes.Node { return nodesOf("linux/amd64", crioNodes()) }, Layers: setting.layers,
	}
	if setting.beside != "" {
		r.Nodes = func() []nodes.Node { return nodesOf("linux/amd64", append(crioNodes(), setting.beside)) }
	}
	limit := patience
	if s.Patience > 0 {
		limit = s.Patience
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	result := r.Resolve(ctx, workload.Workload{Templates: []workload.Template{{
		Spec: &corev1.PodSpec{}, PullSecrets: names,
		Images: []workload.Image{{Reference: node.Image, Policy: corev1.PullAlways, Role: workload.Container}},
	}}}).Results[0]
	return verdict{reason: result.Reason, message: result.Message, node: registries.Normalise(s.Name, result.Node)}
}

// compareCRIO puts what Pullgate says beside what CRI-O did.
func compareCRIO(record golden.CRIORecord, reason pull.Reason) string {
	if reason == pull.InvalidImageName {
		return agrees // the kubelet never asks CRI-O
	}
	text := lastCRIO(record).Text
	passing := crioTrouble().MatchString(text) && !strings.Contains(text, "ApplyLayer") // which unpacks
	return compareEnds(record.Pulled(), passing, reason.Verdict())
}

// compareEnds puts a verdict beside whether a node pulled; passing says that it
// failed for a reason that may pass.
func compareEnds(pulled, passing bool, verdict pull.Verdict) string {
	switch {
	case pulled && verdict == pull.Broken:
		return falseDenial
	case pulled && verdict == pull.Pullable:
		return agrees
	case verdict == pull.Pullable:
		return missed
	case passing && verdict == pull.Broken:
		return rashDenial
	case passing, verdict == pull.Broken:
		return agrees
	default:
		return cautious
	}
}

func lastCRIO(record golden.CRIORecord) golden.Answer { return record.Answers[len(record.Answers)-1] }

// crioTrouble is what CRI-O says when it failed for reasons of the network, of too
// many requests or of a registry that does not work.
func crioTrouble() *regexp.Regexp {
	return regexp.MustCompile(`HTTP status: 5\d\d |StatusCode: 429|StatusCode: 408|toomanyrequests|too many requests|dial tcp|": EOF|unexpected EOF|` +
		`x509|tls: |CANCEL|HTTP response to HTTPS|HTTP request to an HTTPS|connection reset|malformed HTTP|context (canceled|deadline)|i/o timeout`)
}

// TestCRIO compares Pullgate, layers included, with what a real CRI-O did.
func TestCRIO(t *testing.T) {
	t.Parallel()
	file := readCRIO(t)
	said := crioVerdicts(t, crioSetting{layers: true, registries: true})
	counts := map[string]int{}
	for _, s := range crioScenarios() {
		record, v := file.Records[s.Name], said[s.Name]
		how := compareCRIO(record, v.reason)
		counts[how]++
		checkCRIO(t, s, record, v, how)
	}
	t.Logf("of %d: %v", len(said), counts)
}

func checkCRIO(t *testing.T, s scenario.Scenario, record golden.CRIORecord, v verdict, how string) {
	t.Helper()
	known, listed := crioDifferences()[s.Name]
	text := golden.Normalise(v.node)
	switch {
	case how == falseDenial:
		t.Errorf("%s (%s): FALSE DENIAL: we say %s: %s", s.Name, s.About, v.reason, v.message)
	case how == agrees && listed:
		t.Errorf("%s agrees now (%s): take it out of the table of differences", s.Name, v.reason)
	case how != agrees && !listed:
		t.Errorf("%s (%s): %s: we say %s\n\twe:   %s\n\tnode: %s", s.Name, s.About, how, v.reason, v.message, lastCRIO(record).Text)
	case listed && known.says != v.reason:
		t.Errorf("%s: we say %s; the table of differences knows of %s", s.Name, v.reason, known.says)
	case v.reason.Verdict() == pull.Broken && v.reason != pull.InvalidImageName &&
		!slices.ContainsFunc(record.Answers, func(a golden.Answer) bool { return a.Kubelet() == text }):
		t.Errorf("%s (%s):\n\twe quote: %s\n\tnode:     %s", s.Name, s.About, text, lastCRIO(record).Text)
	}
}

// TestCRIOWithout asks as most do: without the nodes' registries.conf, or for
// manifests alone. Less is known then, and nothing more is denied, but for mirrors
// of which nobody told: none is assumed, as with containerd's.
func TestCRIOWithout(t *testing.T) {
	for _, setting := range []crioSetting{{}, {layers: true}, {registries: true}} {
		t.Run(fmt.Sprintf("%+v", setting), func(t *testing.T) {
			t.Parallel()
			file := readCRIO(t)
			said := crioVerdicts(t, setting)
			counts := map[string]int{}
			for _, s := range crioScenarios() {
				record, v := file.Records[s.Name], said[s.Name]
				how := compareCRIO(record, v.reason)
				counts[how]++
				led := !setting.registries && record.Led
				if how == falseDenial && !led || how == rashDenial && setting.registries {
					t.Errorf("%s (%s): %s: we say %s: %s\n\tnode: %s", s.Name, s.About, how, v.reason, v.message, lastCRIO(record).Text)
				}
			}
			t.Logf("of %d: %v", len(said), counts)
		})
	}
}

func readCRIO(t *testing.T) golden.CRIOFile {
	t.Helper()
	file, err := golden.ReadCRIO("testdata/crio.json")
	if err != nil {
		t.Fatal(err)
	}
	return file
}
