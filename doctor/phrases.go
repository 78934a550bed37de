package doctor

import "strings"

// phrase is a piece of an API server's words about a webhook or a Service that
// it could not reach, and what it means.
type phrase struct {
	words string
	code  Code
}

// phrases are looked for in their order: what is more precise comes first. API
// servers have no other form for them: an error of Go's net and crypto/x509, or
// of theirs (apiserver pkg/util/webhook/client.go, pkg/util/proxy/proxy.go; the
// Service's storage, pkg/registry/core/service/storage/storage.go). What Pullgate
// holds against a client's certificate comes as an alert (Go crypto/tls/alert.go,
// handshake_server.go, processCertsFromClient).
func phrases() []phrase {
	return []phrase{
		{"expired or is not yet valid: current time", Expired},
		{"certificate signed by unknown authority", Untrusted},
		{"unable to load root certificates", Untrusted},
		{"certificate is not trusted", Untrusted},
		{"certificate is valid for", WrongName},
		{"certificate is not valid for", WrongName},
		{"doesn't contain any IP SANs", WrongName},
		{"x509:", Untrusted},
		{"has asked for the client to provide credentials", CallerRefused},
		{"remote error: tls: unknown certificate authority", CallerRefused},
		{"remote error: tls: expired certificate", CallerRefused},
		{"remote error: tls: bad certificate", CallerRefused},
		{"no such host", NameNotResolved},
		{"dial tcp: lookup", NameNotResolved},
		{"no endpoints available for service", NotReady},
		{"no service port", WrongPort},
		{"connection refused", WrongPort},
		{"server gave HTTP response to HTTPS client", WrongPort},
		{"first record does not look like a TLS handshake", WrongPort},
		{"could not find the requested resource", WrongPort},
		{"no route to host", NoRoute},
		{"network is unreachable", NoRoute},
		{"i/o timeout", NoRoute},
		{"deadline exceeded", NoRoute},
		{"awaiting headers", NoRoute},
		{"TLS handshake timeout", NoRoute},
		{"connection reset", NoRoute},
		{"EOF", NoRoute},
	}
}

// codeOf says what an API server's words mean; DidNotComeBy if nothing that is
// known here.
func codeOf(words string) Code {
	if strings.Contains(words, "service \"") && strings.Contains(words, "\" not found") {
		return ServiceMissing
	}
	for _, p := range phrases() {
		if !strings.Contains(words, p.words) {
			continue
		}
		if p.code == Expired && strings.Contains(words, " is before ") {
			return ClockWrong
		}
		return p.code
	}
	return DidNotComeBy
}
