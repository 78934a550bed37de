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

	plainImage = "{plain}/{repo}:" + content.Tag
	namedImage = "{name}.test/{repo}:" + content.Tag
)

// want lists the reasons that fit.
func want(reasons ...pull.Reason) []pull.Reason { return reasons }

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
	f.Header = map[string]string{"Content-Type": "application/json"}
	f.Body = `{"errors":[{"code":"` + code + `","message":"` + message + `"}]}`
	return f
}

// page gives a fault a web page as body.
func (f Fault) page() Fault {
	f.Header = map[string]string{"Content-Type": "text/html; charset=utf-8"}
	f.Body = "<html><body>Please log in to the network.</body></html>"
	return f
}

// headers changes what a sound answer says.
func headers(method, object string, header map[string]string) Fault {
	return Fault{Method: method, Object: object, Header: header}
}

// hostsToml is the hosts.toml of the scenario's own host, {name}.test.
func hostsToml(lines ...string) map[string]string { return hostsTomlOf("{name}.test", lines...) }

// hostsTomlOf is the hosts.toml in a folder of certs.d.
func hostsTomlOf(folder string, lines ...string) map[string]string {
	return map[string]string{folder + "/hosts.toml": strings.Join(lines, "\n") + "\n"}
}
