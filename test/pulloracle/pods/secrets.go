package pods

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/test/pulloracle/scenario"
)

// The registries of the tables.
func private() scenario.Access {
	return scenario.Access{Scheme: scenario.Bearer, Users: []string{"alice:secret"}, Strangers: []string{"bob:secret"}}
}

func public() scenario.Access {
	access := private()
	access.Anonymous = scenario.Pulls
	return access
}

func basic() scenario.Access {
	access := private()
	access.Scheme = scenario.Basic
	return access
}

// with is a case of a registry that lets in whom it knows.
func with(name, about string, access scenario.Access, list ...Secret) Case {
	return Case{Scenario: scenario.Scenario{Name: name, About: about, Access: access}, Secrets: list}
}

func secrets() []Case {
	bob := login("{plain}", "bob", "secret")
	opaque, old := right(), right()
	opaque.Type = corev1.SecretTypeOpaque
	old.Type, old.Text = corev1.SecretTypeDockercfg, `{"{plain}": {"username": "alice", "password": "secret"}}`
	missing := Secret{Missing: true}
	return []Case{
		with("secret-none", "a private image without a secret", private()),
		with("secret-right", "a right secret", private(), right()),
		with("secret-wrong", "a wrong secret", private(), wrong()),
		with("secret-wrong-right", "a wrong secret, then a right one", private(), wrong(), right()),
		with("secret-right-wrong", "a right secret, then a wrong one", private(), right(), wrong()),
		with("secret-two-wrong", "two wrong secrets", private(), wrong(), login("{plain}", "mallory", "secret")),
		with("secret-stranger", "who may log in and not pull", private(), bob),
		with("secret-stranger-right", "who may not pull, then who may", private(), bob, right()),
		with("secret-basic", "a right secret, and Basic", basic(), right()),
		with("secret-basic-none", "no secret, and Basic", basic()),
		with("secret-basic-wrong", "a wrong secret, and Basic", basic(), wrong()),
		with("secret-public-wrong", "a wrong secret breaks a public image of a registry with tokens", public(), wrong()),
		with("secret-public-right", "a right secret for a public image", public(), right()),
		with("secret-open-wrong", "a wrong secret is not shown to a registry that asks nobody", scenario.Access{}, wrong()),
		with("secret-missing", "a secret that does not exist", private(), missing),
		with("secret-missing-right", "a secret that does not exist beside a right one", private(), missing, right()),
		with("secret-missing-public", "a secret that does not exist, and a public image", public(), missing),
		with("secret-opaque", "a right secret of type Opaque", private(), opaque),
		with("secret-opaque-public", "a secret of type Opaque, and a public image", public(), opaque),
		with("secret-dockercfg", "a right secret of the old type", private(), old),
		with("secret-auth", "auth counts more than the user name beside it", private(),
			config(`{"auths": {"{plain}": {"username": "mallory", "password": "no", "auth": "YWxpY2U6c2VjcmV0"}}}`)),
		with("secret-empty", "an entry without anything is anonymous", private(), config(`{"auths": {"{plain}": {}}}`)),
		with("secret-empty-public", "an entry without anything, and a public image", public(), config(`{"auths": {"{plain}": {}}}`)),
		with("secret-password-alone", "a password without a user name is anonymous", public(), login("{plain}", "", "secret")),
		with("secret-identity-token", "an identity token counts for nothing", private(),
			config(`{"auths": {"{plain}": {"identitytoken": "token"}}}`)),
		with("secret-user-alone", "a user name without a password, as az acr login writes it", private(),
			config(`{"auths": {"{plain}": {"auth": "MDAwMDo=", "identitytoken": "token"}}}`)),
		with("secret-helper", "credHelpers count for nothing", private(), config(`{"auths": {}, "credHelpers": {"{plain}": "desktop"}}`)),
		with("secret-no-auths", "a file of the new type in the form of the old one", private(),
			config(`{"{plain}": {"username": "alice", "password": "secret"}}`)),
	}
}

// keys are about for which registry a secret is.
func keys() []Case {
	keyed := func(name, about, key string) Case {
		return with("key-"+name, about, private(), login(key, "alice", "secret"))
	}
	hub := func(name, about, key string) Case {
		c := keyed("hub-"+name, about, key)
		c.Image = "docker.io/{repo}:1"
		c.Certs = map[string]string{"docker.io/hosts.toml": `server = "http://{plain}"` + "\n"}
		return c
	}
	return []Case{
		keyed("no-port", "a host without its port", "127.0.0.1"),
		keyed("http", "http:// before the host", "http://{plain}"),
		keyed("https-v1", "https:// before the host, /v1/ after it", "https://{plain}/v1/"),
		keyed("https-v2", "/v2/ after the host", "{plain}/v2/"),
		keyed("v2-no-slash", "/v2 after the host, and no slash", "https://{plain}/v2"),
		keyed("slash", "a slash after the host", "{plain}/"),
		keyed("path", "the repository's first part", "{plain}/key-path"),
		keyed("half-path", "half of the repository's first part", "{plain}/key-half"),
		keyed("whole-path", "the whole repository", "{plain}/{repo}"),
		keyed("longer-path", "the repository and a slash", "{plain}/{repo}/"),
		keyed("other-path", "another repository", "{plain}/another"),
		keyed("tag", "the repository with its tag", "{plain}/{repo}:1"),
		keyed("glob", "a glob for one part of the host", "127.*.0.1:{port}"),
		keyed("glob-all", "a glob for fewer parts than the host has", "*.1:{port}"),
		keyed("glob-port", "a glob for the port", "127.0.0.1:*"),
		keyed("other-host", "another registry", "registry.test"),
		hub("name", "docker.io", "docker.io"),
		hub("v1", "https://index.docker.io/v1/", "https://index.docker.io/v1/"),
		hub("v1-no-slash", "https://index.docker.io/v1", "https://index.docker.io/v1"),
		hub("registry-1", "registry-1.docker.io is not Docker Hub's name", "registry-1.docker.io"),
		with("key-order", "the longer key is tried first", private(), wrong(), login("{plain}/{repo}", "alice", "secret")),
	}
}

func malformed() []Case {
	here, elsewhere := undecodable("{plain}"), undecodable("registry.test")
	cached := with("malformed-loaded", "its image is there already, and nobody reads the secret", private(), here)
	cached.Loaded, cached.Policy = true, corev1.PullIfNotPresent
	never := with("malformed-never", "pull policy Never, and an image that is not there", private(), here)
	never.Policy = corev1.PullNever
	invalid := with("malformed-name", "a name that nobody can parse comes first", private(), here)
	invalid.Image = "{plain}/{repo}/App:1"
	return []Case{
		with("malformed-here", "auth that is not base64", private(), here),
		with("malformed-elsewhere", "the same, for another registry", private(), elsewhere),
		with("malformed-right", "the same, beside a right secret", private(), right(), elsewhere),
		with("malformed-open", "the same, and a registry that asks nobody", scenario.Access{}, elsewhere),
		with("malformed-no-colon", "auth without a colon", private(), config(`{"auths": {"{plain}": {"auth": "YWxpY2U="}}}`)),
		with("malformed-number", "a number for auth", private(), config(`{"auths": {"{plain}": {"auth": 1}}}`)),
		with("malformed-list", "a list for auths", private(), config(`{"auths": []}`)),
		with("malformed-unpadded", "auth without its padding is fine", private(), config(`{"auths": {"{plain}": {"auth": "YWxpY2U6c2VjcmV0"}}}`)),
		with("malformed-url-safe", "auth in the alphabet for URLs", private(), config(`{"auths": {"{plain}": {"auth": "YWxp-2U6_VjcmV0"}}}`)),
		cached, never, invalid,
	}
}

func accounts() []Case {
	account := func(name, about string, own ...Secret) Case {
		c := with("account-"+name, about, private(), own...)
		c.Account = []Secret{right()}
		return c
	}
	return []Case{
		account("alone", "the ServiceAccount has a right secret"),
		account("replaced", "the Pod's own wrong secret takes the place of the ServiceAccount's", wrong()),
		account("nameless", "imagePullSecrets: [{}] takes its place, too", Secret{Nameless: true}),
		account("unmatched", "so does a secret for another registry", login("registry.test", "alice", "secret")),
	}
}

// Where the nodes' own credentials are valid; they are alice's.
const (
	// ConfigPath is in the node's config.json.
	ConfigPath = "node-config"
	// ProviderPath is what the credential provider plugin answers for.
	ProviderPath = "node-plugin"
	// FailingPath is what another plugin fails for.
	FailingPath = "node-failing"
)

func nodes() []Case {
	return []Case{
		with(ConfigPath, "the node's config.json has a right credential", private()),
		with(ConfigPath+"-wrong", "a wrong secret, then the node's config.json", private(), wrong()),
		with(ConfigPath+"-malformed", "what cannot be read stands before the node's config.json", private(), undecodable("registry.test")),
		with(ProviderPath, "a credential provider plugin has a right credential", private()),
		with(ProviderPath+"-wrong", "a wrong secret, then the plugin", private(), wrong()),
		with(FailingPath, "a plugin that fails", private()),
		with(FailingPath+"-right", "a right secret, and a plugin that fails", private(), right()),
	}
}
