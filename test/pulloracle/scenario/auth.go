package scenario

import (
	"fmt"

	"github.com/pullgate/pullgate/resolver/pull"
)

// Who is who in the tables.
const (
	aliceLogin = "alice:secret"
	bobLogin   = "bob:secret"
)

func alice() Credential    { return Credential{Username: "alice", Password: "secret"} }
func bob() Credential      { return Credential{Username: "bob", Password: "secret"} }
func outdated() Credential { return Credential{Username: "alice", Password: "of yesterday"} }
func unheardOf() Credential {
	return Credential{Username: "mallory", Password: "secret"}
}

// private lets alice in, and bob no further than the door.
func private(scheme string) Access {
	return Access{Scheme: scheme, Users: []string{aliceLogin}, Strangers: []string{bobLogin}}
}

func public() Access {
	access := private(Bearer)
	access.Anonymous = Pulls
	return access
}

func (a Access) denying(how string) Access {
	a.Denied = how
	return a
}

// givingTokens has everybody get a token, which opens nothing to strangers.
func (a Access) givingTokens() Access {
	a.Anonymous = EmptyTok
	return a
}

func (a Access) challenging(lines ...string) Access {
	a.Challenge = lines
	return a
}

// both makes a scenario for each scheme.
func both(s Scenario, access func(scheme string) Access, scheme string) Scenario {
	s.Access = access(scheme)
	s.Name = scheme + "-" + s.Name
	return s
}

// loop are the kubelet's rules about several credentials, which hold for every
// scheme.
func loop(scheme string) []Scenario {
	required, rejected := want(pull.CredentialsRequired), want(pull.CredentialsRejected)
	var list []Scenario
	for _, s := range []Scenario{
		{Name: "right", About: "a right credential", Credentials: []Credential{alice()}},
		{Name: "right-digest", About: "a right credential, by digest", Image: digestImage, Credentials: []Credential{alice()}},
		{Name: "none", About: "no credential", Want: required},
		{Name: "none-missing", About: "no credential, and no such tag", Image: otherTag, Want: required},
		{Name: "right-missing", About: "a right credential, and no such tag", Image: otherTag, Credentials: []Credential{alice()}, Want: want(pull.TagNotFound)},
		{Name: "wrong", About: "a password that does not hold any more", Credentials: []Credential{outdated()}, Want: rejected},
		{Name: "wrong-then-right", About: "the second credential is right", Credentials: []Credential{outdated(), alice()}},
		{Name: "right-then-wrong", About: "the first credential is right", Credentials: []Credential{alice(), outdated()}},
		{Name: "wrong-wrong-right", About: "the third credential is right", Credentials: []Credential{outdated(), unheardOf(), alice()}},
		{Name: "two-wrong", About: "two wrong credentials", Credentials: []Credential{outdated(), unheardOf()}, Want: rejected},
		{Name: "stranger", About: "who may log in, but not pull", Credentials: []Credential{bob()}, Want: rejected},
		{Name: "stranger-then-right", About: "first who may not pull, then who may", Credentials: []Credential{bob(), alice()}},
		{Name: "right-missing-then-wrong", About: "no such tag, says the registry to the first, and refuses the second", Image: otherTag,
			Credentials: []Credential{alice(), outdated()}, Want: want(pull.TagNotFound)},
		{Name: "wrong-then-right-missing", About: "the registry refuses the first, and tells the second that there is no such tag", Image: otherTag,
			Credentials: []Credential{outdated(), alice()}, Want: want(pull.TagNotFound)},
		{Name: "empty", About: "a credential of nothing: anonymous", Credentials: []Credential{{}}, Want: required},
		{Name: "password-alone", About: "a password without a user: anonymous", Credentials: []Credential{{Password: "secret"}}, Want: required},
		{Name: "user-alone", About: "a user without a password", Credentials: []Credential{{Username: "alice"}}, Want: want(pull.CredentialsRejected, pull.CredentialsRequired)},
	} {
		list = append(list, both(s, private, scheme))
	}
	return list
}

// basic is HTTP Basic.
func basic() []Scenario {
	required, rejected := want(pull.CredentialsRequired), want(pull.CredentialsRejected)
	return append(loop(Basic), []Scenario{
		{Name: "basic-public-wrong", About: "a wrong credential is never shown where nobody asks", Credentials: []Credential{outdated()}},
		{Name: "basic-403", About: "403 to who may not pull, as ECR", Access: private(Basic).denying(Forbids), Credentials: []Credential{bob()}, Want: rejected},
		{Name: "basic-404", About: "404 to who may not pull", Access: private(Basic).denying(Hides), Credentials: []Credential{bob()},
			Want: want(pull.RepositoryNotFound, pull.TagNotFound)},
		{Name: "basic-colon", About: "a password with a colon", Access: Access{Scheme: Basic, Users: []string{"alice:a:b"}}, Credentials: []Credential{{"alice", "a:b"}}},
		{Name: "basic-utf8", About: "a password beyond ASCII", Access: Access{Scheme: Basic, Users: []string{"alice:pässwörd"}}, Credentials: []Credential{{"alice", "pässwörd"}}},
		{Name: "basic-no-challenge", About: "401 without a challenge", Access: Access{Scheme: Basic, Users: []string{aliceLogin}, NoChallenge: true},
			Credentials: []Credential{alice()}, Want: required},
		{Name: "basic-no-challenge-none", About: "401 without a challenge, and no credential", Access: Access{Scheme: Basic, NoChallenge: true}, Want: required},
		{Name: "basic-digest-scheme", About: "a challenge to a scheme that nobody has", Access: private(Basic).challenging(`Digest realm="lab", nonce="1"`),
			Credentials: []Credential{alice()}, Want: required},
		{Name: "basic-negotiate", About: "Negotiate before Basic, on lines of their own", Access: private(Basic).challenging("Negotiate", basicLab), Credentials: []Credential{alice()}},
		{Name: "basic-lower-case", About: "the scheme in lower case", Access: private(Basic).challenging(`basic realm="lab"`), Credentials: []Credential{alice()}},
		{Name: "basic-no-realm", About: "a challenge without a realm", Access: private(Basic).challenging(`Basic`), Credentials: []Credential{alice()}},
		{Name: "basic-bearer-one-line", About: "Basic and Bearer on one line are read as Basic", Access: private(Basic).challenging(`Basic realm="lab", Bearer realm="{realm}",service="lab"`), Credentials: []Credential{alice()}},
		{Name: "basic-bearer-two-lines", About: "Basic and Bearer on two lines: Bearer is taken", Access: private(Bearer).challenging(basicLab, `Bearer realm="{realm}",service="lab"`), Credentials: []Credential{alice()}},
		{Name: "basic-get-only", About: "HEAD is free, GET wants a credential", Faults: []Fault{Fault{Method: get, Object: Manifests}.challenging(basicLab)}, Want: required},
		{Name: "basic-blob-elsewhere", About: "blobs on another port want the credential, too", Access: private(Basic), Credentials: []Credential{alice()},
			Faults: []Fault{{Host: Plain, Object: Blobs, Redirect: "http://{cdn}/v2/{repo}/blobs/{object}"}}},
		{Name: "basic-429-with-credential", About: "too many requests to who logs in", Access: private(Basic), Credentials: []Credential{alice()}, Want: want(pull.RateLimited),
			Faults: []Fault{{Object: Manifests, Authorized: true, Status: 429}}},
		{Name: "basic-429-then-right", About: "too many requests to all but the second credential", Access: private(Basic), Credentials: []Credential{outdated(), alice()},
			Faults: []Fault{{Object: Manifests, Authorized: true, Status: 429, Times: 5}}},
		{Name: "basic-500-then-missing", About: "the first meets trouble, and the second is told that there is no such tag", Access: private(Basic), Image: otherTag,
			Credentials: []Credential{{"carol", "secret"}, alice()}, Want: want(pull.RegistryError),
			Faults: []Fault{{Object: Manifests, Authorized: true, Status: 500, Unless: "Authorization: Basic YWxpY2U6c2VjcmV0"}}},
		{Name: "basic-wrong-then-429", About: "the first is refused, and the second meets trouble", Access: private(Basic), Credentials: []Credential{unheardOf(), alice()}, Want: want(pull.RateLimited),
			Faults: []Fault{{Object: Manifests, Authorized: true, Status: 429, Unless: "Authorization: Basic bWFsbG9yeTpzZWNyZXQ="}}},
	}...)
}

// bearer is about tokens, from a token server that works.
func bearer() []Scenario {
	required, rejected := want(pull.CredentialsRequired), want(pull.CredentialsRejected)
	realm := func(rest string) string { return `Bearer realm="{realm}"` + rest }
	return append(loop(Bearer), []Scenario{
		{Name: "bearer-public", About: "a token for everybody", Access: public()},
		{Name: "bearer-public-missing", About: "a token for everybody, and no such tag", Access: public(), Image: otherTag, Want: want(pull.TagNotFound)},
		{Name: "bearer-public-wrong", About: "a wrong credential breaks a public image", Access: public(), Credentials: []Credential{outdated()}, Want: rejected},
		{Name: "bearer-public-two-wrong", About: "there is no anonymous try after wrong credentials", Access: public(), Credentials: []Credential{outdated(), unheardOf()}, Want: rejected},
		{Name: "bearer-public-empty", About: "a credential of nothing is anonymous", Access: public(), Credentials: []Credential{{}}},
		{Name: "bearer-public-wrong-then-empty", About: "a wrong credential, then one of nothing", Access: public(), Credentials: []Credential{outdated(), {}}},
		{Name: "bearer-public-user-alone", About: "a user without a password is anonymous", Access: public(), Credentials: []Credential{{Username: "alice"}}},
		{Name: "bearer-empty-token", About: "a token for everybody that opens nothing, as Docker Hub's", Access: private(Bearer).givingTokens(), Want: required},
		{Name: "bearer-silent", About: "the token opens nothing, and nothing is said, as Quay", Access: private(Bearer).givingTokens().denying(Silently), Want: required},
		{Name: "bearer-silent-stranger", About: "the same to who may log in", Access: private(Bearer).denying(Silently), Credentials: []Credential{bob()}, Want: rejected},
		{Name: "bearer-then-basic", About: "after the token Basic is wanted, as Harbor", Access: private(Bearer).givingTokens().denying(Asks), Want: required},
		{Name: "bearer-then-basic-stranger", About: "the same to who may log in", Access: private(Bearer).denying(Asks), Credentials: []Credential{bob()}, Want: rejected},
		{Name: "bearer-403", About: "403 after the token", Access: private(Bearer).denying(Forbids), Credentials: []Credential{bob()}, Want: rejected},
		{Name: "bearer-403-none", About: "403 after a token for everybody", Access: private(Bearer).givingTokens().denying(Forbids), Want: required},
		{Name: "bearer-404", About: "404 after the token", Access: private(Bearer).denying(Hides), Credentials: []Credential{bob()}, Want: want(pull.RepositoryNotFound, pull.TagNotFound)},
		{Name: "bearer-no-scope", About: "a challenge without a scope", Access: public().challenging(realm(`,service="lab"`))},
		{Name: "bearer-no-service", About: "a challenge without a service", Access: public().challenging(realm(`,scope="repository:{repo}:pull"`))},
		{Name: "bearer-realm-alone", About: "a challenge with a realm alone", Access: public().challenging(realm(""))},
		{Name: "bearer-other-scope", About: "a challenge with the scope of another repository", Access: public().challenging(realm(`,scope="repository:other:pull"`))},
		{Name: "bearer-no-realm", About: "a challenge without a realm", Access: public().challenging(`Bearer service="lab"`), Want: want(pull.RegistryError)},
		{Name: "bearer-relative-realm", About: "a realm that is no URL", Access: public().challenging(`Bearer realm="/{repo}/token"`), Want: want(pull.RegistryError, pull.RegistryUnreachable)},
		{Name: "bearer-realm-query", About: "a realm with a query", Access: public().challenging(`Bearer realm="{realm}?account=1",service="lab"`)},
		{Name: "bearer-unquoted", About: "a realm without quotation marks", Access: public().challenging(`Bearer realm={realm},service=lab`), Want: want(pull.RegistryError, pull.RegistryUnreachable)},
		{Name: "bearer-spaces", About: "a challenge with spaces", Access: public().challenging(`Bearer  realm="{realm}" , service="lab"`)},
		{Name: "bearer-lower-case", About: "the scheme in lower case", Access: public().challenging(`bearer realm="{realm}",service="lab"`)},
		{Name: "bearer-insufficient-at-once", About: "an error code in the first challenge, as Docker Hub's", Access: public().challenging(realm(`,service="lab",error="insufficient_scope"`))},
		{Name: "bearer-expired", About: "the token is refused as invalid", Access: public(), Want: want(pull.RegistryError),
			Faults: []Fault{Fault{Object: Manifests, Authorized: true}.challenging(realm(`,service="lab",error="invalid_token"`))}},
		{Name: "bearer-get-needs-more", About: "the token is good for HEAD alone", Access: public(), Want: required,
			Faults: []Fault{Fault{Method: get, Object: Manifests, Authorized: true}.challenging(realm(`,service="lab",error="insufficient_scope"`))}},
		{Name: "bearer-layer-needs-more", About: "the token is not good for layers", Access: public(), Want: want(pull.CredentialsRequired, pull.BlobMissing),
			Faults: []Fault{{Method: get, Object: ofLayer, Status: 403}}},
		{Name: "bearer-ping-open", About: "/v2/ is open, manifests are not", Image: "{own}/{repo}:1", Access: public(), Faults: []Fault{status(200, Ping)}},
		{Name: "bearer-basic-accepted", About: "a registry with tokens that takes Basic, too", Access: private(Bearer).challenging(basicLab), Credentials: []Credential{alice()}},
	}...)
}

// tokenServer is about a token server in trouble. With a credential containerd
// asks by POST first, and by GET after 400, 401, 404 and 405 alone.
func tokenServer() []Scenario {
	var list []Scenario
	for _, row := range []struct {
		code int
		want pull.Reason
	}{
		{400, pull.ReasonPullable}, {401, pull.ReasonPullable}, {403, pull.CredentialsRejected}, {404, pull.ReasonPullable}, {405, pull.ReasonPullable},
		{410, pull.RegistryError}, {415, pull.RegistryError}, {429, pull.RateLimited}, {500, pull.RegistryError}, {501, pull.RegistryError}, {503, pull.RegistryError},
	} {
		list = append(list, Scenario{Name: fmt.Sprintf("token-post-%d", row.code), About: "the answer to POST; GET would work", Access: private(Bearer),
			Credentials: []Credential{alice()}, Faults: []Fault{status(row.code, Token).on(post)}, Want: want(row.want)})
	}
	for _, row := range []struct {
		code int
		want pull.Reason
	}{
		{400, pull.RegistryError}, {401, pull.CredentialsRequired}, {403, pull.CredentialsRequired}, {404, pull.RegistryError},
		{429, pull.RateLimited}, {500, pull.RegistryError}, {503, pull.RegistryError},
	} {
		list = append(list, Scenario{Name: fmt.Sprintf("token-get-%d", row.code), About: "the answer to GET without a credential", Access: public(),
			Faults: []Fault{status(row.code, Token)}, Want: want(row.want)})
	}
	return append(list, tokenAnswers()...)
}

func tokenAnswers() []Scenario {
	trouble := want(pull.RegistryError)
	token := func(body string, method string) []Fault {
		return []Fault{{Method: method, Object: Token, Status: 200, Header: map[string]string{"Content-Type": jsonType}, Body: body}}
	}
	withAlice := []Credential{alice()}
	return []Scenario{
		{Name: "token-get-passing-500", About: "an internal error once", Access: public(), Faults: []Fault{status(500, Token).times(1)}, Want: trouble},
		{Name: "token-get-passing-429", About: "too many requests once", Access: public(), Faults: []Fault{status(429, Token).times(1)}, Want: want(pull.RateLimited)},
		{Name: "token-both-401", About: "401 to POST and GET", Access: private(Bearer), Credentials: withAlice, Faults: []Fault{status(401, Token)}, Want: want(pull.CredentialsRejected)},
		{Name: "token-both-403", About: "403 to GET after 404 to POST, as Artifact Registry", Access: private(Bearer), Credentials: withAlice,
			Faults: []Fault{status(404, Token).on(post), status(403, Token).on(get)}, Want: want(pull.CredentialsRejected)},
		{Name: "token-403-page", About: firewall, Access: public(), Faults: []Fault{status(403, Token).page()}, Want: want(pull.RegistryError)},
		{Name: "token-429-second", About: "too many requests for the first credential, the second is right", Access: private(Bearer), Credentials: []Credential{outdated(), alice()},
			Faults: []Fault{status(429, Token).times(1)}},
		{Name: "token-post-page", About: "200 with a page to POST", Access: private(Bearer), Credentials: withAlice, Faults: []Fault{status(200, Token).on(post).page()}, Want: trouble},
		{Name: "token-post-404-page", About: "404 with a page to POST, as GitLab", Access: private(Bearer), Credentials: withAlice, Faults: []Fault{status(404, Token).on(post).page()}},
		{Name: "token-post-none", About: "200 without a token to POST", Access: private(Bearer), Credentials: withAlice, Faults: token(`{}`, post), Want: trouble},
		{Name: "token-post-other-field", About: "POST gives token instead of access_token", Access: private(Bearer), Credentials: withAlice, Faults: token(`{"token":"{name}.true"}`, post), Want: trouble},
		{Name: "token-get-page", About: "200 with a page to GET", Access: public(), Faults: []Fault{status(200, Token).page()}, Want: trouble},
		{Name: "token-get-none", About: "200 without a token to GET", Access: public(), Faults: token(`{}`, get), Want: trouble},
		{Name: "token-get-access-token", About: "GET gives access_token", Access: public(), Faults: token(`{"access_token":"{name}.true"}`, get)},
		{Name: "token-get-redirect", About: "the token server has moved", Access: public(), Faults: []Fault{{Host: Auth, Object: Token, Redirect: "http://{cdn}/{repo}/token"}}},
		{Name: "token-closed", About: "the token server is down", Access: public().challenging(`Bearer realm="http://{closed}/token",service="lab"`), Want: want(pull.RegistryUnreachable)},
		{Name: "token-closed-alice", About: "the token server is down, with a credential", Access: private(Bearer).challenging(`Bearer realm="http://{closed}/token",service="lab"`),
			Credentials: withAlice, Want: want(pull.RegistryUnreachable)},
		{Name: "token-dropping", About: "the token server hangs up", Access: public().challenging(`Bearer realm="http://{dropping}/token",service="lab"`), Want: want(pull.RegistryUnreachable)},
		{Name: "token-untrusted", About: "the token server's certificate is nobody's", Access: public().challenging(`Bearer realm="https://{selfsigned}/{repo}/token",service="lab"`)},
		{Name: "token-no-host", About: "the token server's name does not exist", Access: public().challenging(`Bearer realm="http://token.invalid/token",service="lab"`), Want: nowhereFound()},
	}
}
