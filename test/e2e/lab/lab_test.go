package lab_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pullgate/pullgate/test/e2e/lab"
)

func start(t *testing.T, latency time.Duration) *lab.Lab {
	t.Helper()
	l, err := lab.Start(t.Context(), lab.Options{Dir: t.TempDir(), Latency: latency})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// client trusts the lab's authority and follows no redirect.
func client(l *lab.Lab) *http.Client {
	return &http.Client{
		Timeout:       time.Second,
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: l.Authority.Pool(), MinVersion: tls.VersionTLS12}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// answer is a response with its body, or the error of reading either.
type answer struct {
	status int
	header http.Header
	body   string
	err    error
}

func ask(t *testing.T, c *http.Client, method, url string, header http.Header) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	request.Header.Add("Accept", "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, */*")
	response, err := c.Do(request)
	if err != nil {
		return answer{err: err}
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return answer{status: response.StatusCode, header: response.Header, body: string(body), err: err}
}

func basic(user, password string) http.Header {
	request := &http.Request{Header: http.Header{}}
	request.SetBasicAuth(user, password)
	return request.Header
}

func TestOpenRegistry(t *testing.T) {
	t.Parallel()
	l := start(t, 0)
	if l.Requests() != 0 {
		t.Errorf("filling the registries counts as %d requests", l.Requests())
	}
	base := "http://" + l.Open.Host + "/v2/shop/web"
	tags := ask(t, client(l), "GET", base+"/tags/list", nil)
	for _, tag := range []string{"1.27", "1.28", "1.29", "1.29-alpine", "latest"} {
		if !strings.Contains(tags.body, `"`+tag+`"`) {
			t.Errorf("tag %s is not among %s", tag, tags.body)
		}
	}
	index := ask(t, client(l), "GET", base+"/manifests/1.29", nil)
	var parsed struct {
		Manifests []struct {
			Digest   string
			Platform struct{ OS, Architecture string }
		}
	}
	if err := json.Unmarshal([]byte(index.body), &parsed); err != nil {
		t.Fatalf("the index is %q: %v", index.body, err)
	}
	platforms := []string{}
	for _, child := range parsed.Manifests {
		platforms = append(platforms, child.Platform.OS+"/"+child.Platform.Architecture)
		if got := ask(t, client(l), "HEAD", base+"/manifests/"+child.Digest, nil); got.status != 200 {
			t.Errorf("HEAD of child %s: %+v", child.Digest, got)
		}
	}
	if !slices.Equal(platforms, []string{"linux/amd64", "linux/arm64"}) {
		t.Errorf("platforms of the index: %v", platforms)
	}
	missing := ask(t, client(l), "GET", "http://"+l.Open.Host+"/v2/shop/web/manifests/1.99", nil)
	if missing.status != 404 || !strings.Contains(missing.body, "MANIFEST_UNKNOWN") {
		t.Errorf("a missing tag: %+v", missing)
	}
	if got := l.Open.Count("HEAD", "/v2/shop/web/manifests/"); got != 2 {
		t.Errorf("counted %d HEADs, want 2: %v", got, l.Open.Requests())
	}
}

func TestTokenRegistry(t *testing.T) {
	t.Parallel()
	l := start(t, 0)
	manifest := func(repository string) string {
		return "https://" + l.Token.Host + "/v2/" + repository + "/manifests/1.0"
	}
	challenge := ask(t, client(l), "HEAD", manifest("shop/private"), nil)
	want := `Bearer realm="https://` + l.Token.Host + `/token",service="lab-registry",scope="repository:shop/private:pull"`
	if got := challenge.header.Get("Www-Authenticate"); challenge.status != 401 || got != want {
		t.Errorf("without a token: status %d, challenge %s, want %s", challenge.status, got, want)
	}
	cases := map[string]struct {
		credentials      http.Header
		repository       string
		token, manifests int
	}{
		"anonymous":                  {http.Header{}, "shop/private", 200, 401},
		"user":                       {basic(lab.User, lab.Password), "shop/private", 200, 200},
		"user, wrong password":       {basic(lab.User, "wrong"), "shop/private", 401, 0},
		"nobody":                     {basic("nobody", ""), "shop/private", 401, 0},
		"user, other repository":     {basic(lab.User, lab.Password), "team/vault", 200, 401},
		"stranger":                   {basic(lab.Stranger, lab.StrangerPassword), "shop/private", 200, 401},
		"user, repository not there": {basic(lab.User, lab.Password), "shop/none", 200, 404},
	}
	for name, tc := range cases {
		scope := "?service=lab-registry&scope=" + url.QueryEscape("repository:"+tc.repository+":pull")
		got := ask(t, client(l), "GET", "https://"+l.Token.Host+"/token"+scope, tc.credentials)
		if got.status != tc.token {
			t.Errorf("%s: token: %+v, want status %d", name, got, tc.token)
		}
		if got.status == 200 {
			checkToken(t, l, name, got.body, manifest(tc.repository), tc.manifests)
		}
	}
}

func checkToken(t *testing.T, l *lab.Lab, name, body, manifest string, status int) {
	t.Helper()
	var token struct{ Token string }
	if err := json.Unmarshal([]byte(body), &token); err != nil {
		t.Fatal(err)
	}
	got := ask(t, client(l), "GET", manifest, http.Header{"Authorization": {"Bearer " + token.Token}})
	if got.status != status {
		t.Errorf("%s: manifest: %+v, want status %d", name, got, status)
	}
	if status == 401 && !strings.Contains(got.header.Get("Www-Authenticate"), `error="insufficient_scope"`) {
		t.Errorf("%s: the challenge does not say why: %v", name, got.header)
	}
}

func TestTokenByPost(t *testing.T) {
	t.Parallel()
	l := start(t, 0)
	for password, want := range map[string]int{lab.Password: 200, "wrong": 401} {
		response, err := client(l).PostForm("https://"+l.Token.Host+"/token", url.Values{
			"grant_type": {"password"}, "service": {"lab-registry"}, "username": {lab.User}, "password": {password},
			"scope": {"repository:shop/private:pull"},
		})
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("with password %s: status %d, want %d", password, response.StatusCode, want)
		}
	}
}

func TestBasicRegistry(t *testing.T) {
	t.Parallel()
	l := start(t, 0)
	manifest := "https://" + l.Basic.Host + "/v2/shop/private/manifests/1.0"
	for name, tc := range map[string]struct {
		header http.Header
		status int
	}{
		"anonymous": {http.Header{}, 401},
		"right":     {basic(lab.User, lab.Password), 200},
		"wrong":     {basic(lab.User, "wrong"), 401},
	} {
		got := ask(t, client(l), "HEAD", manifest, tc.header)
		if got.status != tc.status {
			t.Errorf("%s: %+v, want status %d", name, got, tc.status)
		}
		if got.status == 401 && got.header.Get("Www-Authenticate") != `Basic realm="lab"` {
			t.Errorf("%s: challenge %v", name, got.header)
		}
	}
}

func TestLatency(t *testing.T) {
	t.Parallel()
	const latency = 60 * time.Millisecond
	l := start(t, latency)
	begin := time.Now()
	if got := ask(t, client(l), "HEAD", "http://"+l.Open.Host+"/v2/", nil); got.status != 200 {
		t.Errorf("%+v", got)
	}
	if took := time.Since(begin); took < latency {
		t.Errorf("it took %v only", took)
	}
}

func TestDownAndClosed(t *testing.T) {
	t.Parallel()
	l := start(t, 0)
	if got := ask(t, client(l), "HEAD", "http://"+l.Down+"/v2/", nil); got.err == nil || !strings.Contains(got.err.Error(), "refused") {
		t.Errorf("the address that is down: %+v", got)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	l := start(t, 0)
	sound := answer{status: 200}
	cases := map[string]struct {
		head, get answer // only status and parts of header, body and error
	}{
		"fault/429":           {answer{status: 429}, answer{status: 429, body: "TOOMANYREQUESTS"}},
		"fault/500":           {answer{status: 500}, answer{status: 500}},
		"fault/502":           {answer{status: 502}, answer{status: 502}},
		"fault/403":           {answer{status: 403}, answer{status: 403, body: "DENIED"}},
		"fault/teapot":        {answer{status: 418}, answer{status: 418}},
		"fault/silent":        {answer{err: context.DeadlineExceeded}, answer{err: context.DeadlineExceeded}},
		"fault/stuck":         {sound, answer{status: 200, body: "{", err: context.DeadlineExceeded}},
		"fault/huge-header":   {answer{err: io.ErrShortBuffer}, answer{err: io.ErrShortBuffer}},
		"fault/redirects":     {answer{status: 307}, answer{status: 307}},
		"fault/to-metadata":   {answer{status: 307}, answer{status: 307, body: "169.254.169.254"}},
		"fault/to-loopback":   {answer{status: 307}, answer{status: 307, body: "127.0.0.2"}},
		"fault/html":          {sound, answer{status: 200, body: "<html>"}},
		"fault/huge-manifest": {sound, answer{status: 200, body: strings.Repeat(" ", 10<<20)}},
		"fault/huge-body":     {sound, answer{status: 200, body: strings.Repeat(" ", 10<<20)}},
		"fault/wrong-digest":  {sound, answer{status: 200, body: `"config": {}`}},
		"fault/no-head":       {answer{status: 405}, sound},
		"fault/no-digest":     {sound, sound},
		"fault/schema1":       {sound, answer{status: 200, body: `"schemaVersion": 1`}},
		"fault/no-platform":   {sound, answer{status: 200, body: `"architecture":"s390x"`}},
		"fault/empty-index":   {sound, answer{status: 200, body: `"manifests":[]`}},
		"fault/missing-child": {sound, answer{status: 200, body: `"architecture":"amd64"`}},
		"fault/missing-layer": {sound, answer{status: 200, body: `"layers":[{`}},
	}
	for _, fault := range lab.Faults() {
		want, ok := cases[fault.Repository]
		if !ok {
			t.Errorf("no test of %s", fault.Repository)
			continue
		}
		t.Run(fault.Repository, func(t *testing.T) {
			t.Parallel()
			url := "http://" + l.Faulty.Host + "/v2/" + strings.Replace(fault.Image(), ":", "/manifests/", 1)
			checkFault(t, "HEAD", ask(t, client(l), "HEAD", url, nil), want.head)
			checkFault(t, "GET", ask(t, client(l), "GET", url, nil), want.get)
			named := ask(t, client(l), "HEAD", url, nil).header["Docker-Content-Digest"]
			if fault.Repository == "fault/no-digest" && len(named) > 0 {
				t.Errorf("the digest is %v", named)
			}
		})
	}
}

func checkFault(t *testing.T, method string, got, want answer) {
	t.Helper()
	switch {
	case (got.err != nil) != (want.err != nil):
		t.Errorf("%s: error %v, want %v", method, got.err, want.err)
	case got.status != want.status:
		t.Errorf("%s: status %d, want %d", method, got.status, want.status)
	case !strings.Contains(got.body+got.header.Get("Location"), want.body):
		t.Errorf("%s: body %.200q, want %.200q", method, got.body, want.body)
	}
}
