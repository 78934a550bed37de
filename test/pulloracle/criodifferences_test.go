package pulloracle

import (
	"slices"

	"github.com/pullgate/pullgate/resolver/pull"
)

// crioDifferences are where Pullgate says another thing than CRI-O does, by design.
// None of them denies what a node pulls.
func crioDifferences() map[string]difference {
	all := crioOfItsOwn()
	for name, why := range inBetween() {
		if !slices.Contains(crioSettles(), name) {
			all[name] = difference{pull.RegistryError, why}
		}
	}
	for reason, kinds := range map[pull.Reason]map[string][]string{
		pull.ReasonPullable: {
			"layers are not unpacked, and older versions do not compare": {
				"bad-diff-id",
			},
			"nodes may have the key; this one has none": {"bad-layer-encrypted"},
		},
		pull.RateLimited: {
			"too many requests: CRI-O waits and asks again, for up to half a minute; an admission does not": {
				"passing-429", "passing-429-four", "passing-get-429", "passing-layer-429", "basic-429-then-right",
				"status-429", "mirror-429-missing", "mirror-missing-429",
			},
		},
	} {
		for why, names := range kinds {
			for _, name := range names {
				all[name] = difference{reason, why}
			}
		}
	}
	return all
}

// crioOfItsOwn are those that come of CRI-O's own ways.
func crioOfItsOwn() map[string]difference {
	all := map[string]difference{
		"mirror-wrong-credential": {pull.NodeCredentialsUnknown, "nodes may have a credential for the mirror, which CRI-O shows nobody else's"},
	}
	for why, names := range map[string][]string{
		"one bad answer is no proof":                 {"passing-404", "crio-token-odd-scope"},
		"the first credential met trouble":           {"basic-500-then-missing"},
		"a status that says nothing about the image": {"status-204", "status-408"},
		"a token server that makes no sense": {
			"crio-token-201", "crio-token-204", "crio-token-400", "crio-token-404", "crio-token-405",
			"crio-token-expires-text", "crio-token-issued-text", "crio-token-number", "crio-token-trailing",
		},
		"203 is somebody's in between, who may not be there for nodes":         {"crio-203-manifest", "crio-203-config", "crio-203-layer", "crio-203-child"},
		"a client's certificate on loopback, where whoever answers is trusted": {"tls-client"},
	} {
		for _, name := range names {
			all[name] = difference{pull.RegistryError, why}
		}
	}
	return all
}

// crioSettles are scenarios in between for containerd, of which CRI-O's ways leave
// no doubt.
func crioSettles() []string {
	return []string{
		"status-400-head", "header-no-digest-get-404", "get-cut", "layer-cut", "tls-lost-ca", "tls-http-to-tls", "certs-server-pull-only",
		"token-post-410", "token-post-415", "token-post-page", "token-post-none", "token-post-other-field", "token-get-none", "gitlab-post-page",
		"mirror-403-closed", "mirror-two-errors", "mirror-closed-missing", "mirror-missing-closed",
	}
}
