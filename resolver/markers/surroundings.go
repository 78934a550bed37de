package markers

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	// header is the one that hosts.toml adds.
	header = "X-Secret"
	// ecrHost is a registry into which a cloud's identity logs in.
	ecrHost = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
)

// Surroundings are a program's, with a marker in every place of a credential.
type Surroundings struct {
	gossip
	// Hosts are those of registries: that of the pull secret, of config.json, of the
	// provider, of hosts.toml, and the mirror of ECR's.
	Hosts []string
	// Folder has all files, and is the home of the program's user; Configuration is
	// the configuration's.
	Folder, Configuration string
	// Images are of all registries, one of them behind a proxy.
	Images []string
	// DockerConfig is the content of the pull secret.
	DockerConfig string

	more []string
}

// New makes them, and puts what belongs there into the environment.
func New(t *testing.T) *Surroundings {
	t.Helper()
	s := &Surroundings{Folder: t.TempDir()}
	for range 5 {
		server := httptest.NewServer(&s.gossip)
		t.Cleanup(server.Close)
		s.Hosts = append(s.Hosts, server.Listener.Addr().String())
	}
	for _, host := range append(s.Hosts[:4:4], ecrHost, "proxied.example") {
		s.Images = append(s.Images, host+"/app:1")
	}
	s.environment(t)
	s.DockerConfig = dockerConfig(map[string]string{s.Hosts[0]: fmt.Sprintf(`{"auth":%q}`, auth(Secret)), "quay.io": fmt.Sprintf(`{"identitytoken":%q}`, Identity)})
	s.write(t, "hosts/"+s.Hosts[3]+"/hosts.toml", fmt.Sprintf("server = \"http://%s\"\n[header]\n%s = %q\n", s.Hosts[3], header, Header))
	s.write(t, "hosts/"+ecrHost+"/hosts.toml", fmt.Sprintf("server = \"http://%s\"\n", s.Hosts[4]))
	s.write(t, "config.json", dockerConfig(map[string]string{s.Hosts[1]: fmt.Sprintf(`{"auth":%q}`, auth(Config))}))
	s.provider(t)
	s.Configuration = s.write(t, "c.yaml", fmt.Sprintf("apiVersion: pullgate.dev/v1alpha1\nkind: Configuration\nregistries: {allowAddresses: [127.0.0.0/8], hostsDir: %[1]s/hosts}\n"+
		"nodes: {dockerConfig: %[1]s/config.json, credentialProviders: {config: %[1]s/providers.json, binDir: %[1]s/programs}, cloudCredentials: [ecr]}\n", s.Folder))
	return s
}

// provider makes a credential provider's program that writes down what it is shown
// and what is known of it, and repeats the former on its standard error.
func (s *Surroundings) provider(t *testing.T) {
	t.Helper()
	s.write(t, "providers.json", fmt.Sprintf(`{"apiVersion":"kubelet.config.k8s.io/v1","kind":"CredentialProviderConfig","providers":[{"name":"p","matchImages":[%q],"defaultCacheDuration":"1h",
		"apiVersion":"credentialprovider.kubelet.k8s.io/v1","tokenAttributes":{"serviceAccountTokenAudience":"a","cacheType":"Token","requireServiceAccount":true}}]}`, s.Hosts[2]))
	s.write(t, "programs/p", fmt.Sprintf("#!/bin/sh\ncat > %[1]s/stdin.$$\ncat %[1]s/stdin.$$ >&2\ncat /proc/$$/cmdline /proc/$$/environ /proc/$PPID/cmdline > %[1]s/proc.$$\n"+
		`echo '{"kind":"CredentialProviderResponse","apiVersion":"credentialprovider.kubelet.k8s.io/v1","cacheKeyType":"Registry","auth":{"%[2]s":{"username":"u","password":"%[3]s"}}}'`+"\n", s.Folder, s.Hosts[2], Provider))
}

// ProviderTokens are the tokens of ServiceAccounts that the provider's program was
// shown, and what is known of its processes.
func (s *Surroundings) ProviderTokens(t *testing.T) (tokens []string, processes string) {
	t.Helper()
	for _, text := range s.files(t, "stdin.*") {
		var request struct{ ServiceAccountToken string }
		if err := json.Unmarshal([]byte(text), &request); err != nil {
			t.Errorf("the provider was shown %q: %v", text, err)
		}
		tokens = append(tokens, request.ServiceAccountToken)
	}
	return tokens, strings.Join(s.files(t, "proc.*"), "\n")
}

// files are the contents of those whose names fit.
func (s *Surroundings) files(t *testing.T, pattern string) (contents []string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(s.Folder, pattern))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		content, err := os.ReadFile(name) //nolint:gosec // a test's own
		if err != nil {
			t.Fatal(err)
		}
		contents = append(contents, string(content))
	}
	return contents
}

// environment sets what a cloud and a proxy are taken from.
func (s *Surroundings) environment(t *testing.T) {
	t.Helper()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"authorizationData":[{"authorizationToken":%q,"expiresAt":%d}]}`, auth(Cloud), time.Now().Add(time.Hour).Unix())
	}))
	proxy := httptest.NewServer(&s.gossip)
	t.Cleanup(api.Close)
	t.Cleanup(proxy.Close)
	none := filepath.Join(s.Folder, "none")
	for name, value := range map[string]string{
		"HOME": s.Folder, "DOCKER_CONFIG": none, "AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none, "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": Key, "AWS_ENDPOINT_URL_ECR": api.URL,
		"HTTPS_PROXY": strings.Replace(proxy.URL, "http://", "http://user:"+Proxy+"@", 1), "NO_PROXY": "127.0.0.1",
	} {
		t.Setenv(name, value)
	}
}

// write makes a file that may be run.
func (s *Surroundings) write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(s.Folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o700); err != nil { //nolint:gosec // one of them is run
		t.Fatal(err)
	}
	return path
}

// SecretManifest is the pull secret regcred, in a namespace.
func (s *Surroundings) SecretManifest(namespace string) string {
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"regcred","namespace":%q},"type":"kubernetes.io/dockerconfigjson","data":{".dockerconfigjson":%q}}`,
		namespace, base64.StdEncoding.EncodeToString([]byte(s.DockerConfig)))
}

// PodManifest is a Pod with these images, that pull secret and the ServiceAccount
// puller.
func PodManifest(namespace, name string, images ...string) string {
	var containers []string
	for i, image := range images {
		containers = append(containers, fmt.Sprintf(`{"name":"c%d","image":%q}`, i, image))
	}
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":%q,"namespace":%q},"spec":{"nodeName":"worker","serviceAccountName":"puller","imagePullSecrets":[{"name":"regcred"}],"containers":[%s]}}`,
		name, namespace, strings.Join(containers, ","))
}

func dockerConfig(entries map[string]string) string {
	var written []string
	for host, entry := range entries {
		written = append(written, fmt.Sprintf("%q:%s", host, entry))
	}
	return `{"auths":{` + strings.Join(written, ",") + `}}`
}
