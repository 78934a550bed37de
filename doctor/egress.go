package doctor

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"

	"github.com/distribution/reference"
)

// maxRegistries is how many are asked where none is named.
const maxRegistries = 10

// registriesOf are those of images, each once, by the names that images have of
// them.
func registriesOf(images []string) []string {
	var hosts []string
	for _, image := range images {
		named, err := reference.ParseNormalizedNamed(image)
		if err != nil {
			continue // it has none
		}
		if host := reference.Domain(named); !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	slices.Sort(hosts)
	return hosts[:min(len(hosts), maxRegistries)]
}

// pings asks registries whether they are there, without credentials, through the
// proxy of the environment, all at once.
func pings(ctx context.Context, hosts []string) []Ping {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}
	client := &http.Client{Transport: transport, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	all := make([]Ping, len(hosts))
	var asked sync.WaitGroup
	for i, host := range hosts {
		asked.Go(func() { all[i] = ping(ctx, client, transport, host) })
	}
	asked.Wait()
	return all
}

// ping asks one registry for /v2/, which all of them have.
func ping(ctx context.Context, client *http.Client, transport *http.Transport, host string) Ping {
	result := Ping{Host: host}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+addressOf(host)+"/v2/", http.NoBody)
	if err != nil {
		result.Err = err
		return result
	}
	if through, err := transport.Proxy(request); err == nil && through != nil {
		result.Proxy = through.Redacted()
	}
	if result.Proxy == "" {
		if result.Err = resolve(ctx, request.URL.Hostname()); result.Err != nil {
			return result
		}
	}
	response, err := client.Do(request)
	if errors.Is(err, http.ErrSchemeMismatch) && isLocal(host) { // as containerd does, core/remotes/docker MatchLocalhost
		request.URL.Scheme = "http"
		response, err = client.Do(request)
	}
	if err != nil {
		result.Err = err
		return result
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<10)) // what it says is of no use
	_ = response.Body.Close()
	result.Status = response.Status
	return result
}

// resolve tells a DNS that gives no answer from a registry that gives none.
func resolve(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := net.DefaultResolver.LookupHost(ctx, name)
	return err
}

// addressOf is where a registry is that has another name in images.
func addressOf(host string) string {
	if host == "docker.io" {
		return "registry-1.docker.io"
	}
	return host
}

// isLocal tells whether a registry is on this machine, so that it may have no TLS.
func isLocal(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	address, err := netip.ParseAddr(name)
	return name == "localhost" || err == nil && address.IsLoopback()
}
