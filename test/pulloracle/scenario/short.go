package scenario

import (
	"net/http"
	"strings"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/test/pulloracle/content"
)

// Shorthands of the tables.
const (
	head = http.MethodHead
	get  = http.MethodGet
	post = http.MethodPost

	plainImage  = "{plain}/{repo}:" + content.Tag
	digestImage = "{plain}/{repo}@{digest}"
	otherTag    = "{plain}/{repo}:2" // which does not exist
	namedImage  = "{name}.test/{repo}:" + content.Tag
	namedDigest = "{name}.test/{repo}@{digest}"
	portImage   = "{name}.test:5000/{repo}:" + content.Tag
	hubImage    = "docker.io/{repo}:" + content.Tag

	ofConfig = "blobs/{config}"
	ofLayer  = "blobs/{layer}"
	ofChild  = "manifests/{child}"

	jsonType    = "application/json"
	exampleType = "application/vnd.example"

	challengeHeader = "WWW-Authenticate"
	digestHeader    = "Docker-Content-Digest"

	named = `{"name":"SEED"}`

	basicLab = `Basic realm="lab"`
	cdnBlob  = "http://{cdn}/cdn/{repo}/{object}"
	firewall = "403 with the page of a firewall"
)

// want lists the reasons that fit.
func want(reasons ...pull.Reason) []pull.Reason { return reasons }

// nowhereFound fits a name that nobody knows: some resolvers take their time to
// say so.
func nowhereFound() []pull.Reason { return want(pull.RegistryUnreachable, pull.Timeout) }

// status is the commonest fault: this answer to all that is asked for.
func status(code int, object string) Fault { return Fault{Object: object, Status: code} }

// on narrows a fault to a method.
func (f Fault) on(method string) Fault {
	f.Method = method
	return f
}

// at narrows a fault to a server.
func (f Fault) at(host string) Fault {
	f.Host = host
	return f
}

// times limits a fault.
func (f Fault) times(n int) Fault {
	f.Times = n
	return f
}

// saying gives a fault a registry's error as body.
func (f Fault) saying(code, message string) Fault {
	f.Header = map[string]string{"Content-Type": jsonType}
	f.Body = `{"errors":[{"code":"` + code + `","message":"` + message + `"}]}`
	return f
}

// challenging makes a fault ask who is there.
func (f Fault) challenging(challenge string) Fault {
	f.Status, f.Header = http.StatusUnauthorized, map[string]string{challengeHeader: challenge}
	return f
}

// page gives a fault a web page as body.
func (f Fault) page() Fault {
	f.Header = map[string]string{"Content-Type": "text/html; charset=utf-8"}
	f.Body = "<html><body>Please log in to the network.</body></html>"
	return f
}

// headers changes what a sound answer says of a manifest.
func headers(method string, header map[string]string) Fault {
	return Fault{Method: method, Object: Manifests, Header: header}
}

// hostsToml is the hosts.toml of the scenario's own host, {name}.test.
func hostsToml(lines ...string) map[string]string { return hostsTomlOf("{name}.test", lines...) }

// hostsTomlOf is the hosts.toml in a folder of certs.d.
func hostsTomlOf(folder string, lines ...string) map[string]string {
	return map[string]string{folder + "/hosts.toml": strings.Join(lines, "\n") + "\n"}
}
