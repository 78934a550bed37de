package keyring

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/resolver/pull"
)

// TestNotes: one word on every secret that does not help.
func TestNotes(t *testing.T) {
	tests := map[string]struct {
		secret *corev1.Secret
		image  string
		reason pull.NoteReason
		want   string
	}{
		"missing": {secret: login("other", "quay.io", "u"), reason: pull.PullSecretMissing,
			want: "pull secret shop/s does not exist, and nodes pull without it: create it, or take its name from the list"},
		"wrong type": {secret: newSecret("s", "Opaque", ".dockerconfigjson", "{}"), reason: pull.PullSecretIgnored,
			want: `pull secret shop/s is of type "Opaque", and nodes read only kubernetes.io/dockerconfigjson and kubernetes.io/dockercfg: create it with ` + "`kubectl create secret docker-registry`"},
		"wrong key": {secret: newSecret("s", "kubernetes.io/dockerconfigjson", "config.json", "{}"), reason: pull.PullSecretIgnored,
			want: `pull secret shop/s is of type kubernetes.io/dockerconfigjson, but has nothing under the key ".dockerconfigjson": create it with ` + "`kubectl create secret docker-registry`"},
		"empty": {secret: dockercfg("s", ""), reason: pull.PullSecretIgnored,
			want: `pull secret shop/s is of type kubernetes.io/dockercfg, but has nothing under the key ".dockercfg": create it with ` + "`kubectl create secret docker-registry`"},
		"identity token": {secret: configJSON("s", `{"auths":{"quay.io":{"identitytoken":"t"}}}`), reason: pull.PullSecretIgnored,
			want: "pull secret shop/s has an entry for quay.io/org/app without a user name: nodes read only username, password and auth, not identitytoken, registrytoken, credsStore or credHelpers, so put a user name and a password into it"},
		"no entries": {secret: configJSON("s", `{"credsStore":"desktop"}`), reason: pull.PullSecretUnmatched,
			want: `pull secret shop/s has no entry for quay.io/org/app: it has none at all under "auths", where nodes look for them`},
		"no entries, legacy": {secret: dockercfg("s", `{}`), reason: pull.PullSecretUnmatched,
			want: `pull secret shop/s has no entry for quay.io/org/app: it has none at all`},
		"another registry": {secret: login("s", "ghcr.io", "u"), reason: pull.PullSecretUnmatched,
			want: `pull secret shop/s has no entry for quay.io/org/app: it is for "ghcr.io"`},
		"several": {secret: configJSON("s", `{"auths":{"a.io":{},"b.io":{},"c.io":{},"d.io":{},"e.io":{},"f.io":{}}}`), reason: pull.PullSecretUnmatched,
			want: `pull secret shop/s has no entry for quay.io/org/app: it is for "a.io", "b.io", "c.io", "d.io" and 2 more`},
		"password in the address": {secret: login("s", "https://me:hunter2@ghcr.io/x?token=hunter2", "u"), reason: pull.PullSecretUnmatched,
			want: `pull secret shop/s has no entry for quay.io/org/app: it is for "ghcr.io/x"`},
		"no address": {secret: login("s", "me:hunter2", "u"), reason: pull.PullSecretUnmatched,
			want: `pull secret shop/s has no entry for quay.io/org/app: it is for something that is no address`},
		"legacy, wrapped": {secret: dockercfg("s", `{"auths":{"quay.io":{"auth":"dTpw"}}}`), reason: pull.PullSecretUnmatched,
			want: `pull secret shop/s has no entry for quay.io/org/app: it is for "auths"; a secret of type kubernetes.io/dockercfg has its entries at the top, not under "auths": make it one of type kubernetes.io/dockerconfigjson`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.image == "" {
				test.image = "quay.io/org/app:1"
			}
			wantNote(t, lookup(t, with(test.secret), test.image, "s").Notes, test.reason, test.want)
		})
	}
}

func wantNote(t *testing.T, notes []pull.Note, reason pull.NoteReason, message string) {
	t.Helper()
	if len(notes) != 1 || notes[0].Reason != reason || notes[0].Message != message {
		t.Errorf("notes are\n%q, want\n%s %q", notes, reason, message)
	} else if name, _, _ := strings.Cut(strings.TrimPrefix(message, "pull secret "), " "); notes[0].Secret.String() != "secret/"+name {
		t.Errorf("the note on %s is about %q", name, notes[0].Secret)
	}
}

// TestNearMisses is the table of what is said of entries that nearly match.
func TestNearMisses(t *testing.T) {
	tests := []struct{ address, image, want string }{
		{"quay.io:443", "quay.io/org/app", `"quay.io:443" names a port, which the image does not: leave it out`},
		{"reg.example.com", "reg.example.com:5000/app", `"reg.example.com" is not for port 5000: write the port as the image does`},
		{"reg.example.com:5001", "reg.example.com:5000/app", `"reg.example.com:5001" is not for port 5000: write the port as the image does`},
		{"https://quay.io/v2", "quay.io/org/app", `"https://quay.io/v2" lacks a slash at the end`},
		{"https://quay.io/v1", "quay.io/org/app", `"https://quay.io/v1" lacks a slash at the end`},
		{"QUAY.IO", "quay.io/org/app", `"QUAY.IO" differs in upper and lower case: write "quay.io"`},
		{"quay.io/other", "quay.io/org/app", `"quay.io/other" is for another path`},
		{"quay.io/org/app/", "quay.io/org/app", `"quay.io/org/app/" ends in a slash, which the image's name does not have there: leave it out`},
		{"quay.io/org/app:tag", "quay.io/org/app", `"quay.io/org/app:tag" holds a tag or digest, which nodes do not compare: leave it out`},
		{"quay.io/*", "quay.io/org/app", `"quay.io/*" has a * in its path, where it is no wild card: end the path before it`},
		{" quay.io", "quay.io/org/app", `" quay.io" has blanks around it: take them away`},
		{"quay.io\n", "quay.io/org/app", `"quay.io\n" has blanks around it: take them away`},
		{"*", "quay.io/org/app", `in "*" each * stands for one label between dots: write as many as "quay.io" has`},
		{"*.example.com", "a.reg.example.com/app", `in "*.example.com" each * stands for one label between dots: write as many as "a.reg.example.com" has`},
		{"registry-1.docker.io", "nginx", `"registry-1.docker.io" is not what nodes look for: for Docker Hub write "https://index.docker.io/v1/"`},
		{"hub.docker.com", "nginx", `"hub.docker.com" is not what nodes look for: for Docker Hub write "https://index.docker.io/v1/"`},
		{"https://index.docker.io/v1", "nginx", `"https://index.docker.io/v1" is not what nodes look for: for Docker Hub write "https://index.docker.io/v1/"`},
		{"*.docker.io", "nginx", `"*.docker.io" is not what nodes look for: for Docker Hub write "https://index.docker.io/v1/"`},
		{"docker.io:443", "nginx", `"docker.io:443" names a port, which the image does not: leave it out`},
		{"ghcr.io", "quay.io/org/app", ""},
		{"*.example.org", "a.reg.example.com/app", ""},
		{"hub.docker.com", "localhost/foo", ""},
	}
	for _, test := range tests {
		notes := lookup(t, with(login("s", test.address, "u")), test.image, "s").Notes
		if len(notes) != 1 {
			t.Errorf("%q: notes are %q, want one", test.address, notes)
			continue
		}
		_, hint, _ := strings.Cut(notes[0].Message, "; ")
		if hint != test.want {
			t.Errorf("%q for %s: the hint is\n%s, want\n%s", test.address, test.image, hint, test.want)
		}
	}
}

// TestDockerHubNote: a secret for Docker Hub that is passed over is told why.
func TestDockerHubNote(t *testing.T) {
	source := with(login("hub", "https://index.docker.io/v1/", "hub"), login("io", "docker.io", "io"))
	wantNote(t, lookup(t, source, "nginx", "hub", "io").Notes, pull.PullSecretUnmatched,
		`pull secret shop/hub has no entry for docker.io/library/nginx: it is for "https://index.docker.io/v1/"; `+
			`"https://index.docker.io/v1/" counts only where no other entry matches`)
}

// TestNotesNameTheAccount: the reader is told where the list stands.
func TestNotesNameTheAccount(t *testing.T) {
	source := &cluster{accounts: map[string]*corev1.ServiceAccount{"shop/default": account("default", "s", "s")}}
	match := (&Keyring{Source: source}).Open(t.Context(), Pod{Namespace: "shop", InheritsSecrets: true}).Lookup(t.Context(), named(t, "nginx"))
	wantNote(t, match.Notes, pull.PullSecretMissing,
		"pull secret shop/s (of ServiceAccount shop/default) does not exist, and nodes pull without it: create it, or take its name from the list")
}

// TestMessagesAreBounded: what people wrote is not printed at any length.
func TestMessagesAreBounded(t *testing.T) {
	entries := make([]string, 200)
	for i := range entries {
		entries[i] = fmt.Sprintf(`"%s%d.io":{}`, strings.Repeat("é", 500), i)
	}
	for _, secret := range []*corev1.Secret{
		configJSON("s", `{"auths":{`+strings.Join(entries, ",")+`}}`),
		newSecret("s", corev1.SecretType(strings.Repeat("\u202e", 5000)), "x", ""),
	} {
		notes := lookup(t, with(secret), "quay.io/app", "s").Notes
		if len(notes) != 1 || len(notes[0].Message) > 3000 {
			t.Errorf("%d notes, the first of %d bytes", len(notes), len(notes[0].Message))
		}
		if strings.ContainsFunc(notes[0].Message, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q is not plain", notes[0].Message)
		}
	}
}

// TestHosts: the registries to look at for an image that names none.
func TestHosts(t *testing.T) {
	source := with(configJSON("s", `{"auths":{"quay.io/org":{},"https://user:hunter2@ghcr.io":{},"*.io":{},"docker.io":{},"https://index.docker.io/v1/":{}," x":{}}}`),
		login("r", "https://reg.example.com:5000/v2/", "u"), configJSON("bad", "{"))
	ring := (&Keyring{Source: source}).Open(t.Context(), Pod{Namespace: "shop", PullSecrets: []string{"r", "s", "bad", "r"}})
	if got, want := ring.Hosts(), []string{"reg.example.com:5000", "ghcr.io", "quay.io"}; !slices.Equal(got, want) {
		t.Errorf("hosts are %q, want %q", got, want)
	}
}
