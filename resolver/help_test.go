package resolver

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry"
	"github.com/pullgate/pullgate/workload"
)

// What people are told to do, reason by reason.
func TestHints(t *testing.T) {
	mine := map[string]*corev1.Secret{"mine": pullSecret("reg.example.com", "ann")}
	tests := []struct {
		name        string
		image       string
		answers     map[string]pull.Reason
		tags        map[string][]string
		want        pull.Reason
		hint        string
		suggestions []string
	}{
		{name: "a wrong tag", image: "nginx:1.99", tags: map[string][]string{"docker.io/library/nginx": {"1.28", "1.29"}},
			want: pull.TagNotFound, hint: "did you mean nginx:1.29?", suggestions: []string{"nginx:1.29"}},
		{name: "a wrong tag, several near", image: "reg.example.com:5000/app:1.9", tags: map[string][]string{"reg.example.com:5000/app": {"1.8", "1.10"}},
			want: pull.TagNotFound, hint: "did you mean reg.example.com:5000/app:1.8, or reg.example.com:5000/app:1.10?",
			suggestions: []string{"reg.example.com:5000/app:1.8", "reg.example.com:5000/app:1.10"}},
		{name: "a wrong tag, none near", image: "docker.io/library/nginx:1.99", tags: map[string][]string{"docker.io/library/nginx": {"edge"}},
			want: pull.TagNotFound, hint: "correct the tag, or push nginx:1.99"},
		{name: "a wrong tag, and a list to paint the terminal with", image: "nginx:1.99", tags: map[string][]string{"docker.io/library/nginx": {"1.9\x1b", "1.9\n"}},
			want: pull.TagNotFound, hint: "correct the tag, or push nginx:1.99"},
		{name: "a wrong tag, and a list that is kept secret", image: "nginx:1.99", want: pull.TagNotFound, hint: "correct the tag, or push nginx:1.99; it may also be"},
		{name: "no tag at all", image: "reg.example.com/app", tags: map[string][]string{"reg.example.com/app": {"2.0", "1.9"}},
			want: pull.TagNotFound, hint: "no tag was given, and there is none called latest: name a tag, such as reg.example.com/app:2.0", suggestions: []string{"reg.example.com/app:2.0"}},
		{name: "no tag at all, and nothing to suggest", image: "reg.example.com/app", want: pull.TagNotFound, hint: "no tag was given, and there is none called latest: name a tag"},
		{name: "latest by name", image: "reg.example.com/app:latest", tags: map[string][]string{"reg.example.com/app": {"2.0"}},
			want: pull.TagNotFound, hint: "did you mean reg.example.com/app:2.0?", suggestions: []string{"reg.example.com/app:2.0"}},
		{name: "a wrong repository", image: "reg.example.com/ap:1", answers: map[string]pull.Reason{"reg.example.com/ap:1": pull.RepositoryNotFound},
			want: pull.RepositoryNotFound, hint: "correct the repository's name, or push reg.example.com/ap:1"},
		{name: "an image on the secret's registry", image: "team/app:1", answers: map[string]pull.Reason{"docker.io/team/app:1": pull.CredentialsRequired, "reg.example.com/team/app:1 as ann": pull.ReasonPullable},
			want: pull.CredentialsRequired, hint: "the name has no registry, so it means Docker Hub's; write reg.example.com/team/app:1, which is there", suggestions: []string{"reg.example.com/team/app:1"}},
		{name: "a tag on the secret's registry", image: "app", answers: map[string]pull.Reason{"reg.example.com/app:latest": pull.ReasonPullable},
			want: pull.TagNotFound, hint: "write reg.example.com/app, which is there", suggestions: []string{"reg.example.com/app"}},
		{name: "Docker Hub by name", image: "docker.io/team/app:1", answers: map[string]pull.Reason{"docker.io/team/app:1": pull.CredentialsRequired, "reg.example.com/docker.io/team/app:1": pull.ReasonPullable},
			want: pull.CredentialsRequired, hint: "pull secret shop/mine has no entry for docker.io/team/app"},
		{name: "a digest whose tag is there", image: "reg.example.com/app:1@" + otherDigest, answers: map[string]pull.Reason{"reg.example.com/app:1@" + otherDigest: pull.DigestNotFound, "reg.example.com/app:1": pull.ReasonPullable},
			want: pull.DigestNotFound, hint: "the tag 1 is there with another digest: pin " + someDigest, suggestions: []string{"reg.example.com/app:1@" + someDigest}},
		{name: "a digest whose tag is gone", image: "reg.example.com/app:1@" + otherDigest, answers: map[string]pull.Reason{"reg.example.com/app:1@" + otherDigest: pull.DigestNotFound},
			want: pull.DigestNotFound, hint: "pin a digest that the registry still has"},
		{name: "a digest alone", image: "reg.example.com/app@" + otherDigest, answers: map[string]pull.Reason{"reg.example.com/app@" + otherDigest: pull.DigestNotFound},
			want: pull.DigestNotFound, hint: "pin a digest that the registry still has"},
		{name: "an index of which a part is gone", image: "reg.example.com/app:1", answers: map[string]pull.Reason{"reg.example.com/app:1": pull.DigestNotFound},
			want: pull.DigestNotFound, hint: "push the image again"},
		{name: "a tag that is listed, and not there", image: "nginx:1.29", tags: map[string][]string{"docker.io/library/nginx": {"1.28", "1.29"}},
			want: pull.TagNotFound, hint: "the registry lists this tag and does not give it to nodes"},
		{name: "a refused password", image: "reg.example.com/app:1", answers: map[string]pull.Reason{"reg.example.com/app:1": pull.CredentialsRejected},
			want: pull.CredentialsRejected, hint: "renew the password in pull secret shop/mine, or ask for pull access to app"},
		{name: "another platform", image: "nginx:1", answers: map[string]pull.Reason{"docker.io/library/nginx:1": pull.PlatformMismatch},
			want: pull.PlatformMismatch, hint: "build the image for these platforms too"},
		{name: "no image", image: "nginx:1", answers: map[string]pull.Reason{"docker.io/library/nginx:1": pull.UnsupportedImage}, want: pull.UnsupportedImage, hint: "push the image again"},
		{name: "a part is gone", image: "nginx:1", answers: map[string]pull.Reason{"docker.io/library/nginx:1": pull.BlobMissing}, want: pull.BlobMissing, hint: "push the image again"},
		{name: "nothing to do where nothing is known", image: "nginx:1", answers: map[string]pull.Reason{"docker.io/library/nginx:1": pull.RateLimited}, want: pull.RateLimited},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.answers == nil {
				test.answers = map[string]pull.Reason{}
			}
			result := resolveOne(t, newResolver(shop(mine), &registries{answers: test.answers, tags: test.tags}), deployment([]string{"mine"}, test.image))
			wantReason(t, result, test.want)
			if !strings.Contains(result.Hint, test.hint) || test.hint == "" && result.Hint != "" {
				t.Errorf("hint %q, want %q", result.Hint, test.hint)
			}
			if !slices.Equal(result.Suggestions, test.suggestions) {
				t.Errorf("suggestions %q, want %q", result.Suggestions, test.suggestions)
			}
			if test.want.Verdict() == pull.Broken && (result.Summary == "" || !strings.HasPrefix(result.Message, result.Summary) || !strings.Contains(result.Message, "the registry said so")) {
				t.Errorf("summary %q, message %q", result.Summary, result.Message)
			}
		})
	}
}

// unlisted says of every tag list that the repository is unknown.
type unlisted struct{ registries }

func (*unlisted) Tags(context.Context, reference.Named, pull.Credential) ([]string, error) {
	return nil, fmt.Errorf("tags: %w", registry.ErrRepositoryUnknown)
}

// A registry that says NAME_UNKNOWN for the list alone has said so all the same.
func TestRepositoryUnknownByItsList(t *testing.T) {
	resolver, seen := newResolver(shop(nil), &unlisted{}), &observer{}
	resolver.Observer = seen
	result := resolveOne(t, resolver, deployment(nil, private))
	wantReason(t, result, pull.RepositoryNotFound)
	if want := []string{"reg.example.com RepositoryNotFound"}; !slices.Equal(seen.checked, want) {
		t.Errorf("counted %q, want %q", seen.checked, want)
	}
	if !strings.HasPrefix(result.Message, "repository not found: ") || result.Summary != "repository not found" {
		t.Errorf("summary %q, message %q", result.Summary, result.Message)
	}
}

// Hints take what is left of the deadline, and two seconds at most; the
// refusal stands without them.
func TestHintsAreInTime(t *testing.T) {
	for _, deadline := range []time.Duration{time.Second, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			prober := &registries{during: func(ctx context.Context, query pull.Query) *pull.Finding {
				if reference.Domain(query.Image) == "reg.example.com" {
					<-ctx.Done() // a registry to look for the image on, which hangs
				}
				return &pull.Finding{Reason: pull.TagNotFound}
			}}
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			from := shop(map[string]*corev1.Secret{"mine": pullSecret("reg.example.com", "ann")})
			start := time.Now()
			report := newResolver(from, prober).Resolve(ctx, deployment([]string{"mine"}, "team/app:1"))
			if took := time.Since(start); took > min(deadline, helpFor)+lastWords {
				t.Errorf("deadline %s: took %s", deadline, took)
			}
			wantReason(t, report.Results[0], pull.TagNotFound)
			time.Sleep(questionLimit)
		})
	}
}

func TestInvalidNames(t *testing.T) {
	const grammar, noPods = "write [REGISTRY/]REPOSITORY[:TAG][@DIGEST]", "the API server will refuse its Pods"
	tests := []struct{ image, message, hint string }{
		{"", noPods, "write the image's name"},
		{" ", noPods, "write the image's name"},
		{" nginx", noPods, "take the white space away"},
		{"nginx\n", noPods, "take the white space away: write the name on the line of its key, or |-"},
		{"https://reg.example.com/app:1", `the host "https://" is that of a URL`, "take the scheme away: reg.example.com/app:1"},
		{"docker://nginx", "is that of a URL", "take the scheme away: nginx"},
		{"Nginx:1", `the path "Nginx" has upper-case letters`, "write it in lower case: nginx:1"},
		{"reg.example.com/App", `the path "App" has`, "write it in lower case: reg.example.com/app"},
		{"nginx:", "the tag is empty", "write the tag, or look at the variable"},
		{"nginx:2.4e+06", `the tag "2.4e+06" is a number that YAML or Helm rewrote`, "put the tag into quotes"},
		{"nginx:1.2.3+build.4", `the tag "1.2.3+build.4" has a +`, "push it under a tag with _ or -"},
		{"nginx:${TAG}", `the tag "${TAG}" has a placeholder`, "render the manifest"},
		{"ko://github.com/acme/app", "is an import path for ko", "apply what `ko resolve`"},
		{"nginx:1:2", "is not valid", grammar},
		{"nginx 1", "has white space", "take the white space away"},
		{"nginx:1\u200b", "is not valid", grammar},
		{"nginx@sha256:abc", `the digest "sha256:abc" has not as many digits`, "copy the whole digest"},
		{"foo//bar", "is not valid", grammar},
		{"-x", "is not valid", grammar},
		{strings.Repeat("ab", 32), "is an image's ID", "write the repository and the digest: REPOSITORY@sha256:abab"},
		{"user:password@reg.example.com/app", "is not valid", grammar},
		{strings.Repeat("x", 300), "is too long", grammar},
		{strings.Repeat("x", 1<<20), "is too long", grammar},
		{strings.Repeat("/", 1<<20), "the path", grammar},
		{strings.Repeat("a", 1<<20) + ".io/x:1", "", grammar},
		{"\x00\xff\x1b[31m", "is not valid", grammar},
	}
	prober := &registries{}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%.20q", test.image), func(t *testing.T) {
			result := resolveOne(t, newResolver(shop(nil), prober), deployment(nil, test.image))
			wantReason(t, result, pull.InvalidImageName)
			if !strings.HasPrefix(result.Hint, test.hint) || !strings.Contains(result.Message, test.message) || result.Resolved != "" {
				t.Errorf("hint %q, message %q", result.Hint, result.Message)
			}
			if seen := test.message != noPods && len(test.image) <= 512; seen != strings.Contains(result.Node, "couldn't parse image name") {
				t.Errorf("a node sees it: %t; and says %q", seen, result.Node)
			}
			if size := len(result.Message) + len(result.Hint) + len(result.Node); size > 3000 {
				t.Errorf("%d bytes", size)
			}
		})
	}
	wantProbes(t, prober, 0)
}

// What somebody is still to replace is not looked up, and is the image of nobody
// else.
func TestFilledBy(t *testing.T) {
	for written, says := range map[string]string{
		" ":    "no image is named here: Istio's injection fills it in",
		"auto": "not looked up: Istio's injection puts another image in its place",
	} {
		w := with(written, func(t *workload.Template) {
			filled := t.Images[0]
			filled.FilledBy = "Istio's injection"
			t.Images = append(t.Images, filled)
		})
		results := newResolver(shop(nil), answering(pull.TagNotFound)).Resolve(t.Context(), w).Results
		if wantReason(t, results[1], pull.Exempt); results[1].Message != says {
			t.Errorf("%q, want %q", results[1].Message, says)
		}
		if results[0].Verdict != pull.Broken {
			t.Errorf("%q of nobody is %s", written, results[0].Reason)
		}
	}
}

// The API server trims no volume's reference: the kubelet fails to parse it.
func TestBlankVolume(t *testing.T) {
	w := with(" ", func(t *workload.Template) { t.Images[0].Role, t.Images[0].Mounted = workload.Volume, true })
	result := resolveOne(t, newResolver(shop(nil), &registries{}), w)
	wantReason(t, result, pull.InvalidImageName)
	if !strings.Contains(result.Node, "couldn't parse image name") {
		t.Errorf("it says %q, and of a node %q", result.Message, result.Node)
	}
}

// Every reason is put into words of its own, in one line.
func TestWords(t *testing.T) {
	seen := map[string]pull.Reason{}
	for _, entry := range pull.Standard().Reasons {
		verdict, reason := entry.Verdict, entry.Reason
		if verdict == pull.Skipped || reason == pull.InvalidImageName || reason == pull.NeverPresent || reason == pull.PullSecretMalformed {
			continue // no registry says these
		}
		result := resolveOne(t, newResolver(shop(nil), answering(reason)), deployment(nil, private))
		if result.Reason != reason {
			t.Errorf("%s became %s", reason, result.Reason)
		}
		if verdict == pull.Pullable {
			continue
		}
		if twin, taken := seen[result.Message]; taken {
			t.Errorf("%s and %s say the same: %s", reason, twin, result.Message)
		}
		seen[result.Message] = reason
		if !strings.Contains(result.Message, "so it is") || strings.ContainsFunc(result.Message+result.Hint, unicode.IsControl) || !utf8.ValidString(result.Message) {
			t.Errorf("%s: %q", reason, result.Message)
		}
		if verdict == pull.Unknown && reason != pull.NodeCredentialsUnknown && reason != pull.PresentOnNodes && !strings.HasPrefix(result.Summary, "not checked") {
			t.Errorf("%s: %q does not say that nothing was checked", reason, result.Summary)
		}
	}
}

// A secret for one image is none too many for another of the same workload.
func TestSecretsForOtherImages(t *testing.T) {
	from := shop(map[string]*corev1.Secret{"mine": pullSecret("reg.example.com", "ann"), "idle": pullSecret("idle.example.com", "ida")})
	answers := map[string]pull.Reason{private: pull.ReasonPullable, "docker.io/library/nginx:1": pull.ReasonPullable, "docker.io/library/gone:1": pull.TagNotFound}
	report := newResolver(from, &registries{answers: answers}).Resolve(t.Context(), deployment([]string{"mine", "idle"}, private, "nginx:1", "nginx:1", "gone:1"))
	about := func(i int) (secrets []string) {
		for _, note := range report.Results[i].Notes {
			secrets = append(secrets, string(note.Reason)+" "+note.Secret.String())
		}
		return secrets
	}
	idle := "PullSecretUnmatched secret/shop/idle"
	for i, want := range [][]string{{idle}, {idle}, {idle}, {"PullSecretUnmatched secret/shop/mine", idle}} {
		if got := about(i); !slices.Equal(got, want) {
			t.Errorf("notes of image %d: %q, want %q", i, got, want)
		}
	}
}

func TestSkip(t *testing.T) {
	w := deployment(nil, "a", "b")
	w.Templates = append(w.Templates, deployment(nil, "c").Templates...)
	report := Skip(w, pull.OwnedByController, "because")
	if report.Object != w.Object || len(report.Results) != 3 {
		t.Fatalf("report %+v", report)
	}
	for i, result := range report.Results {
		wantReason(t, result, pull.OwnedByController)
		if result.Image.Reference != []string{"a", "b", "c"}[i] || result.Message != "because" {
			t.Errorf("result %d: %+v", i, result)
		}
	}
}
