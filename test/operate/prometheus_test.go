package operate

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pullgate/pullgate/test/e2e/child"
)

// prometheus is one that scrapes the API server and the replicas every second.
type prometheus struct{ url string }

// startPrometheus starts it with the chart's alerts, which wait for nothing here.
func startPrometheus(t *testing.T) prometheus {
	t.Helper()
	port, err := child.FreePort(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(on.Dir(), "prometheus")
	rules, err := os.ReadFile(chart + "/files/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	impatient := strings.NewReplacer("    for: 2m\n", "", "    for: 5m\n", "").Replace(string(rules))
	files := map[string]string{"alerts.yaml": impatient, "token": scraper(t), "prometheus.yml": scraping(t)}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program, err := on.Keeper().Start(child.Spec{Name: "prometheus", Path: os.Getenv("PROMETHEUS"), Args: []string{
		"--config.file=" + dir + "/prometheus.yml", "--storage.tsdb.path=" + dir + "/data", "--web.listen-address=" + child.Loopback(port),
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Stop(10 * time.Second) })
	p := prometheus{url: "http://" + child.Loopback(port)}
	if err := program.Await("ready", time.Now().Add(time.Minute), func() bool {
		response, err := http.Get(p.url + "/-/ready")
		if err != nil {
			return false
		}
		return response.Body.Close() == nil && response.StatusCode == http.StatusOK
	}); err != nil {
		t.Fatal(err)
	}
	return p
}

// scraper is the token of somebody who may read the API server's metrics.
func scraper(t *testing.T) string {
	t.Helper()
	for _, args := range [][]string{
		{"create", "serviceaccount", "scraper"},
		{"create", "clusterrole", "scraper", "--verb=get", "--non-resource-url=/metrics"},
		{"create", "clusterrolebinding", "scraper", "--clusterrole=scraper", "--serviceaccount=default:scraper"},
	} {
		must(t, args...)
	}
	return strings.TrimSpace(must(t, "create", "token", "scraper"))
}

// scraping is the configuration: what the operator's ServiceMonitor would make
// of the replicas, and the API server.
func scraping(t *testing.T) string {
	t.Helper()
	_, server, err := on.Connect()
	if err != nil {
		t.Fatal(err)
	}
	var replicas []string
	for _, address := range strings.Fields(must(t, "-n", namespace, "get", "pods", "-l", "app.kubernetes.io/name=pullgate", "-o", "jsonpath={.items[*].status.podIP}")) {
		replicas = append(replicas, fmt.Sprintf(`{targets: [%q], labels: {namespace: %s, pod: %q}}`, net.JoinHostPort(address, "8080"), namespace, address))
	}
	return fmt.Sprintf(`
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [alerts.yaml]
scrape_configs:
- {job_name: pullgate, honor_labels: true, static_configs: [%s]}
- job_name: apiserver
  scheme: https
  authorization: {credentials_file: token}
  tls_config: {insecure_skip_verify: true}
  static_configs: [{targets: [%q]}]
`, strings.Join(replicas, ", "), strings.TrimPrefix(server, "https://"))
}

// ask returns how many series answer a query.
func (p prometheus) ask(query string) (int, error) {
	response, err := http.Get(p.url + "/api/v1/query?query=" + url.QueryEscape(query))
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Status, Error string
		Data          struct{ Result []any }
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return 0, err
	}
	if answer.Status != "success" {
		return 0, fmt.Errorf("%s: %s", query, answer.Error)
	}
	return len(answer.Data.Result), nil
}

// queries are the dashboard's, for all namespaces.
func queries(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(chart + "/files/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct{ Targets []struct{ Expr string } }
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			all = append(all, strings.NewReplacer("$namespace", ".*", "$__rate_interval", "1m").Replace(target.Expr))
		}
	}
	return all
}

// answered waits until a query has series.
func (p prometheus) answered(t *testing.T, query string) {
	t.Helper()
	var failure error
	if _, err := await(t, "answered", time.Minute, func() bool {
		var series int
		series, failure = p.ask(query)
		return failure != nil || series > 0
	}); err != nil || failure != nil {
		t.Errorf("%s: %v, %v", query, err, failure)
	}
}
