package scenario

import (
	"maps"
	"time"

	"github.com/pullgate/pullgate/resolver/pull"
)

// transport is about certificates. Loopback is not verified by containerd, so a
// host of another name leads there by its hosts.toml.
func transport() []Scenario {
	untrusted := want(pull.UntrustedCertificate)
	list := []Scenario{
		{Name: "tls-loopback", About: "loopback is not verified", Image: "{tls}/{repo}:1"},
		{Name: "tls-loopback-self-signed", About: "loopback is not verified, whoever signed", Image: "{selfsigned}/{repo}:1"},
		{Name: "tls-loopback-expired", About: "loopback is not verified, not even the date", Image: "{expired}/{repo}:1"},
		{Name: "tls-loopback-old", About: "loopback with TLS 1.1", Image: "{oldtls}/{repo}:1", Want: want(pull.RegistryUnreachable, pull.RegistryError, pull.UntrustedCertificate)},
		{Name: "tls-ca", About: "hosts.toml names the authority", Certs: hostsToml(`server = "https://{tls}"`, `ca = "{ca}"`)},
		{Name: "tls-no-ca", About: "a loopback that hosts.toml names is verified", Certs: hostsToml(`server = "https://{tls}"`), Want: untrusted},
		{Name: "tls-skip-verify", About: "skip_verify", Certs: hostsToml(`server = "https://{selfsigned}"`, `skip_verify = true`)},
		{Name: "tls-verify", About: "skip_verify = false makes containerd verify loopback", Certs: hostsToml(`server = "https://{selfsigned}"`, `skip_verify = false`), Want: untrusted},
		{Name: "tls-other-ca", About: "the authority of somebody else", Certs: hostsToml(`server = "https://{selfsigned}"`, `ca = "{ca}"`), Want: untrusted},
		{Name: "tls-expired", About: "a certificate of yesterday", Certs: hostsToml(`server = "https://{expired}"`, `ca = "{expiredca}"`), Want: untrusted},
		{Name: "tls-other-name", About: "a certificate for another name", Certs: hostsToml(`server = "https://{othername}"`, `ca = "{ca}"`), Want: untrusted},
		{Name: "tls-expired-skip-verify", About: "a certificate of yesterday, and skip_verify", Certs: hostsToml(`server = "https://{expired}"`, `ca = "{expiredca}"`, `skip_verify = true`)},
		{Name: "tls-client", About: "a client's certificate is wanted and given",
			Certs: hostsToml(`server = "https://{clienttls}"`, `ca = "{ca}"`, `client = [["{clientcert}", "{clientkey}"]]`)},
		{Name: "tls-no-client", About: "a client's certificate is wanted", Certs: hostsToml(`server = "https://{clienttls}"`, `ca = "{ca}"`),
			Want: want(pull.RegistryUnreachable, pull.UntrustedCertificate, pull.RegistryError)},
		{Name: "tls-old", About: "TLS 1.1", Certs: hostsToml(`server = "https://{oldtls}"`, `ca = "{ca}"`), Want: want(pull.RegistryUnreachable, pull.UntrustedCertificate, pull.RegistryError)},
		{Name: "tls-lost-ca", About: "hosts.toml names a file that is not there", Certs: hostsToml(`server = "https://{tls}"`, `ca = "/nonexistent/ca.pem"`), Want: want(pull.RegistryError, pull.UntrustedCertificate)},
		{Name: "tls-to-http", About: "HTTPS is wanted, HTTP is spoken", Certs: hostsToml(`server = "https://{plain}"`, `ca = "{ca}"`), Want: want(pull.RegistryUnreachable, pull.RegistryError)},
		{Name: "tls-http-with-settings", About: "http:// with settings of TLS: first HTTPS, then HTTP", Certs: hostsToml(`server = "http://{plain}"`, `skip_verify = true`)},
		{Name: "tls-http-to-tls", About: "http:// to a server of HTTPS", Certs: hostsToml(`server = "http://{tls}"`), Want: want(pull.RegistryError, pull.RegistryUnreachable)},
		{Name: "tls-http-with-settings-to-tls", About: "http:// with settings of TLS to a server of HTTPS", Certs: hostsToml(`server = "http://{tls}"`, `ca = "{ca}"`)},
		{Name: "tls-token", About: "the token server is verified as the registry is",
			Certs: hostsToml(`server = "https://{tls}"`, `ca = "{ca}"`), Access: public().challenging(`Bearer realm="https://{authtls}/{repo}/token",service="lab"`)},
		{Name: "tls-token-untrusted", About: "the token server's certificate is another's",
			Certs: hostsToml(`server = "https://{tls}"`, `ca = "{ca}"`), Access: public().challenging(`Bearer realm="https://{selfsigned}/{repo}/token",service="lab"`), Want: untrusted},
		{Name: "tls-token-http", About: "a token server of HTTP beside a registry of HTTPS", Certs: hostsToml(`server = "https://{tls}"`, `ca = "{ca}"`), Access: public()},
		{Name: "tls-blob-untrusted", About: "blobs are redirected to a server that nobody trusts", Certs: hostsToml(`server = "https://{tls}"`, `ca = "{ca}"`), Want: untrusted,
			Faults: []Fault{{Host: TLS, Object: Blobs, Redirect: "https://{selfsigned}/cdn/{repo}/{object}"}}},
		{Name: "tls-credentials", About: "a credential over HTTPS", Certs: hostsToml(`server = "https://{tls}"`, `ca = "{ca}"`), Access: private(Basic), Credentials: []Credential{alice()}},
		{Name: "tls-missing", About: "no such tag, over HTTPS", Image: "{name}.test/{repo}:2", Certs: hostsToml(`server = "https://{tls}"`, `ca = "{ca}"`), Want: want(pull.TagNotFound)},
	}
	return onNamedHost(list)
}

// onNamedHost has scenarios that name no image pull from a host of their own.
func onNamedHost(list []Scenario) []Scenario {
	for i := range list {
		if list[i].Image == "" {
			list[i].Image = namedImage
		}
	}
	return list
}

// mirrors are about several hosts for one image.
func mirrors() []Scenario {
	one := hostsToml(server, mirror)
	at := func(code int, host string) Fault { return status(code, Manifests).at(host).saying("X", "x") }
	list := []Scenario{
		{Name: "mirror-has", About: "the mirror has it, the registry not", Certs: one, Faults: []Fault{gone(Plain)}},
		{Name: "mirror-has-not", About: "the registry has it, the mirror not", Certs: one, Faults: []Fault{gone(Mirror)}},
		{Name: "mirror-none-has", About: "neither has it", Certs: one, Faults: []Fault{gone(Plain), gone(Mirror)}, Want: want(pull.TagNotFound)},
		{Name: "mirror-digest", About: "the mirror has it, by digest", Image: namedDigest, Certs: one, Faults: []Fault{gone(Plain)}},
		{Name: "mirror-digest-none", About: "neither has it, by digest", Image: namedDigest, Certs: one, Faults: []Fault{gone(Plain), gone(Mirror)}, Want: want(pull.DigestNotFound)},
		{Name: "mirror-500", About: "the mirror is in trouble, the registry has it", Certs: one, Faults: []Fault{at(500, Mirror)}},
		{Name: "mirror-429", About: "too many requests to the mirror, the registry has it", Certs: one, Faults: []Fault{at(429, Mirror)}},
		{Name: "mirror-403", About: "the mirror refuses, the registry has it", Certs: one, Faults: []Fault{at(403, Mirror)}},
		{Name: "mirror-page", About: "the mirror shows the page of a portal", Certs: one, Faults: []Fault{status(200, "").at(Mirror).page()}, Want: want(pull.RegistryError)},
		{Name: "mirror-closed", About: "the mirror is down, the registry has it", Certs: hostsToml(server, `[host."http://{closed}"]`)},
		{Name: "mirror-dropping", About: "the mirror hangs up, the registry has it", Certs: hostsToml(server, `[host."http://{dropping}"]`)},
		{Name: "mirror-untrusted", About: "the mirror's certificate is nobody's, the registry has it", Certs: hostsToml(server, `[host."https://{selfsigned}"]`, `skip_verify = false`)},
		{Name: "mirror-upstream-closed", About: "the mirror has it, the registry is down", Certs: hostsToml(`server = "http://{closed}"`, mirror)},
		{Name: "mirror-500-missing", About: "the mirror is in trouble, the registry has it not", Certs: one, Faults: []Fault{at(500, Mirror), gone(Plain)}, Want: want(pull.RegistryError)},
		{Name: "mirror-429-missing", About: "too many requests to the mirror, the registry has it not", Certs: one, Faults: []Fault{at(429, Mirror), gone(Plain)}, Want: want(pull.RateLimited)},
		{Name: "mirror-403-missing", About: "the mirror refuses, the registry has it not", Certs: one, Faults: []Fault{at(403, Mirror), gone(Plain)}, Want: want(pull.CredentialsRequired, pull.TagNotFound)},
		{Name: "mirror-401-missing", About: "the mirror wants a credential, the registry has it not", Certs: one, Want: want(pull.TagNotFound, pull.CredentialsRequired),
			Faults: []Fault{Fault{Host: Mirror}.challenging(basicLab), gone(Plain)}},
		{Name: "mirror-refused-missing", About: "the mirror refuses the credential, the registry has it not", Certs: one, Credentials: []Credential{outdated()},
			Want:   want(pull.CredentialsRejected, pull.TagNotFound),
			Faults: []Fault{Fault{Host: Mirror}.challenging(basicLab), gone(Plain)}},
		{Name: "mirror-refused-has", About: "the mirror refuses the credential, the registry has it", Certs: one, Credentials: []Credential{outdated()},
			Faults: []Fault{Fault{Host: Mirror}.challenging(basicLab)}},
		{Name: "mirror-403-digest-missing", About: "the mirror refuses, the registry has it not, by digest", Image: namedDigest, Certs: one, Faults: []Fault{at(403, Mirror), gone(Plain)},
			Want: want(pull.CredentialsRequired, pull.DigestNotFound)},
		{Name: "mirror-403-closed", About: "the mirror refuses, the registry is down", Certs: hostsToml(`server = "http://{closed}"`, mirror), Faults: []Fault{at(403, Mirror)},
			Want: want(pull.RegistryUnreachable)},
		{Name: "mirror-get-403", About: "the mirror refuses the manifest's content alone, the registry has it", Certs: one, Faults: []Fault{status(403, Manifests).on(get).at(Mirror)}},
		{Name: "mirror-get-429", About: "too many requests for the mirror's manifest, the registry has it", Certs: one, Faults: []Fault{status(429, Manifests).on(get).at(Mirror)}},
		{Name: "mirror-spoilt", About: "the mirror's manifest has other bytes, the registry has it", Certs: one, Faults: []Fault{{Host: Mirror, Method: get, Object: Manifests, Spoil: true}},
			Want: want(pull.UnsupportedImage)},
		{Name: "mirror-two-errors", About: "one mirror refuses, one has trouble, the registry has it not", Certs: hostsToml(server, mirror, second),
			Faults: []Fault{at(403, Mirror), at(503, Mirror2), gone(Plain)}, Want: want(pull.RegistryError)},
		{Name: "mirror-closed-missing", About: "the mirror is down, the registry has it not", Certs: hostsToml(server, `[host."http://{closed}"]`), Faults: []Fault{gone(Plain)},
			Want: want(pull.RegistryUnreachable)},
		{Name: "mirror-missing-closed", About: "the mirror has it not, the registry is down", Certs: hostsToml(`server = "http://{closed}"`, mirror), Faults: []Fault{gone(Mirror)},
			Want: want(pull.RegistryUnreachable)},
		{Name: "mirror-missing-429", About: "the mirror has it not, too many requests to the registry", Certs: one, Faults: []Fault{gone(Mirror), at(429, Plain)}, Want: want(pull.RateLimited)},
		{Name: "mirror-second", About: "the second mirror has it", Certs: hostsToml(server, mirror, second), Faults: []Fault{gone(Mirror), gone(Plain)}},
		{Name: "mirror-all-closed", About: "nobody is there", Certs: hostsToml(`server = "http://{closed}"`, `[host."http://{closed}/mirror"]`), Want: want(pull.RegistryUnreachable)},
	}
	return onNamedHost(append(list, moreMirrors()...))
}

const (
	server = `server = "http://{plain}"`
	mirror = `[host."http://{mirror}"]`
	second = `[host."http://{mirror2}"]`
)

// gone has a host answer 404 to everything.
func gone(host string) Fault {
	return status(404, "").at(host).saying("MANIFEST_UNKNOWN", "manifest unknown")
}

// moreMirrors are about what comes after the first answer, and about what
// hosts.toml says of mirrors.
func moreMirrors() []Scenario {
	one := hostsToml(server, mirror)
	withAlice := []Credential{alice()}
	return []Scenario{
		{Name: "mirror-blob-gone", About: "the mirror has lost the layer, the registry has it", Certs: one, Faults: []Fault{status(404, "blobs/{layer}").at(Mirror)}},
		{Name: "mirror-blob-gone-everywhere", About: "neither has the layer", Certs: one, Faults: []Fault{status(404, "blobs/{layer}")}, Want: want(pull.BlobMissing)},
		{Name: "mirror-blob-500", About: "the mirror is in trouble about the layer, the registry has it", Certs: one, Faults: []Fault{status(500, "blobs/{layer}").at(Mirror)}},
		{Name: "mirror-blob-500-gone", About: "the mirror is in trouble about the layer, the registry has lost it", Certs: one, Want: want(pull.RegistryError),
			Faults: []Fault{status(500, "blobs/{layer}").at(Mirror), status(404, "blobs/{layer}").at(Plain)}},
		{Name: "mirror-get-gone", About: "the mirror answers HEAD alone, the registry has it", Certs: one, Faults: []Fault{status(404, Manifests).on(get).at(Mirror)}},
		{Name: "mirror-other-image", About: "the mirror's tag leads to a digest that only it would have", Certs: one, Want: want(pull.DigestNotFound, pull.BlobMissing),
			Faults: []Fault{headers(head, map[string]string{digestHeader: "sha256:" + nowhere}).at(Mirror)}},
		{Name: "mirror-pull-only", About: "a mirror that may not resolve tags, and has it", Certs: hostsToml(server, mirror, `capabilities = ["pull"]`)},
		{Name: "mirror-pull-only-missing", About: "a mirror that may not resolve tags, and the registry has it not", Certs: hostsToml(server, mirror, `capabilities = ["pull"]`),
			Faults: []Fault{gone(Plain)}, Want: want(pull.TagNotFound)},
		{Name: "mirror-pull-only-digest", About: "a mirror that may not resolve tags, by digest", Image: namedDigest,
			Certs: hostsToml(server, mirror, `capabilities = ["pull"]`), Faults: []Fault{gone(Plain)}},
		{Name: "mirror-resolve-only", About: "a mirror that may only resolve, and the registry has it not", Certs: hostsToml(server, mirror, `capabilities = ["resolve"]`),
			Faults: []Fault{gone(Plain)}, Want: want(pull.TagNotFound)},
		{Name: "mirror-credential", About: "the mirror is offered the image's credential", Certs: one, Access: private(Basic), Credentials: withAlice, Faults: []Fault{gone(Plain)}},
		{Name: "mirror-token", About: "the mirror has a token server", Certs: one, Access: private(Bearer), Credentials: withAlice, Faults: []Fault{gone(Plain)}},
		{Name: "mirror-wrong-credential", About: "both refuse the credential", Certs: one, Access: private(Basic), Credentials: []Credential{outdated()}, Want: want(pull.CredentialsRejected)},
		{Name: "mirror-anonymous-401", About: "the mirror wants a credential, the registry does not", Certs: one,
			Faults: []Fault{Fault{Host: Mirror}.challenging(basicLab)}},
		{Name: "mirror-path", About: "a mirror beneath a path", Certs: hostsToml(server, `[host."http://{mirror}/v2/under/a/path"]`, `override_path = true`), Faults: []Fault{gone(Plain)},
			Want: want(pull.TagNotFound)},
		{Name: "mirror-override-path", About: "a mirror beneath a path, as it stands", Certs: hostsToml(server, `[host."http://{mirror}/under/a/path"]`, `override_path = true`), Faults: []Fault{gone(Plain)}},
		{Name: "mirror-header", About: "a mirror that wants a header", Certs: hostsToml(server, mirror, `[host."http://{mirror}".header]`, `x-tenant = "blue"`),
			Faults: []Fault{gone(Plain), {Host: Mirror, Status: 403, Unless: "X-Tenant: blue"}}},
		{Name: "mirror-no-header", About: "a mirror that wants a header, which hosts.toml does not give", Certs: one, Want: want(pull.CredentialsRequired, pull.TagNotFound),
			Faults: []Fault{gone(Plain), status(403, Manifests).at(Mirror)}},
		{Name: "mirror-ns", About: "a mirror is told whose image it is", Certs: one, Faults: []Fault{gone(Plain), {Host: Mirror, Status: 404, Unless: "ns=mirror-ns.test"}}},
		{Name: "mirror-tls", About: "a mirror over HTTPS", Certs: hostsToml(server, `[host."https://{tls}"]`, `ca = "{ca}"`), Faults: []Fault{gone(Plain)}},
		{Name: "mirror-hub", About: "a mirror of Docker Hub", Image: hubImage, Repository: "mirror-hub/app",
			Certs: hostsTomlOf("docker.io", `server = "http://{plain}"`), Access: public()},
		{Name: "mirror-foreign-platform", About: "the mirror has it for arm64 alone", Certs: one, Holds: entries("linux/arm64"), Faults: []Fault{gone(Plain)}, Want: want(pull.PlatformMismatch)},
	}
}

// certsd are about how certs.d is searched and read.
func certsd() []Scenario {
	const own = "{own}/{repo}:1"
	to := func(server string) []string { return []string{`server = "` + server + `"`} }
	return []Scenario{
		{Name: "certs-unparsable", About: "an unparsable hosts.toml is none", Image: own, Certs: hostsTomlOf("{own}", "server = [")},
		{Name: "certs-empty", About: "an empty hosts.toml", Image: own, Certs: hostsTomlOf("{own}", "")},
		{Name: "certs-bad-capability", About: "a capability that does not exist", Image: own, Certs: hostsTomlOf("{own}", `[host."http://{closed}"]`, `capabilities = ["fetch"]`)},
		{Name: "certs-no-capability", About: "a mirror that may do nothing", Image: own, Certs: hostsTomlOf("{own}", `[host."http://{closed}"]`, `capabilities = []`)},
		{Name: "certs-unknown-key", About: "a key that does not exist", Image: own, Certs: hostsTomlOf("{own}", `colour = "blue"`)},
		{Name: "certs-docker-style", About: "a folder without hosts.toml, but with the authority", Image: "{tls}/{repo}:1", Certs: map[string]string{"{tls}/ca.crt": "{capem}"}, Alone: true},
		{Name: "certs-port-folder", About: "the folder is named HOST_PORT_", Image: portImage, Certs: hostsTomlOf("{name}.test_5000_", to("http://{plain}")...)},
		{Name: "certs-host-port", About: "the folder is named HOST:PORT", Image: portImage, Certs: hostsTomlOf("{name}.test:5000", to("http://{plain}")...)},
		{Name: "certs-both-folders", About: "HOST_PORT_ comes before HOST:PORT", Image: portImage,
			Certs: merged(hostsTomlOf("{name}.test_5000_", to("http://{plain}")...), hostsTomlOf("{name}.test:5000", to("http://{closed}")...))},
		{Name: "certs-without-port", About: "a folder without the port is another host's", Image: "{name}.invalid:5000/{repo}:1", Certs: hostsTomlOf("{name}.invalid", to("http://{plain}")...),
			Want: nowhereFound()},
		{Name: "certs-default", About: "_default is for every other host", Image: namedImage, Certs: hostsTomlOf("_default", to("http://{plain}")...), Alone: true},
		{Name: "certs-default-mirror", About: "_default names a mirror, the registry itself does not exist", Image: "{name}.invalid/{repo}:1",
			Certs: hostsTomlOf("_default", `[host."http://{mirror}"]`), Alone: true},
		{Name: "certs-default-beside", About: "a host's own folder comes before _default", Image: namedImage, Alone: true,
			Certs: merged(hostsTomlOf("_default", to("http://{closed}")...), hostsToml(to("http://{plain}")...))},
		{Name: "certs-server", About: "with a server the registry itself is not asked", Image: own, Certs: hostsTomlOf("{own}", to("http://{closed}")...), Want: want(pull.RegistryUnreachable)},
		{Name: "certs-no-server", About: "without a server the registry itself comes last", Image: own, Certs: hostsTomlOf("{own}", `[host."http://{mirror}"]`),
			Faults: []Fault{status(404, "").at(Mirror)}},
		{Name: "certs-server-path", About: "a server with a path of its own", Image: namedImage, Certs: hostsToml(`server = "http://{plain}/under/a/path"`, `override_path = true`)},
		{Name: "certs-server-v2", About: "a server whose path ends in /v2", Image: namedImage, Certs: hostsToml(to("http://{plain}/v2")...)},
		{Name: "certs-server-pull-only", About: "a server that may not resolve tags", Image: namedImage, Certs: hostsToml(`server = "http://{plain}"`, `capabilities = ["pull"]`), Want: want(pull.RegistryError)},
		{Name: "certs-no-scheme", About: "a server without a scheme is one of HTTPS", Image: namedImage, Certs: hostsToml(to("{plain}")...), Want: want(pull.RegistryUnreachable)},
		{Name: "certs-order", About: "mirrors in the order of the file", Image: namedImage, Certs: hostsToml(`server = "http://{closed}"`, `[host."http://{mirror2}"]`, `[host."http://{mirror}"]`),
			Faults: []Fault{status(404, "").at(Mirror)}},
		{Name: "certs-dial-timeout", About: "a time limit for dialling", Image: namedImage, Certs: hostsToml(`server = "http://{plain}"`, `dial_timeout = "2s"`)},
	}
}

func merged(files ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, file := range files {
		maps.Copy(all, file)
	}
	return all
}

// network is about registries that cannot be reached or talked to.
func network() []Scenario {
	down := want(pull.RegistryUnreachable)
	broken := want(pull.RegistryUnreachable, pull.RegistryError)
	return []Scenario{
		{Name: "net-refused", About: "nobody listens", Image: "{closed}/{repo}:1", Want: down},
		{Name: "net-refused-digest", About: "nobody listens, by digest", Image: "{closed}/{repo}@{digest}", Want: down},
		{Name: "net-refused-credential", About: "nobody listens, with a credential", Image: "{closed}/{repo}:1", Credentials: []Credential{alice()}, Want: down},
		{Name: "net-no-host", About: "the name does not exist", Image: "{name}.invalid/{repo}:1", Want: nowhereFound()},
		{Name: "net-dropping", About: "the connection is closed at once", Image: "{dropping}/{repo}:1", Want: broken},
		{Name: "net-dropping-https", About: "the connection is closed at once, over HTTPS", Image: namedImage, Certs: hostsToml(`server = "https://{dropping}"`, `ca = "{ca}"`), Want: broken},
		{Name: "net-garbage", About: "another protocol", Image: "{garbage}/{repo}:1", Want: broken},
		{Name: "net-garbage-http", About: "another protocol, where HTTP is expected", Image: namedImage, Certs: hostsToml(`server = "http://{garbage}"`), Want: broken},
		{Name: "net-silent-https", About: "nothing is said, over HTTPS", Image: namedImage, Certs: hostsToml(`server = "https://{silent}"`, `ca = "{ca}"`),
			Patience: 2 * time.Second, Want: want(pull.Timeout, pull.RegistryUnreachable)},
		{Name: "net-silent", About: "the question is heard and never answered", Patience: 2 * time.Second, Faults: []Fault{{Object: Manifests, Hang: true}},
			Want: want(pull.Timeout, pull.RegistryUnreachable)},
		{Name: "net-silent-mirror", About: "the mirror never answers, the registry has it", Image: namedImage, Patience: 2 * time.Second,
			Certs: hostsToml(`server = "http://{plain}"`, `[host."http://{mirror}"]`), Faults: []Fault{{Host: Mirror, Object: Manifests, Hang: true}}},
		{Name: "net-silent-token", About: "the token server never answers", Patience: 2 * time.Second, Access: public(), Faults: []Fault{{Object: Token, Hang: true}},
			Want: want(pull.Timeout, pull.RegistryUnreachable)},
		{Name: "net-huge-header", About: "a header of half a megabyte", Faults: []Fault{{Method: head, Object: Manifests, Header: map[string]string{"X-Huge": hugeHeader()}}}},
	}
}

// hugeHeader is within what Go's client takes by default.
func hugeHeader() string {
	const kib = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" // 64 bytes
	huge := kib
	for len(huge) < 512<<10 {
		huge += huge
	}
	return huge
}
