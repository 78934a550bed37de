package cluster

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/pullgate/pullgate/test/e2e/pki"
)

// writeCredentials makes one authority for the API server and its clients and
// one for etcd, which takes anybody whom its authority knows.
func (c *Cluster) writeCredentials() error {
	var err error
	if c.cluster, err = pki.NewAuthority("local-kubernetes"); err != nil {
		return err
	}
	if c.etcd, err = pki.NewAuthority("local-etcd"); err != nil {
		return err
	}
	for file, authority := range map[string]*pki.Authority{"ca.crt": c.cluster, "etcd-ca.crt": c.etcd} {
		if err := os.WriteFile(c.path(file), authority.PEM, 0o600); err != nil {
			return err
		}
	}
	for name, authority := range map[string]*pki.Authority{"server": c.cluster, "etcd": c.etcd} {
		pair, err := authority.Server(loopback, "localhost", "kubernetes.default.svc", ServiceIP, c.address)
		if err != nil {
			return err
		}
		if err := pair.Write(c.path(name+".crt"), c.path(name+".key")); err != nil {
			return err
		}
	}
	if err := c.writeTokenKey(); err != nil {
		return err
	}
	return c.writeKubeconfigs()
}

// writeTokenKey makes the key with which ServiceAccount tokens are signed.
func (c *Cluster) writeTokenKey() error {
	key, err := pki.NewKey()
	if err != nil {
		return err
	}
	pem, err := pki.EncodeKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(c.path("tokens.key"), pem, 0o600)
}

// writeKubeconfigs makes those of the administrator and of the controllers,
// and the client that waits for the API server.
func (c *Cluster) writeKubeconfigs() error {
	admin, err := c.cluster.Client("admin", "system:masters")
	if err != nil {
		return err
	}
	c.admin = admin
	controllers, err := c.cluster.Client("system:kube-controller-manager")
	if err != nil {
		return err
	}
	if c.client, err = newClient(c.cluster, admin); err != nil {
		return err
	}
	if err := c.writeKubeconfig(c.path("controllers.kubeconfig"), certUser(controllers)); err != nil {
		return err
	}
	return c.writeKubeconfig(c.Kubeconfig(), certUser(admin))
}

// Connect returns a client with connections of its own, which is the
// administrator, and the URL of the API server.
func (c *Cluster) Connect() (client *http.Client, url string, err error) {
	client, err = newClient(c.cluster, c.admin)
	return client, c.url(), err
}

// newClient returns a client of a server that the authority certified.
func newClient(authority *pki.Authority, who pki.Pair) (*http.Client, error) {
	certificate, err := who.TLS()
	if err != nil {
		return nil, err
	}
	return &http.Client{
		Timeout: 5 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{
			RootCAs: authority.Pool(), Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12,
		}},
	}, nil
}

// user is a kubeconfig's user; a certificate and key, or a token.
type user map[string]string

func certUser(pair pki.Pair) user {
	return user{
		"client-certificate-data": base64.StdEncoding.EncodeToString(pair.Cert),
		"client-key-data":         base64.StdEncoding.EncodeToString(pair.Key),
	}
}

// Credentials are what somebody shows to prove who it is; either part may be
// empty.
type Credentials struct {
	// Certificate is a client certificate.
	Certificate pki.Pair
	// TokenFile is a file with a token.
	TokenFile string
}

// ShowWebhooks restarts the API server so that it shows these to every admission
// webhook (apiserver pkg/util/webhook/authentication.go).
func (c *Cluster) ShowWebhooks(ctx context.Context, who Credentials) error {
	type object = map[string]any
	shown := user{}
	if who.Certificate.Cert != nil {
		shown = certUser(who.Certificate)
	}
	if who.TokenFile != "" {
		shown["tokenFile"] = who.TokenFile
	}
	for file, content := range map[string]object{
		"webhooks.kubeconfig": {"apiVersion": "v1", "kind": "Config", "users": []object{{"name": "*", "user": shown}}},
		"admission.json": {
			"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AdmissionConfiguration",
			"plugins": []object{{"name": "ValidatingAdmissionWebhook", "configuration": object{
				"apiVersion": "apiserver.config.k8s.io/v1", "kind": "WebhookAdmissionConfiguration", "kubeConfigFile": c.path("webhooks.kubeconfig"),
			}}},
		},
	} {
		text, err := json.Marshal(content)
		if err != nil {
			return fmt.Errorf("encode %s: %w", file, err)
		}
		if err := os.WriteFile(c.path(file), text, 0o600); err != nil {
			return err
		}
	}
	c.shows = true
	c.StopServer()
	return c.StartServer(ctx)
}

// writeKubeconfig writes JSON, which is YAML too.
func (c *Cluster) writeKubeconfig(file string, who user) error {
	type object = map[string]any
	config := object{
		"apiVersion": "v1", "kind": "Config", "current-context": "local",
		"clusters": []object{{"name": "local", "cluster": object{
			"server":                     c.url(),
			"certificate-authority-data": base64.StdEncoding.EncodeToString(c.cluster.PEM),
		}}},
		"users":    []object{{"name": "local", "user": who}},
		"contexts": []object{{"name": "local", "context": object{"cluster": "local", "user": "local"}}},
	}
	text, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", file, err)
	}
	return os.WriteFile(file, text, 0o600)
}
