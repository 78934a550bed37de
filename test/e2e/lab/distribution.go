package lab

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/distribution/distribution/v3/configuration"
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd" // makes the name known to the configuration
	_ "github.com/distribution/distribution/v3/registry/auth/token"    // likewise
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory" // likewise
	"github.com/sirupsen/logrus"
	"golang.org/x/crypto/bcrypt"

	"github.com/pullgate/pullgate/test/e2e/pki"
)

// newDistribution returns the registry that most others are built from, with
// this section on who may do what.
func newDistribution(ctx context.Context, auth string) (*handlers.App, error) {
	config, err := configuration.Parse(strings.NewReader(`
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage:
  inmemory: {}
  maintenance: {uploadpurging: {enabled: false}}
http: {secret: not-needed-beyond-this-process}
` + auth))
	if err != nil {
		return nil, fmt.Errorf("configure a registry: %w", err)
	}
	logrus.SetOutput(io.Discard) // the library logs through the one logger there is
	return handlers.NewApp(ctx, config), nil
}

func startOpen(ctx context.Context, options Options) (*Registry, error) {
	app, err := newDistribution(ctx, "")
	if err != nil {
		return nil, err
	}
	registry, listener, err := listen(ctx, options, "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	registry.end = app.Shutdown
	if err := fill(inProcess{handler: app}, openImages()); err != nil {
		return registry, err
	}
	return registry, registry.serve(listener, app, nil)
}

// startBasic runs a registry with a file of passwords.
func startBasic(ctx context.Context, options Options, authority *pki.Authority) (*Registry, error) {
	var lines []string
	for user, password := range accounts() {
		hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		if err != nil {
			return nil, fmt.Errorf("hash a password: %w", err)
		}
		lines = append(lines, user+":"+string(hash))
	}
	file := filepath.Join(options.Dir, "htpasswd")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		return nil, err
	}
	app, err := newDistribution(ctx, fmt.Sprintf("auth: {htpasswd: {realm: lab, path: %q}}", file))
	if err != nil {
		return nil, err
	}
	registry, listener, err := listen(ctx, options, "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	registry.end = app.Shutdown
	request := &http.Request{Header: http.Header{}}
	request.SetBasicAuth(User, Password)
	if err := fill(inProcess{handler: app, header: request.Header}, privateImages()); err != nil {
		return registry, err
	}
	return registry, registry.serve(listener, app, authority)
}

func accounts() map[string]string {
	return map[string]string{User: Password, Stranger: StrangerPassword}
}
