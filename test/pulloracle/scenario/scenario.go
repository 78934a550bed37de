// Package scenario lists the ways in which a pull goes well or wrong, as data:
// what the registry holds, whom it lets in, where it breaks, what is asked of
// it with which credentials, and how the node's certs.d looks.
package scenario

import (
	"time"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/test/pulloracle/content"
)

// The servers of the lab. All of them hold the same content; what tells them
// apart in a scenario are its faults. In texts they stand as {plain} and so on,
// for HOST:PORT.
const (
	Plain   = "plain"   // HTTP
	Mirror  = "mirror"  // HTTP
	Mirror2 = "mirror2" // HTTP
	CDN     = "cdn"     // HTTP; holds blobs under /cdn/DIGEST, too
	Auth    = "auth"    // HTTP; the token server, under /REPOSITORY/token
	Own     = "own"     // HTTP, on a port that is the scenario's alone

	TLS        = "tls"        // HTTPS, signed by the authority in {ca}
	AuthTLS    = "authtls"    // HTTPS, signed by the same; a token server, too
	SelfSigned = "selfsigned" // HTTPS, its own authority, which nobody trusts
	Expired    = "expired"    // HTTPS, its own authority in {expiredca}, expired
	OtherName  = "othername"  // HTTPS, signed, but for another name
	ClientTLS  = "clienttls"  // HTTPS, wants {clientcert} and {clientkey}
	OldTLS     = "oldtls"     // HTTPS, not beyond TLS 1.1

	Closed   = "closed"   // nobody listens
	Dropping = "dropping" // closes each connection when it has heard something
	Garbage  = "garbage"  // speaks another protocol
	Silent   = "silent"   // accepts connections and says nothing
)

// Scenario is one pull.
type Scenario struct {
	// Name is unique and fit for a repository: a-z, 0-9 and hyphens.
	Name string
	// Group is that of the table in which it stands.
	Group string
	// About says what is special here.
	About string
	// Image is the reference as in a Pod. {repo} is the repository, {digest},
	// {sha384}, {sha512}, {child}, {config} and {layer} are digests of the content.
	Image string
	// Repository is NAME/app unless given.
	Repository string
	// Holds is what is found under the tag 1; nil: a sound image. None: nothing.
	Holds content.Content `json:"-"`
	None  bool
	// Access says who may pull.
	Access Access
	// Faults are tried in order; the first that applies answers.
	Faults []Fault
	// Credentials are what the kubelet found, in its order.
	Credentials []Credential
	// Certs are the files of certs.d, by their paths in it.
	Certs map[string]string
	// Alone says that Certs bear on other scenarios, too.
	Alone bool
	// Patience bounds how long Pullgate is given; zero: long enough.
	Patience time.Duration
	// Want are the reasons that fit what a node gets. The first is the best.
	Want []pull.Reason `json:"-"`
}

// Credential is a user name and a password of a pull secret.
type Credential struct{ Username, Password string }

// The schemes of Access.
const (
	Open   = ""
	Basic  = "basic"
	Bearer = "bearer"
)

// What a token server gives to whom shows no credential, and the registry to
// whom may log in but not pull.
const (
	Refused  = ""                   // 401 of the token server; of the registry: 401 with an error code
	Pulls    = "pulls"              // anonymous users may pull
	EmptyTok = "a token of no use"  // the token server gives one that opens nothing
	Silently = "401 without a word" // the registry says 401 without an error code
	Asks     = "basic"              // the registry asks for Basic after a token, as Harbor
	Forbids  = "403"
	Hides    = "404"
)

// Access says who may pull.
type Access struct {
	Scheme string
	// Users may pull, Strangers only log in: "NAME:PASSWORD".
	Users, Strangers []string
	// Anonymous: Refused, Pulls or EmptyTok.
	Anonymous string
	// Denied is the answer to a stranger: Refused, Silently, Asks, Forbids, Hides.
	Denied string
	// Challenge replaces the header, one line each. {realm} is the token server.
	Challenge []string
	// NoChallenge leaves it out.
	NoChallenge bool
}

// What a Fault bears on.
const (
	Manifests = "manifests"
	Blobs     = "blobs"
	Token     = "token"
	Ping      = "ping" // GET /v2/
	Moved     = "cdn"  // GET /cdn/DIGEST
)

// Fault is an answer that a sound registry would not give.
type Fault struct {
	// Host is the server; empty: all.
	Host string
	// Method; empty: any.
	Method string
	// Object is one of Manifests, Blobs, Token, Ping or Moved, or one of the
	// first two with what is named: "manifests/{digest}". Empty: any but Token.
	Object string
	// After so many requests that it bears on, for so many Times; zero: at
	// once, for ever.
	After, Times int
	// Authorized: only requests that carry a credential.
	Authorized bool
	// Unless the request has this header or query: "NAME: VALUE", "NAME=VALUE".
	Unless string

	// Status, Header and Body are the answer. Without Status the sound answer
	// is given, with Header changed: a value of "-" removes it.
	Status int
	Header map[string]string
	Body   string
	// As is the status that the sound answer is given with.
	As int `json:",omitempty"`
	// Redirect sends elsewhere, by Status or 307.
	Redirect string
	// Cut breaks the connection off in the middle of the sound answer, Spoil
	// changes a byte of it, Hang never answers, Late answers after a while.
	Cut, Spoil, Hang bool
	Late             time.Duration
	// Gzip gives the sound answer in that coding.
	Gzip bool `json:",omitempty"`
}

// All returns every scenario.
func All() []Scenario {
	var all []Scenario
	for _, group := range []struct {
		name string
		list []Scenario
	}{
		{"references", references()},
		{"content", sound()},
		{"unusable content", unsound()},
		{"what is unpacked", unpacking()},
		{"platforms", platforms()},
		{"missing", missing()},
		{"status of the manifest", statuses()},
		{"passing trouble", passing()},
		{"headers of the manifest", manifestHeaders()},
		{"reading the manifest", reading()},
		{"configs and layers", blobs()},
		{"Basic", basic()},
		{"Bearer", bearer()},
		{"token server", tokenServer()},
		{"registries as they are", worlds()},
		{"TLS", transport()},
		{"mirrors", mirrors()},
		{"certs.d", certsd()},
		{"network", network()},
	} {
		for _, s := range group.list {
			s.Group = group.name
			all = append(all, s.Complete())
		}
	}
	return all
}

// Complete fills in what a scenario leaves to the usual.
func (s Scenario) Complete() Scenario {
	if s.Image == "" {
		s.Image = plainImage
	}
	if s.Repository == "" {
		s.Repository = s.Name + "/app"
	}
	if s.Holds == nil && !s.None {
		s.Holds = content.Image{}
	}
	if len(s.Want) == 0 {
		s.Want = []pull.Reason{pull.ReasonPullable}
	}
	return s
}
