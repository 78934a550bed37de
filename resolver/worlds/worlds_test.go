// Package worlds has the registries of the world, each a fake that answers as
// the real one beneath its real name, and what Pullgate says of them: all of it
// together, from the pull secret to the report. It has tests alone.
package worlds

import (
	"net/http"

	"github.com/pullgate/pullgate/resolver/pull"
)

// world is one registry service.
type world struct {
	name string
	host string // as in references
	// served are the hosts behind it, where they are others.
	served []string
	key    string // of pull secrets; empty: the host
	user   string // of pull secrets
	about  string // for the page
	// public and private are repositories; empty: it has none.
	public, private string
	serve           func(*stock) http.Handler
	// want is the answer to each case that there can be.
	want map[string]pull.Reason
	// more are cases of its own.
	more []visit
}

// worlds lists all of them, as the page does.
func worlds() []world {
	return []world{
		dockerHubWorld(), ecrWorld(), ecrPublicWorld(), artifactRegistryWorld(), gcrWorld(), acrWorld(), ghcrWorld(),
		quayWorld(), gitlabWorld(), harborWorld(), nexusWorld(), artifactoryWorld(),
	}
}

// The cases that there can be everywhere.
const (
	publicTag         = "a public image"
	privateTag        = "a private image, with the right pull secret"
	missingTag        = "a tag that does not exist"
	missingRepository = "a repository that does not exist"
	missingToMember   = "a repository that does not exist, with a pull secret"
	noSecret          = "a private image without a pull secret"
	noRight           = "a private image, with the pull secret of somebody who may not read it"
	wrongSecret       = "a private image, with a wrong password"
	staleSecret       = "a public image, with a password of old"
	limited           = "too many requests"
	serviceDown       = "the token service is down"
)

// What a visit's image may be besides a name.
const (
	public  = "{public}:1.27"
	private = "{private}:1.0"
)

// visit is one image asked for once.
type visit struct {
	title string
	image string  // without the host
	shows visitor // whose pull secret the Pod has
	// secret is the pull secret's content where it is none of these.
	secret string
	// limited and down are how the registry is doing.
	limited, down bool
	// unhidden says that nodes are known to have no credentials of their own.
	unhidden bool
	// serve is the registry where it is set up in another way.
	serve func(*stock) http.Handler
	want  pull.Reason
}

// withoutIdentity are the cases of a cloud's registry where nodes are known not
// to log in by themselves; the refused one shows its credential in vain.
func withoutIdentity(refused visitor) []visit {
	const told = ", where `nodes.hiddenCredentials` leaves this registry out"
	return []visit{
		{title: noSecret + told, image: private, unhidden: true, want: pull.CredentialsRequired},
		{title: noRight + told, image: private, shows: stranger, unhidden: true, want: pull.CredentialsRejected},
		{title: wrongSecret + told, image: private, shows: refused, unhidden: true, want: pull.CredentialsRejected},
		{title: missingToMember + told, image: private[:1] + "no-" + private[1:], shows: member, unhidden: true, want: pull.RepositoryNotFound},
	}
}

// visits lists the cases of a world.
func (w world) visits() []visit {
	open, shows := public, nobody
	if w.public == "" {
		open, shows = private, member
	}
	all := []visit{
		{title: publicTag, image: public},
		{title: privateTag, image: private, shows: member},
		{title: missingTag, image: open[:len(open)-1] + "9", shows: shows},
		{title: missingRepository, image: open[:1] + "no-" + open[1:]},
		{title: missingToMember, image: private[:1] + "no-" + private[1:], shows: member},
		{title: noSecret, image: private},
		{title: noRight, image: private, shows: stranger},
		{title: wrongSecret, image: private, shows: impostor},
		{title: staleSecret, image: public, shows: outdated},
		{title: limited, image: open, shows: shows, limited: true},
		{title: serviceDown, image: open, shows: shows, down: true},
	}
	var possible []visit
	for _, v := range all {
		if want, there := w.want[v.title]; there {
			v.want = want
			possible = append(possible, v)
		}
	}
	return append(possible, w.more...)
}
