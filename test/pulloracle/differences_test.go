package pulloracle

import "github.com/pullgate/pullgate/resolver/pull"

// difference is what Pullgate says where the node does something else.
type difference struct {
	says pull.Reason
	why  string
}

// permittedDifferences are by design. None of them denies what a node pulls.
func permittedDifferences() map[string]difference {
	const (
		unread   = "layers are asked for, not downloaded: what is inside shows on the node"
		repeated = "containerd repeats what was answered 429 at once, up to five times; who asks for fewer requests is asked once"
		hurried  = "a node waits half a minute for a mirror that says nothing, an admission does not"
		once     = "one bad answer is no proof: HEAD is refused, GET is not"
		bounded  = "what is read of one answer is bounded, its header too"
	)
	return map[string]difference{
		"bad-diff-id":  {pull.ReasonPullable, unread},
		"bad-tar":      {pull.ReasonPullable, unread},
		"bad-gzip":     {pull.ReasonPullable, unread},
		"layer-spoilt": {pull.ReasonPullable, unread},
		"layer-cut":    {pull.ReasonPullable, unread},

		"bad-layer-encrypted": {pull.ReasonPullable, "nodes may have the key; this one has no decoder"},

		"passing-429":          {pull.RateLimited, repeated},
		"passing-429-four":     {pull.RateLimited, repeated},
		"passing-get-429":      {pull.RateLimited, repeated},
		"passing-layer-429":    {pull.RateLimited, repeated},
		"basic-429-then-right": {pull.RateLimited, repeated},

		"passing-404":     {pull.RegistryError, once},
		"status-403-head": {pull.RegistryError, once},

		"token-post-403": {pull.RegistryError, "403 to POST without an error in JSON may be a firewall's that lets the nodes through; ghcr-stale has one with"},

		"platform-features": {pull.ReasonPullable, "containerd before 2.3 overlooks what features an entry wants, and nobody can tell which version a node will have; a note says so"},

		"net-silent-mirror": {pull.Timeout, hurried},
		"net-huge-header":   {pull.RegistryError, bounded},
	}
}

// knownDifferences are to be mended. None of them denies what a node pulls.
func knownDifferences() map[string]difference { return map[string]difference{} }

// otherWords are scenarios whose denial quotes other words than the node's.
func otherWords() map[string]string {
	const early = "a digest that is none is refused before it is asked for; the node asks, and does not find it"
	return map[string]string{"bad-empty-object": early, "bad-config-digest": early, "bad-layer-digest": early, "child-digest": early}
}

// inBetween are failures for good, on this registry and that day, of which
// nothing follows for the image: none of the reasons to deny fits.
func inBetween() map[string]string {
	why := map[string]string{}
	for reason, names := range map[string][]string{
		"a status that says nothing about the image": {
			"status-400", "status-402", "status-406", "status-409", "status-410", "status-418", "status-421", "status-451",
			"status-304", "status-300", "status-400-head", "status-405", "get-400", "layer-410", "ecr-public-expired",
			"token-post-410", "token-post-415", "token-get-400", "token-get-404", "tls-http-to-tls",
		},
		"the page of a portal, a firewall or a proxy": {
			"missing-page", "missing-html-everything", "status-403-page", "status-200-page", "status-302-page", "header-html",
			"get-403-page", "get-page", "config-page", "layer-page", "mirror-page",
			"token-403-page", "token-post-page", "token-get-page", "gitlab-post-page",
		},
		"redirects that lead nowhere": {"get-redirect-loop", "get-redirect-nowhere", "layer-moved-loop"},
		"a token server that makes no sense": {
			"bearer-relative-realm", "bearer-unquoted", "bearer-no-realm", "token-post-none", "token-post-other-field", "token-get-none",
		},
		"the node's own configuration":                        {"tls-lost-ca", "certs-server-pull-only"},
		"another host gave no answer, and could have had one": {"mirror-closed-missing", "mirror-missing-closed", "mirror-403-closed", "mirror-two-errors"},
		"the connection broke: the text is that of a wrong length": {
			"get-cut", "layer-cut",
		},
		"the registry contradicts itself": {"header-no-digest-get-404", "bearer-expired"},
	} {
		for _, name := range names {
			why[name] = reason
		}
	}
	return why
}

// localDifferences are permitted for nodes with the local path alone, besides
// permittedDifferences.
func localDifferences() map[string]difference {
	const since = "recorded with 2.4; before 2.1 schema 1 can be switched on, and before 2.0 it is"
	return map[string]difference{
		"bad-schema1":         {pull.RegistryError, since},
		"bad-schema1-as-text": {pull.RegistryError, since},
	}
}
