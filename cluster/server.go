package cluster

import "k8s.io/client-go/rest"

// Server is the URL of the API server that a configuration leads to, as people
// may read it: a kubeconfig may have a password in it. "" if it leads to none.
func Server(config *rest.Config) string {
	server, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return ""
	}
	return server.Redacted()
}
