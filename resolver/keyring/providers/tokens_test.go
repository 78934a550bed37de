package providers

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pullgate/pullgate/resolver/keyring"
)

// issuer is an API server that issues tokens, numbered and for everybody.
type issuer struct {
	requests []*authenticationv1.TokenRequest
	life     int64
	err      error
}

func (i *issuer) issue(_ context.Context, namespace, name string, request *authenticationv1.TokenRequest) error {
	i.requests = append(i.requests, request.DeepCopy())
	if i.err != nil {
		return i.err
	}
	request.Status.Token = fmt.Sprintf("%s%d of %s/%s", marker, len(i.requests), namespace, name)
	if i.life != 0 {
		request.Spec.ExpirationSeconds = &i.life
	}
	return nil
}

func forbidden() error {
	return apierrors.NewForbidden(schema.GroupResource{Resource: "serviceaccounts"}, "web", errors.New(`cannot create resource "serviceaccounts/token"`))
}

const (
	byAccount = `"cacheType":"ServiceAccount","requireServiceAccount":true`
	byToken   = `"cacheType":"Token","requireServiceAccount":true`
)

// withTokens installs a provider for quay.io that gets tokens and answers with
// one login, for everything and for an hour.
func withTokens(t *testing.T, attributes string) (*installed, *issuer) {
	t.Helper()
	node := install(t, plugin{name: "p", kind: "tell", answer: answer("Global", "1h", "quay.io"),
		extra: `,"tokenAttributes":{"serviceAccountTokenAudience":"registry",` + attributes + `}`})
	from := new(issuer)
	node.Issue = from.issue
	return node, from
}

func annotated(name, uid string, annotations ...string) *corev1.ServiceAccount {
	object := account(name)
	object.UID, object.Annotations = types.UID(uid), map[string]string{}
	for _, key := range annotations {
		object.Annotations[key] = "value of " + key
	}
	return object
}

// lookUp is what a Pod of a ServiceAccount finds for quay.io.
func lookUp(t *testing.T, node keyring.NodeSource, name string, all ...*corev1.ServiceAccount) keyring.Match {
	t.Helper()
	source := accounts{}
	for _, one := range all {
		source[one.Name] = one
	}
	ring := (&keyring.Keyring{Source: source, Node: []keyring.NodeSource{node}}).Open(t.Context(), keyring.Pod{Namespace: "shop", ServiceAccount: name, PullSecrets: []string{""}})
	return ring.Lookup(t.Context(), named(t, "quay.io/app:1"))
}

const fromProvider = "user of quay.io:p@provider/p"

// TestProviderIsTold: the token of the Pod's ServiceAccount, for the audience
// that is configured, and the annotations that are.
func TestProviderIsTold(t *testing.T) {
	const keys = `,"requiredServiceAccountAnnotationKeys":["must"],"optionalServiceAccountAnnotationKeys":["may","might"]`
	tests := map[string]struct {
		attributes, name string
		account          *corev1.ServiceAccount
		want             string
	}{
		"token alone":    {byAccount, "web", annotated("web", "1", "other"), `,"serviceAccountToken":"s3cr3tM4rk3r1 of shop/web"}`},
		"default":        {byToken, "", annotated("default", "1"), `,"serviceAccountToken":"s3cr3tM4rk3r1 of shop/default"}`},
		"annotations":    {byAccount + keys, "web", annotated("web", "1", "must", "may", "other"), `,"serviceAccountToken":"s3cr3tM4rk3r1 of shop/web","serviceAccountAnnotations":{"may":"value of may","must":"value of must"}}`},
		"not required":   {`"cacheType":"Token","requireServiceAccount":false`, "web", annotated("web", "1"), `,"serviceAccountToken":"s3cr3tM4rk3r1 of shop/web"}`},
		"nothing to say": {byAccount + keys, "web", annotated("web", "1", "may"), ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			node, from := withTokens(t, test.attributes)
			match := lookUp(t, node, test.name, test.account)
			if test.want == "" { // the kubelet passes it over, and so its silence is known
				if got := node.called(t); got[0] != "" || len(match.Credentials) > 0 || match.Incomplete != "" || len(from.requests) > 0 {
					t.Errorf("called with %q, match is %+v", got, match)
				}
				return
			}
			want := []string{`{"kind":"CredentialProviderRequest","apiVersion":"credentialprovider.kubelet.k8s.io/v1","image":"quay.io/app"` + test.want}
			if got := node.called(t); !slices.Equal(got, want) {
				t.Errorf("told %q, want %q", got, want)
			}
			if got := tried(match.Credentials); !slices.Equal(got, []string{fromProvider}) {
				t.Errorf("tries %q", got)
			}
			seconds := int64(600)
			asked := authenticationv1.TokenRequestSpec{Audiences: []string{"registry"}, ExpirationSeconds: &seconds}
			if got := from.requests; len(got) != 1 || got[0].UID != "1" || !reflect.DeepEqual(got[0].Spec, asked) {
				t.Errorf("requests are %+v", got)
			}
		})
	}
}

// TestTokenProvesNoRefusal: the node's token is another one, so what was found
// may not be all; but nothing failed.
func TestTokenProvesNoRefusal(t *testing.T) {
	node, _ := withTokens(t, byAccount)
	match := lookUp(t, node, "web", annotated("web", "1"))
	if !match.Elsewhere || !strings.Contains(match.Incomplete, `credential provider "p" saw a token of ServiceAccount shop/web that is not bound to the Pod`) {
		t.Errorf("match is %+v", match)
	}
}

// TestTokenFailures: what keeps a provider from being asked, and whether it
// should have been.
func TestTokenFailures(t *testing.T) {
	web := annotated("web", "1")
	tests := map[string]struct {
		err       error
		accounts  []*corev1.ServiceAccount
		want      string
		elsewhere bool
	}{
		"no right":   {forbidden(), []*corev1.ServiceAccount{web}, `pullgate has no right to create serviceaccounts/token for shop/web: serviceaccounts "web" is forbidden`, true},
		"no answer":  {errUnreachable, []*corev1.ServiceAccount{web}, "no token of ServiceAccount shop/web was issued: connection refused", false},
		"no account": {nil, nil, `ServiceAccount shop/web could not be read: serviceaccounts "web" not found`, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			node, from := withTokens(t, byAccount)
			from.err = test.err
			match := lookUp(t, node, "web", test.accounts...)
			if len(match.Credentials) > 0 || match.Elsewhere != test.elsewhere || !strings.Contains(match.Incomplete, test.want) {
				t.Errorf("match is %+v, want incomplete by %q", match, test.want)
			}
			if got := node.called(t); got[0] != "" {
				t.Errorf("called with %q", got)
			}
		})
	}
}

// TestTokenIssuedEmpty: no token is none.
func TestTokenIssuedEmpty(t *testing.T) {
	node, _ := withTokens(t, byAccount)
	node.Issue = func(context.Context, string, string, *authenticationv1.TokenRequest) error { return nil }
	if match := lookUp(t, node, "web", annotated("web", "1")); !strings.Contains(match.Incomplete, "the answer has none") {
		t.Errorf("match is %+v", match)
	}
}

// TestFailureOutweighs: where one provider failed, that another could not be
// asked does not make it less.
func TestFailureOutweighs(t *testing.T) {
	extra := `,"tokenAttributes":{"serviceAccountTokenAudience":"a",` + byAccount + `}`
	node := install(t, plugin{name: "first", extra: extra}, plugin{name: "bad", kind: "fail"}, plugin{name: "last", extra: extra})
	match := lookUp(t, node, "web")
	if match.Elsewhere || !strings.Contains(match.Incomplete, `"bad" gave none`) || !strings.Contains(match.Incomplete, `"first" gave none: it asks for a token of the Pod's ServiceAccount, and there is no cluster`) {
		t.Errorf("match is %+v", match)
	}
}

// TestAnswersAreNotShared: one ServiceAccount's answer is for no other, nor
// for the same one once what was told of it has changed.
func TestAnswersAreNotShared(t *testing.T) {
	const keys = `,"optionalServiceAccountAnnotationKeys":["role"]`
	renew := 9 * time.Minute
	tests := map[string]struct {
		attributes string
		first      *corev1.ServiceAccount
		then       *corev1.ServiceAccount
		after      time.Duration
		calls      int
	}{
		"the same":           {byAccount + keys, annotated("web", "1", "role"), annotated("web", "1", "role"), 0, 1},
		"another":            {byAccount + keys, annotated("web", "1"), annotated("db", "1"), 0, 2},
		"made anew":          {byAccount + keys, annotated("web", "1"), annotated("web", "2"), 0, 2},
		"annotated":          {byAccount + keys, annotated("web", "1"), annotated("web", "1", "role"), 0, 2},
		"annotated for none": {byAccount + keys, annotated("web", "1"), annotated("web", "1", "other"), 0, 1},
		"another token":      {byAccount, annotated("web", "1"), annotated("web", "1"), renew, 1},
		"the same by token":  {byToken, annotated("web", "1"), annotated("web", "1"), 0, 1},
		"another by token":   {byToken, annotated("web", "1"), annotated("web", "1"), renew, 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			node, _ := withTokens(t, test.attributes)
			now := time.Now()
			node.tokens = newTokens(func() time.Time { return now })
			for _, one := range []*corev1.ServiceAccount{test.first, test.then} {
				if got := tried(lookUp(t, node, one.Name, one).Credentials); !slices.Equal(got, []string{fromProvider}) {
					t.Errorf("tries %q", got)
				}
				now = now.Add(test.after)
			}
			if got := len(node.called(t)); got != test.calls {
				t.Errorf("%d calls, want %d", got, test.calls)
			}
		})
	}
}

// TestEchoedToken: a token may come back as a password only where answers are
// kept by token.
func TestEchoedToken(t *testing.T) {
	echo := strings.Replace(answer("Image", "1h", "quay.io"), `"p"`, `"TOKEN"`, 1)
	for attributes, want := range map[string]int{byAccount: 0, byToken: 1} {
		node := install(t, plugin{name: "p", kind: "tell", answer: echo, extra: `,"tokenAttributes":{"serviceAccountTokenAudience":"a",` + attributes + `}`})
		node.Issue = new(issuer).issue
		match := lookUp(t, node, "web", annotated("web", "1"))
		if len(match.Credentials) != want || want == 0 && !strings.Contains(match.Incomplete, "the ServiceAccount's token as a password") {
			t.Errorf("%s: match is %+v", attributes, match)
		}
		if text := told(match) + node.written.String(); strings.Contains(text, marker) {
			t.Errorf("the token is told: %s", text)
		}
	}
}

// TestTokensAreRenewed: after four fifths of their life; and where that fails
// they serve to its end.
func TestTokensAreRenewed(t *testing.T) {
	var now time.Time
	kept, from, key := newTokens(func() time.Time { return now }), new(issuer), tokenKey{"shop", "web", "1", "a"}
	steps := []struct {
		at   time.Duration
		err  error
		life int64
		want string
	}{
		{at: 0, want: "1 of shop/web"},
		{at: 8*time.Minute - time.Second, want: "1 of shop/web"},
		{at: 8 * time.Minute, err: errUnreachable, want: "1 of shop/web"},
		{at: 10*time.Minute - time.Second, err: forbidden(), want: "1 of shop/web"},
		{at: 10*time.Minute + 1, err: errUnreachable},
		{at: 10*time.Minute + 1, life: 100, want: "5 of shop/web"},
		{at: 10*time.Minute + 81*time.Second, life: 3600, want: "6 of shop/web"},
		{at: 20 * time.Minute, want: "7 of shop/web"},
	}
	for _, step := range steps {
		now, from.err, from.life = time.Time{}.Add(step.at), step.err, step.life
		got, err := kept.get(t.Context(), from.issue, key)
		if strings.TrimPrefix(got, marker) != step.want || (err != nil) != (step.want == "") {
			t.Errorf("after %s: %q, %v, want %q", step.at, got, err, step.want)
		}
	}
}

// TestTokensAreBounded: however many ServiceAccounts there are.
func TestTokensAreBounded(t *testing.T) {
	kept, from := newTokens(time.Now), new(issuer)
	for i := range maxTokens + 10 {
		if _, err := kept.get(t.Context(), from.issue, tokenKey{name: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if kept.kept.Len() != maxTokens {
		t.Errorf("%d tokens are kept, want %d", kept.kept.Len(), maxTokens)
	}
}
