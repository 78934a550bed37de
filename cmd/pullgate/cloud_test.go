package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

const ecrHost = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"

// privateRegistry has app:1 for who logs in with ECR's token, and stands for
// the ECR-like host in a hosts.toml, whose folder is returned.
func privateRegistry(t *testing.T) (hostsDir string) {
	t.Helper()
	stored := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	open := httptest.NewServer(stored)
	t.Cleanup(open.Close)
	private := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "AWS" || password != "token" {
			w.Header().Set("WWW-Authenticate", `Basic realm="ecr"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		stored.ServeHTTP(w, r)
	}))
	t.Cleanup(private.Close)
	ref, err := name.ParseReference(strings.TrimPrefix(open.URL, "http://") + "/app:1")
	if err != nil {
		t.Fatal(err)
	}
	image, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image); err != nil {
		t.Fatal(err)
	}
	hostsDir = t.TempDir()
	if err := os.Mkdir(filepath.Join(hostsDir, ecrHost), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(hostsDir, ecrHost, "hosts.toml"), fmt.Appendf(nil, "server = %q\n", private.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	return hostsDir
}

// TestCloudCredentials: an image in a cloud's registry is asked for by the
// cloud's credential, and what it finds missing is. A refusal counts where the
// configuration says that nodes have no other rights; without the credential
// nothing is known.
func TestCloudCredentials(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	for key, value := range map[string]string{
		"HOME": t.TempDir(), "DOCKER_CONFIG": t.TempDir(), "AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none, "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "s3cr3t",
	} {
		t.Setenv(key, value)
	}
	code, login := http.StatusOK, "AWS:token"
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = fmt.Fprintf(w, `{"__type":"AccessDeniedException","message":"not authorized","authorizationData":[{"authorizationToken":%q,"expiresAt":%d}]}`,
			base64.StdEncoding.EncodeToString([]byte(login)), time.Now().Add(12*time.Hour).Unix())
	}))
	t.Cleanup(api.Close)
	t.Setenv("AWS_ENDPOINT_URL_ECR", api.URL)
	configuration := header + "registries: {hostsDir: " + privateRegistry(t) + "}\nnodes: {cloudCredentials: [ecr]}\n"

	tests := []struct {
		name, image, configuration string
		code                       int
		login                      string
		want                       []string // verdict, reason, credentials
		message                    string
	}{
		{"found", "app:1", configuration, http.StatusOK, "AWS:token", []string{"pullable", "Pullable", "cloud/ecr accepted"}, ""},
		{"not there", "app:2", configuration, http.StatusOK, "AWS:token", []string{"broken", "TagNotFound", "cloud/ecr accepted"}, "tag not found"},
		{"no right", "app:1", configuration, http.StatusBadRequest, "", []string{"unknown", "NodeCredentialsUnknown", "anonymous rejected"},
			"nodes.cloudCredentials ecr: give pullgate an AWS role that may ecr:GetAuthorizationToken: api error AccessDeniedException"},
		{"not configured", "app:1", strings.ReplaceAll(configuration, "[ecr]", "[google, acr]"), http.StatusOK, "AWS:token",
			[]string{"unknown", "NodeCredentialsUnknown", "anonymous rejected"}, "nodes may hold credentials for it that pullgate does not"},
		{"refused", "app:1", configuration, http.StatusOK, "AWS:another", []string{"unknown", "NodeCredentialsUnknown", "cloud/ecr rejected"}, "; let the nodes' identity, and pullgate's that stands for it (cloud/ecr), pull app"},
		{"refused, and the nodes have no other rights", "app:1", strings.ReplaceAll(configuration, "[ecr]", "[ecr], hiddenCredentials: [none.invalid]"), http.StatusOK, "AWS:another",
			[]string{"broken", "CredentialsRejected", "cloud/ecr rejected"}, "; let the nodes' identity, "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			code, login = test.code, test.login
			_, stdout, stderr := commandLine(t, "check", "--image", ecrHost+"/"+test.image, "--config", write(t, "c.yaml", test.configuration), "-o", "json")
			var written struct {
				Results []struct {
					Verdict, Reason, Message, Hint string
					Credentials                    []struct{ Source, Outcome string }
				}
			}
			if err := json.Unmarshal([]byte(stdout), &written); err != nil || len(written.Results) != 1 {
				t.Fatalf("%v: %s%s", err, stdout, stderr)
			}
			got := written.Results[0]
			if strings.Join(test.want, " ") != fmt.Sprint(got.Verdict, " ", got.Reason, " ", strings.Trim(fmt.Sprint(got.Credentials), "[{}]")) || !strings.Contains(got.Message+"; "+got.Hint, test.message) {
				t.Errorf("got %+v, want %q and %q", got, test.want, test.message)
			}
			for _, secret := range []string{"s3cr3t", "AWS:token", "QVdTOnRva2Vu"} {
				if strings.Contains(stdout+stderr, secret) {
					t.Errorf("%s is in %s%s", secret, stdout, stderr)
				}
			}
		})
	}
}
