package scenario

import "strings"

// access draws whom the registry lets in, and who comes.
func (d *draft) access() {
	a := private(pick(d, Basic, Bearer, Bearer))
	a.Anonymous = pick(d, Refused, Pulls, EmptyTok)
	a.Denied = pick(d, Refused, Silently, Asks, Forbids, Hides)
	a.NoChallenge = d.IntN(20) == 0
	for d.IntN(3) == 0 {
		a.Challenge = append(a.Challenge, d.challenge())
	}
	d.Access, d.Credentials = a, nil
	for range d.IntN(3) {
		d.Credentials = append(d.Credentials, pick(d, alice(), alice(), alice(), bob(), outdated(), unheardOf(),
			Credential{}, Credential{Username: "alice"}, Credential{Password: "secret"}, Credential{"<token>", "secret"}, Credential{"a:b", "c"}))
	}
	d.note("access %+v with %q", a, d.Credentials)
}

// challenge draws a header that asks who is there.
func (d *draft) challenge() string {
	const realm = `Bearer realm="{realm}"`
	return pick(d, "", "Basic", basicLab, "basic realm=lab", "Negotiate", `Digest realm="lab"`, "Bearer", `Bearer service="lab"`, `Bearer error="insufficient_scope"`,
		realm, realm+`,service="lab",scope="repository:{repo}:pull"`, realm+`,service="a,b"`, realm+`,service=`, realm+` service="lab"`, realm+`;service="lab"`,
		realm+`,scope=""`, realm+`,scope="repository:{repo}:pull,push"`, realm+`,scope="repository:other:pull repository:{repo}:pull"`, realm+`,scope="registry:catalog:*"`,
		realm+`,service="lab",error="invalid_token"`, realm+`,service="lab",error="insufficient_scope"`, realm+`,error=""`, realm+`,realm="http://{closed}/token"`,
		`BEARER REALM="{realm}"`, `Bearer realm={realm}`, `Bearer realm='{realm}'`, `Bearer realm="{realm}`, ` Bearer  realm = "{realm}"`, `Bearer scope="repository:{repo}:pull",realm="{realm}"`,
		`Bearer realm="{realm}?service=x",service="lab"`, `Bearer realm="{realm}#x"`, `Bearer realm="http://{closed}/token"`, `Bearer realm="ftp://{auth}/token"`, `Bearer realm="//{auth}/{repo}/token"`,
		basicLab+", "+realm, realm+", "+basicLab)
}

// reference draws how the image is named, and over which hosts it is pulled.
func (d *draft) reference() {
	d.Image = pick(d, digestImage, digestImage, otherTag, "{plain}/{repo}", "{plain}/{repo}:no-such-tag@{digest}", "{plain}/{repo}:1@{digest}", "{plain}/{repo}:1@sha256:"+nowhere,
		"{plain}/{repo}@{sha512}", "{plain}/{repo}@{sha384}", "{plain}/{repo}@{child}", "{plain}/{repo}@{config}", "{plain}/{repo}@{layer}",
		"localhost:{port}/{repo}:1", "{tls}/{repo}:1", "{selfsigned}/{repo}:1", namedImage, namedImage, namedDigest, namedDigest)
	d.Certs = nil
	if strings.HasPrefix(d.Image, "{name}") {
		d.hosts()
	}
	d.note("image %s", d.Image)
}

// hosts draws the hosts.toml of the scenario's own host.
func (d *draft) hosts() {
	mirror, able := pick(d, Mirror, Mirror2, Closed, Plain), pick(d, `["pull"]`, `["pull", "resolve"]`, `["resolve"]`, `["push"]`)
	server := `server = "http://{plain}"`
	d.Certs = pick(d, hostsToml(server), hostsToml(server, `[host."http://{`+mirror+`}"]`, "capabilities = "+able),
		hostsToml(server, `[host."http://{`+mirror+`}/under/a/path"]`, "capabilities = "+able), hostsToml(server, `[host."http://{mirror}"]`, `[host."http://{mirror2}"]`))
	for i := range d.Faults {
		d.Faults[i].Host = pick(d, "", Plain, Mirror)
	}
	d.note("certs %v", d.Certs)
}
