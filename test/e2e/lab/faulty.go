package lab

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/empty"
)

// otherLoopback is a loopback address that is not 127.0.0.1, for a guard that
// lets nothing but that one be dialled.
const otherLoopback = "127.0.0.2"

// faultTag is the tag that every repository of the faulty registry has.
const faultTag = "1.0"

// faulty hands each repository to what breaks it.
type faulty map[string]http.Handler

// ServeHTTP answers for the repository that the path names.
func (f faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/v2/")
	for _, kind := range []string{"/manifests/", "/blobs/", "/tags/"} {
		if repository, _, ok := strings.Cut(path, kind); ok && f[repository] != nil {
			f[repository].ServeHTTP(w, r)
			return
		}
	}
	store{}.ServeHTTP(w, r)
}

// startFaulty runs the registry that breaks, and the place to which it
// redirects.
func startFaulty(ctx context.Context, options Options) (registry, elsewhere *Registry, err error) {
	target := net.JoinHostPort(otherLoopback, "9")
	if elsewhere, target, err = startElsewhere(ctx, options, target); err != nil {
		return nil, nil, err
	}
	registry, listener, err := listen(ctx, options, "127.0.0.1:0")
	if err != nil {
		return nil, elsewhere, err
	}
	handler := faulty{}
	for _, fault := range Faults() {
		content, err := contentOf(fault.Repository)
		if err != nil {
			return nil, elsewhere, fmt.Errorf("make the content of %s: %w", fault.Repository, err)
		}
		handler[fault.Repository] = fault.breaks(target, content)
	}
	return registry, elsewhere, registry.serve(listener, handler, nil)
}

// startElsewhere listens on the other loopback address, which macOS does not
// have: there the redirect leads nowhere.
func startElsewhere(ctx context.Context, options Options, fallback string) (*Registry, string, error) {
	registry, listener, err := listen(ctx, options, net.JoinHostPort(otherLoopback, "0"))
	if err != nil {
		return nil, fallback, nil //nolint:nilerr // see above
	}
	content, err := contentOf("elsewhere")
	if err != nil {
		return nil, "", err
	}
	return registry, registry.Host, registry.serve(listener, content, nil)
}

// contentOf is what a repository has beneath its fault: an image for
// linux/amd64, or what the fault is about.
func contentOf(repository string) (store, error) {
	content := store{}
	switch repository {
	case "fault/no-platform":
		index, err := newIndex(repository, []string{"linux/s390x", "windows/amd64"})
		if err != nil {
			return nil, err
		}
		return content, content.putIndex(repository, faultTag, index)
	case "fault/missing-child":
		index, err := newIndex(repository, []string{"linux/amd64", "linux/arm64"})
		if err != nil {
			return nil, err
		}
		return content, content.putIndex(repository, faultTag, index)
	case "fault/empty-index":
		return content, content.putIndex(repository, faultTag, empty.Index)
	case "fault/schema1":
		content.put(repository, faultTag, schema1(repository))
		return content, nil
	default:
		image, err := newImage(repository, "linux/amd64")
		if err != nil {
			return nil, err
		}
		return content, content.putImage(repository, faultTag, image)
	}
}

// schema1 is an image of the format of 2015.
func schema1(repository string) document {
	return document{
		mediaType: "application/vnd.docker.distribution.manifest.v1+prettyjws",
		body: fmt.Appendf(nil, `{"schemaVersion": 1, "name": %q, "tag": %q, "architecture": "amd64",`+
			`"fsLayers": [], "history": [], "signatures": []}`, repository, faultTag),
	}
}
