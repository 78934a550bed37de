package e2e

import (
	"context"
	"crypto/tls"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pullgate/pullgate/test/e2e/cluster"
	"github.com/pullgate/pullgate/test/e2e/pki"
	"github.com/pullgate/pullgate/test/e2e/rig"
	"github.com/pullgate/pullgate/test/e2e/rig/rigtest"
)

// webhookAudience is what tokens for Pullgate are issued for.
const webhookAudience = "https://pullgate.pullgate-system.svc:443/validate"

// An API server that shows a client certificate is answered; who shows none is
// not.
func TestCallersByCertificate(t *testing.T) {
	authority, err := pki.NewAuthority("callers")
	if err != nil {
		t.Fatal(err)
	}
	shown, err := authority.Client("kube-apiserver")
	if err != nil {
		t.Fatal(err)
	}
	r := rigtest.Start(t, root, rig.Options{Before: func(ctx context.Context, c *cluster.Cluster) ([]string, error) {
		file := filepath.Join(c.Dir(), "callers.crt")
		if err := os.WriteFile(file, authority.PEM, 0o600); err != nil {
			return nil, err
		}
		return []string{"--client-ca-file", file}, c.ShowWebhooks(ctx, cluster.Credentials{Certificate: shown})
	}})
	denies(t, r)
	refuses(t, r, map[string]string{"nothing": ""})
	pair, err := shown.TLS()
	if err != nil {
		t.Fatal(err)
	}
	if code := asStranger(t, r, "", pair); code != http.StatusOK {
		t.Errorf("the certificate is answered %d", code)
	}
	t.Run("Doctor", func(t *testing.T) { testAnotherCaller(newStage(t, r, "shop")) })
}

// testAnotherCaller has Pullgate take callers of another authority alone, and the
// doctor say so.
func testAnotherCaller(s stage) {
	file := filepath.Join(s.rig.Dir(), "callers.crt")
	known, err := os.ReadFile(file)
	if err != nil {
		s.Fatal(err)
	}
	other, err := pki.NewAuthority("other")
	if err != nil {
		s.Fatal(err)
	}
	s.setFailurePolicy("Fail")
	s.awaitDoctor(nil, nil)
	for _, test := range []struct {
		authority []byte
		want      []string
	}{{other.PEM, []string{"CallerRefused"}}, {known, nil}} {
		s.rig.Gate.Stop()
		if err := os.WriteFile(file, test.authority, 0o600); err != nil {
			s.Fatal(err)
		}
		if _, err := s.rig.Gate.StartReady(s.Context()); err != nil {
			s.Fatal(err)
		}
		s.awaitDoctor(test.want, nil)
	}
}

// An API server that shows a token of the named ServiceAccount for Pullgate is
// answered; other tokens of the cluster, and none, are not.
func TestCallersByToken(t *testing.T) {
	token := func(ctx context.Context, c *cluster.Cluster, account, audience string) (string, error) {
		text, err := c.Must(ctx, "", "--namespace", "default", "create", "token", account, "--audience", audience)
		return strings.TrimSpace(text), err
	}
	r := rigtest.Start(t, root, rig.Options{Before: func(ctx context.Context, c *cluster.Cluster) ([]string, error) {
		if _, err := c.Must(ctx, "", "--namespace", "default", "create", "serviceaccount", "webhook-auth"); err != nil {
			return nil, err
		}
		shown, err := token(ctx, c, "webhook-auth", webhookAudience)
		if err != nil {
			return nil, err
		}
		file := filepath.Join(c.Dir(), "webhook.token")
		if err := os.WriteFile(file, []byte(shown), 0o600); err != nil {
			return nil, err
		}
		return []string{"--token-audience", webhookAudience, "--token-user", "system:serviceaccount:default:webhook-auth"},
			c.ShowWebhooks(ctx, cluster.Credentials{TokenFile: file})
	}})
	denies(t, r)
	bearer := map[string]string{"nothing": "", "rubbish": "Bearer x.y.z"}
	for what, who := range map[string][2]string{
		"a token of somebody else":             {"default", webhookAudience},
		"a token for another audience":         {"webhook-auth", "https://other.default.svc:443/"},
		"a token for the API server, as Pods'": {"webhook-auth", "https://kubernetes.default.svc"},
	} {
		text, err := token(t.Context(), r.Cluster, who[0], who[1])
		if err != nil {
			t.Fatal(err)
		}
		bearer[what] = "Bearer " + text
	}
	refuses(t, r, bearer)
	good, err := token(t.Context(), r.Cluster, "webhook-auth", webhookAudience)
	if err != nil {
		t.Fatal(err)
	}
	if code := asStranger(t, r, "Bearer "+good); code != http.StatusOK {
		t.Errorf("another good token is answered %d", code)
	}
}

// denies makes sure that the API server is answered: only Pullgate refuses this.
func denies(t *testing.T, r *rig.Rig) {
	t.Helper()
	result, err := r.Kubectl(t.Context(), "create", "deployment", "web", "--image="+r.Lab.Open.Ref("shop/web:1.99"), "--dry-run=server")
	if err != nil || result.Code == 0 || !strings.Contains(result.Output, "tag not found") {
		t.Errorf("exit code %d, %v: %s", result.Code, err, result.Output)
	}
}

// refuses makes sure that whoever shows this learns nothing, and that no registry
// and no log hears of the question.
func refuses(t *testing.T, r *rig.Rig, shown map[string]string) {
	t.Helper()
	count := func(name string) float64 {
		value, err := r.Gate.Metric(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	requests, strangers, reviews := count("pullgate_registry_requests_total"), count("pullgate_admission_strangers_total"), count("pullgate_admission_requests_total")
	for what, authorization := range shown {
		if code := asStranger(t, r, authorization); code != http.StatusUnauthorized {
			t.Errorf("%s is answered %d", what, code)
		}
	}
	if now := count("pullgate_registry_requests_total"); now != requests {
		t.Errorf("strangers caused %v requests to registries", now-requests)
	}
	if now := count("pullgate_admission_strangers_total"); now != strangers+float64(len(shown)) {
		t.Errorf("%v strangers are counted, want %d", now-strangers, len(shown))
	}
	if now := count("pullgate_admission_requests_total"); now != reviews {
		t.Errorf("%v reviews of strangers are counted", now-reviews)
	}
	if strings.Contains(r.Gate.Log(), "eyJ") {
		t.Error("a token is in the log")
	}
}

// asStranger asks Pullgate itself about an image that was never asked about.
func asStranger(t *testing.T, r *rig.Rig, authorization string, certificates ...tls.Certificate) int {
	t.Helper()
	review := podReview("default", r.Lab.Open.Ref("shop/stranger:1"))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.Gate.URL, strings.NewReader(review))
	if err != nil {
		t.Fatal(err)
	}
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true, Certificates: certificates},
	}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}
