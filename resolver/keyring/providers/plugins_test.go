package providers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/pullgate/pullgate/resolver/keyring"
)

// TestMain lets the test binary be a credential provider: of the kind that its
// environment says. Otherwise it fails where a goroutine outlives the tests.
func TestMain(m *testing.M) {
	if kind := os.Getenv("PROVIDERS_TEST_PROVIDER"); kind != "" {
		os.Exit(actAsProvider(kind))
	}
	goleak.VerifyTestMain(m)
}

// actAsProvider notes every call in a file, then answers as it is told.
func actAsProvider(kind string) int {
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		return 3
	}
	var asked struct{ APIVersion, Kind, Image, ServiceAccountToken string }
	if err := json.Unmarshal(input, &asked); err != nil || asked.Kind != "CredentialProviderRequest" {
		return 4
	}
	if kind == "tell" {
		note(string(input) + "\n")
		fmt.Fprintln(os.Stderr, "was told", string(input))
		fmt.Print(strings.NewReplacer("VERSION", asked.APIVersion, "TOKEN", asked.ServiceAccountToken).Replace(os.Getenv("PROVIDERS_TEST_ANSWER")))
		return 0
	}
	note(fmt.Sprintf("%s %s %q %s\n", asked.APIVersion, asked.Image, os.Args[1:], os.Getenv("PROVIDERS_TEST_HIDDEN")))
	switch kind {
	case "fail":
		fmt.Fprintln(os.Stderr, "no identity here")
		return 1
	case "flood":
		for {
			if _, err := os.Stdout.Write(make([]byte, 1<<16)); err != nil {
				return 5
			}
		}
	case "wait":
		waitForGate()
	case "linger":
		leaveChild()
	}
	said := strings.ReplaceAll(os.Getenv("PROVIDERS_TEST_ANSWER"), "VERSION", asked.APIVersion)
	fmt.Fprintln(os.Stderr, "+ echo", said) // as a shell with set -x does
	fmt.Print(said)
	return 0
}

func note(line string) {
	file, err := os.OpenFile(os.Getenv("PROVIDERS_TEST_LOG"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, _ = file.WriteString(line)
		_ = file.Close()
	}
}

// waitForGate blocks until the other end of a named pipe is opened.
func waitForGate() {
	if gate, err := os.Open(os.Getenv("PROVIDERS_TEST_GATE")); err == nil {
		_ = gate.Close()
	}
}

// leaveChild starts a program that holds on to our standard output.
func leaveChild() {
	child := exec.Command(os.Args[0])
	child.Stdout = os.Stdout
	child.Env = append(os.Environ(), "PROVIDERS_TEST_PROVIDER=wait")
	if stdin, err := child.StdinPipe(); err == nil {
		_, _ = io.WriteString(stdin, `{"kind":"CredentialProviderRequest"}`)
		_ = stdin.Close()
	}
	_ = child.Start()
}

// plugin describes a provider of the tests.
type plugin struct {
	name, kind, answer, match, version, duration, extra, gate string
	args                                                      []string
}

const answerFor = `{"apiVersion":"VERSION","kind":"CredentialProviderResponse","cacheKeyType":%q,%s"auth":{%s}}`

func answer(cacheKeyType, duration string, addresses ...string) string {
	if duration != "" {
		duration = fmt.Sprintf(`"cacheDuration":%q,`, duration)
	}
	var entries []string
	for _, address := range addresses {
		entries = append(entries, fmt.Sprintf(`%q:{"username":%q,"password":"p"}`, address, "user of "+address))
	}
	return fmt.Sprintf(answerFor, cacheKeyType, duration, strings.Join(entries, ","))
}

// installed is a set of providers on disk.
type installed struct {
	*Plugins
	calls, config, bin string
	written            bytes.Buffer
}

func install(t *testing.T, plugins ...plugin) *installed {
	t.Helper()
	directory := t.TempDir()
	i := &installed{calls: filepath.Join(directory, "calls"), config: filepath.Join(directory, "config.json"), bin: filepath.Join(directory, "bin")}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(i.bin, 0o700); err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	fmt.Fprint(&file, `{"apiVersion":"kubelet.config.k8s.io/v1","kind":"CredentialProviderConfig","providers":[`)
	for n, p := range plugins {
		if err := os.Symlink(program, filepath.Join(i.bin, p.name)); err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			file.WriteByte(',')
		}
		file.WriteString(p.json(t, i.calls))
	}
	file.WriteString("]}")
	write(t, i.config, file.String(), 0)
	i.Plugins, err = NewPlugins(i.config, i.bin, slog.New(slog.NewTextHandler(&i.written, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func (p plugin) json(t *testing.T, calls string) string {
	t.Helper()
	orElse := func(text, other string) string {
		if text == "" {
			return other
		}
		return text
	}
	config, err := json.Marshal(map[string]any{
		"name": p.name, "matchImages": []string{orElse(p.match, "quay.io")}, "defaultCacheDuration": orElse(p.duration, "0s"),
		"apiVersion": orElse(p.version, "credentialprovider.kubelet.k8s.io/v1"), "args": p.args,
		"env": []map[string]string{{"name": "PROVIDERS_TEST_PROVIDER", "value": orElse(p.kind, "answer")}, {"name": "PROVIDERS_TEST_ANSWER", "value": p.answer},
			{"name": "PROVIDERS_TEST_LOG", "value": calls}, {"name": "PROVIDERS_TEST_GATE", "value": p.gate},
			{"name": "GORACE", "value": "atexit_sleep_ms=0"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(config), "}") + p.extra + "}"
}

// called returns the calls so far, one line each.
func (i *installed) called(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile(i.calls)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

func TestProviders(t *testing.T) {
	t.Setenv("PROVIDERS_TEST_HIDDEN", "ours")
	node := install(t,
		plugin{name: "one", answer: answer("Image", "", "quay.io/org", "quay.io", "ghcr.io"), args: []string{"get", "--now"}, version: "credentialprovider.kubelet.k8s.io/v1beta1"},
		plugin{name: "two", answer: answer("Image", "", "quay.io/org/app", "*.io"), version: "credentialprovider.kubelet.k8s.io/v1alpha1"},
		plugin{name: "three", answer: answer("Image", "", "quay.io"), match: "*.quay.io"},
	)
	wantNode(t, node, "quay.io/org/app",
		"user of quay.io/org/app:p@provider/two", "user of quay.io/org:p@provider/one", "user of quay.io:p@provider/one", "user of *.io:p@provider/two")
	want := []string{`credentialprovider.kubelet.k8s.io/v1beta1 quay.io/org/app ["get" "--now"] `, `credentialprovider.kubelet.k8s.io/v1alpha1 quay.io/org/app [] `}
	if got := node.called(t); !slices.Equal(got, want) {
		t.Errorf("calls are %q, want %q", got, want)
	}
	wantNode(t, node, "docker.io/library/nginx")
}

// TestProviderFailures: an answer that the kubelet would not use gives
// nothing, and an error that tells nothing of it.
func TestProviderFailures(t *testing.T) {
	good := answer("Image", "1h", "quay.io")
	tests := map[string]struct {
		plugin plugin
		want   string
	}{
		"exit code":             {plugin{kind: "fail"}, "exit status 1"},
		"no answer":             {plugin{}, "its answer is not JSON"},
		"not JSON":              {plugin{answer: marker}, "its answer is not JSON"},
		"more than JSON":        {plugin{answer: good + marker}, "its answer is not JSON"},
		"another apiVersion":    {plugin{answer: strings.Replace(good, "VERSION", "v9-"+marker, 1)}, "another apiVersion than credentialprovider.kubelet.k8s.io/v1"},
		"another kind":          {plugin{answer: strings.Replace(good, "Response", "Request", 1)}, "another kind"},
		"cacheKeyType missing":  {plugin{answer: answer("", "", "quay.io")}, "no valid cacheKeyType"},
		"cacheKeyType unknown":  {plugin{answer: answer(marker, "", "quay.io")}, "no valid cacheKeyType"},
		"unknown field":         {plugin{answer: strings.Replace(good, `"auth"`, `"`+marker+`":1,"auth"`, 1)}, "not a well-formed"},
		"field in another case": {plugin{answer: strings.Replace(good, `"auth"`, `"Auth"`, 1)}, "not a well-formed"},
		"field twice":           {plugin{answer: strings.Replace(good, `"auth"`, `"auth":{},"auth"`, 1)}, "not a well-formed"},
		"wrong type":            {plugin{answer: strings.Replace(good, `"p"`, `["`+marker+`"]`, 1)}, "not a well-formed"},
		"a bad duration":        {plugin{answer: answer("Image", marker, "quay.io")}, "not a well-formed"},
		"too much":              {plugin{kind: "flood"}, "answered more than 1 MiB"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.plugin.name = "p"
			node := install(t, test.plugin)
			wantProblem(t, node, "quay.io/app", test.want)
			_, err := node.Lookup(t.Context(), nil, "quay.io/app")
			if err == nil || strings.Contains(err.Error(), marker) || !strings.Contains(err.Error(), `credential provider "p" gave none: `) {
				t.Errorf("the error is %v", err)
			}
			if log := node.written.String(); !strings.Contains(log, "level=WARN") || strings.Contains(log, marker) {
				t.Errorf("the log is %s", log)
			}
			if log := node.written.String(); test.plugin.kind == "fail" && !strings.Contains(log, "no identity here") {
				t.Errorf("the log is %s", log)
			}
		})
	}
}

// TestProviderBesideAnother: one that fails does not hide another's answer,
// and a ring says what it could not see.
func TestProviderBesideAnother(t *testing.T) {
	node := install(t, plugin{name: "bad", kind: "fail"}, plugin{name: "good", answer: answer("Image", "", "quay.io")}, plugin{name: "worse"})
	ring := (&keyring.Keyring{Node: []keyring.NodeSource{node}}).Open(t.Context(), keyring.Pod{Namespace: "shop"})
	match := ring.Lookup(t.Context(), named(t, "quay.io/app:1"))
	if got := tried(match.Credentials); !slices.Equal(got, []string{"user of quay.io:p@provider/good"}) {
		t.Errorf("tries %q", got)
	}
	for _, want := range []string{`"bad" gave none: run `, `; credential provider "worse" gave none`} {
		if !strings.Contains(match.Incomplete, want) {
			t.Errorf("incomplete is %q, want it to contain %q", match.Incomplete, want)
		}
	}
}

// TestProviderDeadline: the caller's deadline is kept, whatever the program
// does.
func TestProviderDeadline(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	gate := newGate(t)
	node := install(t, plugin{name: "p", kind: "wait", gate: gate})
	_, err := node.Lookup(ctx, nil, "quay.io/app")
	if err == nil || !strings.Contains(err.Error(), "no answer in time: context deadline exceeded") {
		t.Errorf("the error is %v", err)
	}
	openGate(t, gate)
}

// TestProviderThatHangs: one provider whose programs do not end keeps no other's
// from running.
func TestProviderThatHangs(t *testing.T) {
	gate := newGate(t)
	node := install(t, plugin{name: "bad", kind: "wait", gate: gate, match: "bad.example.com"}, plugin{name: "good", answer: answer("Image", "", "quay.io")})
	ctx, giveUp := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for i := range 3 * maxRuns {
		group.Go(func() { _, _ = node.Lookup(ctx, nil, fmt.Sprintf("bad.example.com/%d", i)) })
	}
	for len(node.called(t)) < maxOwnRuns {
		time.Sleep(time.Millisecond)
	}
	wantNode(t, node, "quay.io/app", "user of quay.io:p@provider/good")
	giveUp()
	group.Wait()
	opened, err := os.OpenFile(gate, os.O_RDWR, 0) // for as many programs as come
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = opened.Close() }()
	for len(node.called(t)) < 3*maxRuns+1 { // they go on though all gave up
		time.Sleep(time.Millisecond)
	}
}

// TestProviderLimit: a program that does not end is ended.
func TestProviderLimit(t *testing.T) {
	node := install(t, plugin{name: "p", kind: "wait", gate: newGate(t)})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := node.providers[0].run(ctx, identity{}, "quay.io/app"); err == nil || !strings.Contains(err.Error(), "did not end in time") {
		t.Errorf("the error is %v", err)
	}
}

// TestProviderLingers: a program that ends but leaves its output open to a
// child is not waited for.
func TestProviderLingers(t *testing.T) {
	gate := newGate(t)
	node := install(t, plugin{name: "p", kind: "linger", gate: gate, answer: answer("Image", "1h", "quay.io")})
	wantProblem(t, node, "quay.io/app", exec.ErrWaitDelay.Error())
	openGate(t, gate)
}

// TestProviderSharedRun: who asks at the same time for the same image shares a
// run, and who gives up does not end it.
func TestProviderSharedRun(t *testing.T) {
	gate := newGate(t)
	node := install(t, plugin{name: "p", kind: "wait", gate: gate, answer: answer("Image", "1h", "quay.io")})
	impatient, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	gone := make(chan error, 1)
	go func() {
		_, err := node.Lookup(impatient, nil, "quay.io/app")
		gone <- err
	}()
	for node.called(t)[0] == "" { // the program does not run yet
		select {
		case err := <-gone:
			t.Fatalf("it came back before the program ran: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	giveUp()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up got %v", err)
	}
	var group sync.WaitGroup
	for range 5 {
		group.Go(func() { wantNode(t, node, "quay.io/app", "user of quay.io:p@provider/p") })
	}
	opened, err := os.OpenFile(gate, os.O_RDWR, 0) // for as many programs as come
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = opened.Close() }()
	group.Wait()
	if got := node.called(t); len(got) != 1 {
		t.Errorf("%d calls, want one", len(got))
	}
}

func TestEnvironment(t *testing.T) {
	ours := []string{"PATH=/bin", "https_proxy=p", "AWS_ROLE_ARN=r", "AZURE_CLIENT_ID=c", "GOOGLE_APPLICATION_CREDENTIALS=g", "KUBECONFIG=k", "TOKEN=t", "HOMEPAGE=h", "="}
	got := environment(ours, []variable{{Name: "PATH", Value: "/opt"}, {Name: "X", Value: ""}})
	want := []string{"PATH=/bin", "https_proxy=p", "AWS_ROLE_ARN=r", "AZURE_CLIENT_ID=c", "GOOGLE_APPLICATION_CREDENTIALS=g", "PATH=/opt", "X="}
	if !slices.Equal(got, want) {
		t.Errorf("environment is %q, want %q", got, want)
	}
}
