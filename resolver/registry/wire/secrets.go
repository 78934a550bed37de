package wire

import (
	"net/http"
	"slices"
	"strings"
)

// leastSecret is from which length on a header's value may be one that is to be
// known to nobody; shorter ones are in many a text.
const leastSecret = 8

// plainHeaders are those of requests that everybody sends.
func plainHeaders() []string {
	return []string{"Accept", "Accept-Encoding", "Content-Length", "Content-Type", "Docker-Distribution-Api-Version", "Range", "User-Agent"}
}

// secretsOf are the values in a request's header that a registry should not have
// repeated to others: tokens, and what hosts.toml adds. What is in the URL, too, is
// no secret.
func secretsOf(req *http.Request) []string {
	var secrets []string
	for name, values := range req.Header {
		if slices.Contains(plainHeaders(), name) {
			continue
		}
		for _, value := range values {
			if name == "Authorization" {
				_, value, _ = strings.Cut(value, " ")
			}
			secrets = append(secrets, value)
		}
	}
	if _, password, ok := req.BasicAuth(); ok { // be it one of hosts.toml
		secrets = append(secrets, password)
	}
	address := req.URL.String()
	return slices.DeleteFunc(secrets, func(value string) bool { return len(value) < leastSecret || strings.Contains(address, value) })
}
