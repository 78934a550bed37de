package main

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"
	"time"
)

// /debug/pprof is at an address of its own, if it is asked for, and at no other
// in any case.
func TestPprof(t *testing.T) {
	certificate, key := newPair(t)
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
	get := func(url string) int {
		response, err := client.Get(url)
		if err != nil {
			return 0
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	for name, own := range map[string]string{"off": "", "on": port(t)} {
		t.Run(name, func(t *testing.T) {
			bind, health, metrics := port(t), port(t), port(t)
			args := []string{"serve", "--kubeconfig", apiServer(t), "--cert-dir", certDir(t, certificate, key), "--namespace", "pullgate",
				"--bind-address", bind, "--health-probe-bind-address", health, "--metrics-bind-address", metrics}
			if own != "" {
				args = append(args, "--pprof-bind-address", own)
			}
			p := serving(t, args...)
			p.await(t, "ready", func() bool {
				return get("http://"+health+"/readyz") == http.StatusOK && get("http://"+metrics+"/metrics") == http.StatusOK
			})
			for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/cmdline", "/debug/pprof/profile?seconds=1"} {
				for _, address := range []string{"https://" + bind, "http://" + health, "http://" + metrics} {
					if code := get(address + path); code != http.StatusNotFound {
						t.Errorf("%s%s answers %d", address, path, code)
					}
				}
				if own != "" && !strings.Contains(path, "profile") {
					p.await(t, "profiled", func() bool { return get("http://"+own+path) == http.StatusOK })
				}
			}
		})
	}
}
