package registry_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"net/netip"
	"strings"

	"github.com/distribution/reference"
	"github.com/google/go-containerregistry/pkg/name"
	fake "github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry"
)

// A client says what a node would get for an image, here of a registry on
// loopback, which has to be allowed.
func ExampleClient_Probe() {
	quiet := log.New(io.Discard, "", 0)
	server := httptest.NewUnstartedServer(fake.New(fake.Logger(quiet)))
	server.Config.ErrorLog = quiet // HTTPS is tried first
	server.Start()
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	pushed, err := name.ParseReference(host + "/shop/web:1")
	if err == nil {
		err = remote.Write(pushed, empty.Image)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	client := registry.NewClient(registry.Options{Guard: registry.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}})
	for _, image := range []string{"/shop/web:1", "/shop/web:2"} {
		named, err := reference.ParseNormalizedNamed(host + image)
		if err != nil {
			fmt.Println(err)
			return
		}
		finding := client.Probe(context.Background(), pull.Query{Image: named})
		fmt.Println(image, finding.Reason, finding.Reason.Verdict())
	}
	// Output:
	// /shop/web:1 Pullable pullable
	// /shop/web:2 TagNotFound broken
}
