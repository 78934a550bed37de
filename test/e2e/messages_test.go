package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/test/e2e/lab"
	"github.com/pullgate/pullgate/test/e2e/rig"
	"github.com/pullgate/pullgate/test/e2e/rig/rigtest"
)

// saying is one thing that kubectl prints.
type saying struct {
	// reason is that of the contract, and about says when it is given.
	reason, about string
	image         string
	// spec are further fields of the pod spec.
	spec []string
}

// messagesChapter is a part of the page.
type messagesChapter struct {
	title, about string
	// mode is that of the namespace; empty: the configuration's.
	mode string
	// config is added to the configuration.
	config string
	// code is kubectl's exit code.
	code    int
	sayings []saying
}

// TestMessages records docs/messages.md: what kubectl prints for each reason.
func TestMessages(t *testing.T) {
	t.Parallel()
	r := rigtest.Start(t, root, rig.Options{Manifest: installRollouts(), CertDir: true})
	stages := map[string]stage{"": newStage(t, r, "shop"), "warn": newStage(t, r, "shop-warn", "pullgate.dev/mode=warn")}
	config := stages[""].prepareMessages()
	var page strings.Builder
	page.WriteString(messagesIntroduction)
	for _, chapter := range messagesChapters(r.Lab) {
		if chapter.config != "" {
			stages[""].configure(config + chapter.config)
		}
		fmt.Fprintf(&page, "\n## %s\n\n%s\n", chapter.title, chapter.about)
		for _, said := range chapter.sayings {
			stages[chapter.mode].record(&page, said, chapter.code)
		}
	}
	compare(t, filepath.Join(root, "docs", "messages.md"), stableNames(r.Lab).Replace(page.String()))
}

const messagesIntroduction = `# What does kubectl print?

What ` + "`kubectl apply -f web.yaml`" + ` prints, by reason, for a Deployment with the
image and the fields shown. All of it was recorded from a real API server by
the end-to-end tests, which fail when it changes (` + "`make messages`" + ` records it
anew); only addresses and digests were given other names. What the reasons mean
is told in [reasons.md](reasons.md).
`

// untrusted is a registry of which only the configuration of containerd knows.
const untrusted = "untrusted.example"

// prepareMessages configures Pullgate, and makes the secrets and nodes of which
// the messages tell.
func (s stage) prepareMessages() (config string) {
	s.Helper()
	hosts := filepath.Join(s.rig.Dir(), "certs.d", untrusted)
	toml := fmt.Sprintf("server = \"https://%s\"\n[host.\"https://%[1]s\"]\nskip_verify = false\n", s.rig.Lab.Token.Host)
	if err := os.MkdirAll(hosts, 0o700); err != nil {
		s.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(hosts, "hosts.toml"), []byte(toml), 0o600); err != nil {
		s.Fatal(err)
	}
	config = fmt.Sprintf(`apiVersion: pullgate.dev/v1alpha1
kind: Configuration
depth: layers
registries: {allowAddresses: [127.0.0.1/32], hostsDir: %q}
nodes: {hiddenCredentials: [%q]}
`, filepath.Dir(hosts), s.rig.Lab.Basic.Host)
	s.configure(config)
	l := s.rig.Lab
	s.secret("regcred", l.Token.Host, lab.Password)
	s.secret("stale", l.Token.Host, "last-years-password")
	s.secret("other", "quay.io", lab.Password)
	s.must("create", "secret", "generic", "opaque", "--from-literal=.dockerconfigjson={}")
	s.must("create", "secret", "generic", "malformed", "--type=kubernetes.io/dockerconfigjson",
		`--from-literal=.dockerconfigjson={"auths": {"quay.io": {"auth": "no base64!"}}}`)
	s.makeNodes(l.Token.Ref("shop/private@sha256:"+strings.Repeat("0123", 16)), l.Token.Ref("shop/private:1.1"))
	return config
}

// makeNodes makes a node of each architecture, the first of which lists these
// names of an image, and waits until Pullgate knows them.
func (s stage) makeNodes(names ...string) {
	s.Helper()
	for arch, images := range map[string]string{"amd64": strings.Join(append(names, "there.example/it:1.0"), "', '"), "arm64": "there.example/it:1.0"} {
		node := "apiVersion: v1\nkind: Node\nmetadata: {name: node-" + arch + ", labels: {kubernetes.io/arch: " + arch + "}}\n" +
			"status: {nodeInfo: {operatingSystem: linux, architecture: " + arch + ", containerRuntimeVersion: 'containerd://2.4.2'}, images: [{names: ['" + images + "'], sizeBytes: 1}]}"
		if result := s.apply(node); result.Code != 0 {
			s.Fatal(result.Output)
		}
		s.await("Pullgate to know the node", func() bool {
			seen := s.kubectl("run", "there", "--image=there.example/it:1.0", "--image-pull-policy=Never", "--dry-run=server",
				"--overrides", `{"spec": {"nodeSelector": {"kubernetes.io/arch": "`+arch+`"}}}`)
			return seen.Stderr == ""
		})
	}
}

// record applies a manifest and writes down what came of it.
func (s stage) record(page *strings.Builder, said saying, code int) {
	s.Helper()
	file := filepath.Join(s.rig.Dir(), "web.yaml")
	if err := os.WriteFile(file, []byte(deployment("web", said.image, said.spec...)), 0o600); err != nil {
		s.Fatal(err)
	}
	result := s.kubectl("apply", "-f", "web.yaml")
	if result.Code != code {
		s.Errorf("%s: exit code %d, want %d:\n%s", said.reason, result.Code, code, result.Output)
	}
	s.must("delete", "deployment", "web", "--ignore-not-found")
	fmt.Fprintf(page, "\n### %s\n\n%s\n\n```yaml\nimage: %s\n", said.reason, said.about, quoted(said.image))
	for _, field := range said.spec {
		fmt.Fprintln(page, field)
	}
	fmt.Fprintf(page, "```\n\n```text\n%s```\n", result.Output)
}

// quoted writes an image so that YAML reads it so.
func quoted(image string) string {
	if strings.TrimSpace(image) != image {
		return "'" + image + "'"
	}
	return image
}

func messagesChapters(l *lab.Lab) []messagesChapter {
	return []messagesChapter{
		{title: "Refused", about: "In mode `enforce`; the exit code is 1, and nothing was changed.", code: 1, sayings: brokenSayings(l)},
		{title: "Let in with a warning", about: "The exit code is 0. Whatever a registry leaves unanswered never denies.", sayings: unknownSayings(l)},
		{title: "Notes on what works", about: "They go with any verdict; the exit code is 0.", sayings: noteSayings(l)},
		{title: "In mode `warn`", about: "What would be refused is a warning; the exit code is 0. The API server cuts it at 255 bytes.", mode: "warn", sayings: warnSayings(l)},
		{title: "Notes that are asked for", about: "They are given where `notes` of the configuration lists them.", config: "notes: [UnpinnedTag]\n", sayings: []saying{
			{reason: "UnpinnedTag", about: "The digest to pin is that of now.", image: l.Open.Ref("shop/web:1.27")},
		}},
	}
}

func brokenSayings(l *lab.Lab) []saying {
	private, nowhere := l.Token.Ref("shop/private:1.0"), l.Open.Ref("shop/web@sha256:"+strings.Repeat("0123", 16))
	return []saying{
		{reason: "InvalidImageName", about: "Nodes cannot parse the name.", image: l.Open.Ref("Shop/Web:1.27")},
		{reason: "TagNotFound", about: "The registry says that the tag is not there; the nearest tags that it has are suggested.", image: l.Open.Ref("shop/web:1.99")},
		{reason: "DigestNotFound", about: "The registry says that the digest is not there.", image: nowhere},
		{reason: "DigestNotFound, with a tag", about: "Nodes go by the digest alone; the tag helps to find the one that was meant.", image: strings.Replace(nowhere, "@", ":1.27@", 1)},
		{reason: "RepositoryNotFound", about: "The registry says that it knows no such repository.", image: l.Open.Ref("shop/wbe:1.27")},
		{reason: "CredentialsRequired", about: "The registry lets nobody pull without credentials, and the Pods have none.", image: private},
		{reason: "CredentialsRequired, with a pull secret that does not exist", about: "Nodes go on without it, as if it had not been named.", image: private, spec: []string{withSecrets("regcerd")}},
		{reason: "CredentialsRequired, with a pull secret for another registry", about: "Nodes find no entry for this registry in it.", image: private, spec: []string{withSecrets("other")}},
		{reason: "CredentialsRequired, with a pull secret of the wrong type", about: "Nodes ignore it.", image: private, spec: []string{withSecrets("opaque")}},
		{reason: "CredentialsRejected", about: "The registry refused every credential that matches it.", image: private, spec: []string{withSecrets("stale")}},
		{reason: "PullSecretMalformed", about: "One such secret keeps nodes from pulling anything for the Pod, whatever registry it is for.", image: l.Open.Ref("shop/web:1.27"), spec: []string{withSecrets("malformed")}},
		{reason: "PlatformMismatch", about: "The index has no image for any node on which the Pods can land.", image: l.Open.Ref("shop/mainframe:1.0")},
		{reason: "UnsupportedImage", about: "What is there is no image that containerd takes.", image: l.Faulty.Ref("fault/schema1:1.0")},
		{reason: "BlobMissing", about: "The manifest is there and a layer is not; looked for with `depth: layers` alone.", image: l.Faulty.Ref("fault/missing-layer:1.0")},
		{reason: "Several images", about: "Each gets a line.", image: l.Open.Ref("shop/web:1.99"), spec: []string{"initContainers: [{name: init, image: '" + l.Open.Ref("tools/debug:1.63") + "'}]"}},
	}
}

func unknownSayings(l *lab.Lab) []saying {
	return []saying{
		{reason: "NeverPresent", about: "It is `broken`, but nobody can know what will be loaded onto a node, so that `enforce` only warns.", image: l.Open.Ref("shop/web:0.9"), spec: []string{"imagePullPolicy: Never"}},
		{reason: "RateLimited", about: "The registry answers 429.", image: l.Faulty.Ref("fault/429:1.0")},
		{reason: "RegistryUnreachable", about: "No connection comes about.", image: l.Down + "/shop/cart:7"},
		{reason: "RegistryError", about: "The registry gives no usable answer, such as 502.", image: l.Faulty.Ref("fault/502:1.0")},
		{reason: "UntrustedCertificate", about: "The registry's certificate is signed by nobody whom Pullgate knows; nodes may know more.", image: untrusted + "/shop/web:1.27"},
		{reason: "Timeout", about: "The registry does not answer in the time that the API server gives.", image: l.Faulty.Ref("fault/silent:1.0")},
		{reason: "NodeCredentialsUnknown", about: "The registry refused, but nodes may log in to it by themselves (`nodes.hiddenCredentials`).", image: l.Basic.Ref("shop/private:1.0")},
		{reason: "AddressForbidden", about: "The registry leads to an address that is not dialled on behalf of a Pod, here by a redirect.", image: l.Faulty.Ref("fault/to-metadata:1.0")},
		{reason: "PresentOnNodes", about: "The registry would refuse, but a node has the image already.", image: l.Token.Ref("shop/private:1.1")},
		{reason: "PresentOnNodes, never pulled", about: "A node says of an image that it keeps from the Pod that it is not there.", image: l.Token.Ref("shop/private:1.1"), spec: []string{"imagePullPolicy: Never"}},
	}
}

func noteSayings(l *lab.Lab) []saying {
	public, private := l.Open.Ref("shop/web:1.27"), l.Token.Ref("shop/private:1.0")
	return []saying{
		{reason: "PullSecretMissing", about: "The secret does not exist; the image is public.", image: public, spec: []string{withSecrets("regcerd")}},
		{reason: "PullSecretIgnored", about: "The secret is none for pulling.", image: public, spec: []string{withSecrets("opaque")}},
		{reason: "PullSecretRejected", about: "The secret was refused, though another works.", image: private, spec: []string{withSecrets("stale", "regcred")}},
		{reason: "WrongArchitecture", about: "An image of a single platform is pulled by any node, and does not run on others; looked for with `depth: layers` alone.", image: l.Open.Ref("shop/arm:1.0"), spec: []string{"nodeSelector: {kubernetes.io/arch: amd64}"}},
		{reason: "SomeNodesMismatch", about: "The index has images for some of the nodes only.", image: l.Open.Ref("shop/intel:1.0")},
		{reason: "VolumeNotMounted", about: "The volume's image is broken, and no container mounts the volume.", image: public, spec: []string{"volumes: [{name: data, image: {reference: '" + l.Open.Ref("shop/web:1.99") + "'}}]"}},
	}
}

func warnSayings(l *lab.Lab) []saying {
	return []saying{
		{reason: "TagNotFound, as a warning", about: "The verdict is the same.", image: l.Open.Ref("shop/web:1.99")},
		{reason: "CredentialsRequired, as a warning", about: "The secret is named once.", image: l.Token.Ref("shop/private:1.0"), spec: []string{withSecrets("regcerd")}},
	}
}

// stableNames gives what differs from run to run the same name in all.
func stableNames(l *lab.Lab) names {
	hosts := map[string]string{
		l.Open.Host: "registry.example", l.Token.Host: "token.example", l.Basic.Host: "basic.example",
		l.Faulty.Host: "faulty.example", l.Down: "down.example",
	}
	var pairs []string
	for host, name := range hosts {
		pairs = append(pairs, "tcp "+host, "tcp 192.0.2.1:443", host, name)
	}
	return names{strings.NewReplacer(pairs...)}
}

// names replaces addresses and digests.
type names struct{ hosts *strings.Replacer }

// Replace names the hosts, and shortens digests to one that tells them apart.
func (n names) Replace(text string) string {
	var seen []string
	return regexp.MustCompile(`sha256:[0-9a-f]{64}`).ReplaceAllStringFunc(n.hosts.Replace(text), func(digest string) string {
		at := slices.Index(seen, digest)
		if at < 0 {
			at = len(seen)
			seen = append(seen, digest)
		}
		return "sha256:" + strings.Repeat(string(rune('a'+at)), 12) + "…"
	})
}

// compare compares a file with what it should be, or with -update makes it so.
func compare(t *testing.T, file, want string) {
	t.Helper()
	if updating() {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	written, recorded := strings.Split(string(text), "\n"), strings.Split(want, "\n")
	for i := range max(len(written), len(recorded)) {
		if i >= len(written) || i >= len(recorded) || written[i] != recorded[i] {
			t.Fatalf("%s:%d says\n%s\nand what was recorded is\n%s\n(make messages writes it anew)",
				file, i+1, strings.Join(written[min(i, len(written)):min(i+1, len(written))], ""), strings.Join(recorded[min(i, len(recorded)):min(i+1, len(recorded))], ""))
		}
	}
}
