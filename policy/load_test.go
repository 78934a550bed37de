package policy

import (
	"bytes"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

const header = "apiVersion: pullgate.dev/v1alpha1\nkind: Configuration\n"

// whole is a file that sets every field.
const whole = `
apiVersion: pullgate.dev/v1alpha1
kind: Configuration
mode: warn
onUnknown: deny
dryRunMode: audit
depth: layers
rules:
- namespaces: ["team-*"]
  images: ["ghcr.io/acme/*"]
  reasons: [RateLimited]
  mode: off
exempt: {namespaces: [kube-system, infra], images: ["pause:*"], users: ["system:node:*"]}
allowSkipAnnotation: true
notes: [UnpinnedTag]
workloads:
- {group: argoproj.io, kind: Rollout, podTemplates: ["spec.template"]}
registries:
  hostsDir: /etc/containerd/certs.d
  allowAddresses: [127.0.0.0/8, "::1/128"]
nodes:
  platforms: [linux/arm64]
  dockerConfig: /etc/node/config.json
  credentialProviders: {config: /etc/node/providers.yaml, binDir: /opt/providers}
  cloudCredentials: [ecr, google, acr]
  hiddenCredentials: ["*.azurecr.io"]
audit: {enabled: true, interval: 12h, requestsPerHour: 500, registries: [{host: ghcr.io, requestsPerHour: 50}], accepted: [{namespaces: [old], images: [a], until: "2026-12-31", why: known}], events: false, reports: false}
cache: {positiveTTL: 90s, size: 7}
`

func wholeConfiguration() Configuration {
	return Configuration{
		TypeMeta: metav1.TypeMeta{APIVersion: APIVersion, Kind: Kind},
		Mode:     Warn, OnUnknown: UnknownDeny, DryRunMode: Audit, Depth: Layers,
		Rules:               []Rule{{Namespaces: []string{"team-*"}, Images: []string{"ghcr.io/acme/*"}, Reasons: []string{"RateLimited"}, Mode: Off}},
		Exempt:              Exempt{Namespaces: []string{"kube-system", "infra"}, Images: []string{"pause:*"}, Users: []string{"system:node:*"}},
		AllowSkipAnnotation: true,
		Notes:               []pull.NoteReason{pull.UnpinnedTag},
		Workloads:           []workload.Custom{{Group: "argoproj.io", Kind: "Rollout", PodTemplates: []string{"spec.template"}}},
		Registries:          Registries{HostsDir: "/etc/containerd/certs.d", AllowAddresses: []string{"127.0.0.0/8", "::1/128"}},
		Nodes: Nodes{
			Platforms: []string{"linux/arm64"}, DockerConfig: "/etc/node/config.json",
			CredentialProviders: CredentialProviders{Config: "/etc/node/providers.yaml", BinDir: "/opt/providers"},
			CloudCredentials:    []string{"ecr", "google", "acr"}, HiddenCredentials: []string{"*.azurecr.io"},
		},
		Audit: Auditing{
			Enabled: true, Interval: &metav1.Duration{Duration: 12 * time.Hour}, RequestsPerHour: 500,
			Registries: []RegistryBudget{{Host: "ghcr.io", RequestsPerHour: 50}},
			Accepted:   []Acceptance{{Namespaces: []string{"old"}, Images: []string{"a"}, Until: "2026-12-31", Why: "known"}},
			Events:     new(false), Reports: new(false),
		},
		Cache: Cache{PositiveTTL: &metav1.Duration{Duration: 90 * time.Second}, Size: 7},
	}
}

func TestParse(t *testing.T) {
	with := func(change func(*Configuration)) Configuration {
		c := Default()
		change(&c)
		return c
	}
	tests := []struct {
		name, file string
		want       Configuration
	}{
		{"header alone", header, Default()},
		{"every field", whole, wholeConfiguration()},
		{"JSON", `{"apiVersion":"pullgate.dev/v1alpha1","kind":"Configuration","mode":"audit"}`,
			with(func(c *Configuration) { c.Mode = Audit })},
		{"JSON with tabs", "{\n\t\"apiVersion\": \"pullgate.dev/v1alpha1\",\n\t\"kind\": \"Configuration\",\n\t\"cache\": {\n\t\t\"size\": 3\n\t}\n}",
			with(func(c *Configuration) { c.Cache.Size = 3 })},
		{"off is no boolean", header + "mode: off\ndryRunMode: off\n",
			with(func(c *Configuration) { c.Mode, c.DryRunMode = Off, Off })},
		{"nothing is exempt where it says so", header + "exempt: {namespaces: []}\n",
			with(func(c *Configuration) { c.Exempt.Namespaces = []string{} })},
		{"nothing is remembered where it says so", header + "cache: {positiveTTL: 0s}\n",
			with(func(c *Configuration) { c.Cache.PositiveTTL = &metav1.Duration{} })},
		{"nulls are absent", header + "mode:\nrules: null\nexempt: ~\ncache: {positiveTTL: null}\n", Default()},
		{"markers around one document", "# ours\n---\n" + header + "...\n", Default()},
		{"an anchor used twice", header + "rules:\n- {namespaces: &teams [a, b], mode: audit}\n- {namespaces: *teams, mode: warn}\n",
			with(func(c *Configuration) {
				c.Rules = []Rule{{Namespaces: []string{"a", "b"}, Mode: Audit}, {Namespaces: []string{"a", "b"}, Mode: Warn}}
			})},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := Parse([]byte(test.file))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

func TestDefault(t *testing.T) {
	got := Default()
	want := Configuration{
		TypeMeta: metav1.TypeMeta{APIVersion: "pullgate.dev/v1alpha1", Kind: "Configuration"},
		Mode:     Enforce, OnUnknown: UnknownWarn, Depth: Manifest,
		Exempt: Exempt{Namespaces: []string{"kube-system"}},
		Audit: Auditing{
			Interval: &metav1.Duration{Duration: 6 * time.Hour}, RequestsPerHour: 1000,
			Registries: []RegistryBudget{{Host: "docker.io", RequestsPerHour: 20}},
			Events:     new(true), Reports: new(true),
		},
		Cache: Cache{PositiveTTL: &metav1.Duration{Duration: 5 * time.Minute}, Size: 100_000},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct {
		name, file string
		want       []string // each has to occur in the error
	}{
		{"empty", "", []string{"empty", "apiVersion: pullgate.dev/v1alpha1"}},
		{"blank", " \n\t\n", []string{""}},
		{"comments only", "# mode: enforce\n# to be done\n", []string{"empty"}},
		{"a null", "---\n~\n", []string{"empty"}},
		{"several documents", header + "---\n" + header, []string{"several documents"}},
		{"an empty document before", "---\n---\n" + header, []string{"empty"}},
		{"a list", "- mode: warn\n", []string{"the file (line 1)", "a list stands where an object is expected"}},
		{"a text", "enforce\n", []string{"the file (line 1)", "enforce stands where an object"}},
		{"not YAML", "mode: [\n", []string{"neither YAML nor JSON", "line"}},
		{"JSON cut off", `{"mode": "warn"`, []string{"neither YAML nor JSON"}},
		{"binary", "\x00\x01\x02\xff", []string{"neither YAML nor JSON"}},
		{"no header", "mode: warn\n", []string{"apiVersion: Unsupported value", "kind: Unsupported value"}},
		{"another version", "apiVersion: pullgate.dev/v2\nkind: Configuration\n", []string{"apiVersion", `"pullgate.dev/v2"`, "pullgate.dev/v1alpha1"}},
		{"unknown field", header + "modes: warn\n", []string{"modes (line 3): unknown field", "mode,"}},
		{"unknown nested field", header + "rules:\n- mode: warn\n  namespace: [a]\n", []string{"rules[0].namespace (line 5): unknown field", "namespaces"}},
		{"another case", header + "Mode: warn\n", []string{"Mode (line 3): unknown field"}},
		{"a merge", "a: &a {mode: warn}\n<<: *a\n" + header, []string{"a (line 1): unknown field"}},
		{"key given twice", header + "mode: warn\nmode: audit\n", []string{"mode (line 4): given twice"}},
		{"nested key given twice", `{"apiVersion": "pullgate.dev/v1alpha1", "kind": "Configuration", "cache": {"size": 1, "size": 2}}`, []string{"cache.size (line 1): given twice"}},
		{"every problem at once", header + "mode: 5\nrules: {}\ncache: {size: x}\n", []string{"mode (line 3)", "rules (line 4)", "cache.size (line 5)"}},
		{"number as a text", header + "mode: 5\n", []string{"mode (line 3): 5 stands where a text is expected"}},
		{"object as a list", header + "rules: {mode: warn}\n", []string{"rules (line 3): an object stands where a list is expected"}},
		{"text as a list", header + "rules:\n- mode: warn\n- {mode: warn, namespaces: team}\n", []string{"rules[1].namespaces (line 5): team stands where a list is expected"}},
		{"list as a text", header + "mode: [warn]\n", []string{"mode (line 3): a list stands where a text is expected"}},
		{"list as an object", header + "exempt: [kube-system]\n", []string{"exempt (line 3): a list stands where an object is expected"}},
		{"number in a list", header + "exempt: {users: [a, 7]}\n", []string{"exempt.users[1] (line 3): 7 stands where a text is expected"}},
		{"text as a boolean", header + "allowSkipAnnotation: sometimes\n", []string{"allowSkipAnnotation (line 3): sometimes stands where true or false is expected"}},
		{"text as a number", header + "cache: {size: many}\n", []string{"cache.size (line 3): many stands where a whole number"}},
		{"fraction as a number", header + "cache: {size: 1.5}\n", []string{"cache.size (line 3)"}},
		{"number out of range", header + "cache: {size: 99999999999999999999}\n", []string{"cache.size (line 3)"}},
		{"number as a duration", header + "cache: {positiveTTL: 5}\n", []string{"cache.positiveTTL (line 3): 5 stands where a duration such as 5m"}},
		{"no duration", header + "cache: {positiveTTL: banana}\n", []string{"cache.positiveTTL (line 3): banana stands where a duration"}},
		{"object as a duration", header + "cache: {positiveTTL: {}}\n", []string{"cache.positiveTTL (line 3): an object stands"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse([]byte(test.file))
			wantProblem(t, err, test.want...)
		})
	}
}

func wantProblem(t *testing.T, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range want {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error lacks %q: %v", part, err)
		}
	}
}

// What is there to cost something costs little: its memory is counted, as time
// depends on what else a machine does.
func TestParseBounds(t *testing.T) {
	const most = 64 << 20
	bomb := header + "rules:\n- &r {mode: warn, namespaces: &n [" + strings.Repeat("a,", 2000) + "a]}\n" + strings.Repeat("- *r\n", 2000)
	billion := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		billion += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat("*"+string(c-1)+",", 10), ","))
	}
	files := map[string][]byte{
		"8 MiB of rubbish":         bytes.Repeat([]byte("\x00\xff{["), 2<<20),
		"8 MiB of a comment":       bytes.Repeat([]byte("# "), 4<<20),
		"1 MiB of brackets":        bytes.Repeat([]byte("["), MaxSize),
		"1 MiB of keys":            append([]byte(header), bytes.Repeat([]byte("? "), MaxSize/4)...),
		"aliases within the shape": []byte(bomb),
		"a billion laughs":         []byte(header + billion),
		"an alias to itself":       []byte(header + "rules: &r [*r]\n"),
		"a thousand problems":      []byte(header + "exempt: {users: [" + strings.Repeat("1,", 1000) + "1]}\n"),
	}
	for name, file := range files {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Parse(file)
			runtime.ReadMemStats(&after)
			wantProblem(t, err, "")
			if tooLarge := strings.Contains(err.Error(), "larger than 1024 KiB"); tooLarge != (len(file) > MaxSize) {
				t.Errorf("%d bytes: %v", len(file), err)
			}
			if len(err.Error()) > 8<<10 {
				t.Errorf("the error has %d bytes: %.200s…", len(err.Error()), err)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > most {
				t.Errorf("it took %d MiB", used>>20)
			} else {
				t.Logf("it took %d MiB", used>>20)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte(header))
	f.Add([]byte(`{"apiVersion":"pullgate.dev/v1alpha1","kind":"Configuration","cache":{"positiveTTL":"5m"}}`))
	f.Add([]byte(header + "rules: &r [*r]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse(data)
		if err != nil {
			return
		}
		if c.Mode == "" || c.OnUnknown == "" || c.Depth == "" || c.Cache.PositiveTTL == nil || c.Cache.Size <= 0 {
			t.Errorf("accepted without defaults: %+v", c)
		}
		for _, rule := range c.Rules {
			if rule.Mode == "" {
				t.Errorf("accepted a rule without a mode: %+v", c)
			}
		}
	})
}
