package scenario

import (
	"fmt"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/test/pulloracle/content"
)

// missing is about what is not there.
func missing() []Scenario {
	return []Scenario{
		{Name: "missing-tag", About: "no such tag", Image: otherTag, Want: want(pull.TagNotFound)},
		{Name: "missing-repository", About: "no such repository, says the registry", None: true, Want: want(pull.RepositoryNotFound),
			Faults: []Fault{status(404, "").saying("NAME_UNKNOWN", "repository name not known to registry")}},
		{Name: "missing-digest", About: "no such digest", Image: "{plain}/{repo}@sha256:" + nowhere, Want: want(pull.DigestNotFound)},
		{Name: "missing-digest-repository", About: "no such repository, by digest", None: true, Image: "{plain}/{repo}@sha256:" + nowhere,
			Faults: []Fault{status(404, "").saying("NAME_UNKNOWN", "repository name not known to registry")},
			Want:   want(pull.RepositoryNotFound, pull.DigestNotFound)},
		{Name: "missing-wordless", About: "404 without a body", Want: want(pull.TagNotFound), Faults: []Fault{status(404, Manifests)}},
		{Name: "missing-page", About: "404 with a web page", Want: want(pull.RegistryError), Faults: []Fault{status(404, Manifests).page()}},
		{Name: "missing-html-everything", About: "404 with a web page for whatever is asked", Want: want(pull.RegistryError),
			Faults: []Fault{status(404, "").page()}},
		{Name: "missing-head-alone", About: "404 to HEAD and 200 to GET, as old Nexus", Want: want(pull.TagNotFound),
			Faults: []Fault{status(404, Manifests).on(head)}},
		{Name: "missing-head-alone-digest", About: "404 to HEAD and 200 to GET, by digest", Image: digestImage, Want: want(pull.DigestNotFound),
			Faults: []Fault{status(404, Manifests).on(head)}},
		{Name: "missing-but-blob", About: "a manifest by digest that is found among the blobs alone", Image: digestImage,
			Want:   want(pull.UnsupportedImage, pull.DigestNotFound),
			Faults: []Fault{status(404, Manifests), {Object: "blobs/{digest}", Redirect: "http://{plain}/cdn/{repo}/{digest}"}}},
		{Name: "missing-config-as-image", About: "the digest of a config instead of an image's", Image: "{plain}/{repo}@{config}", Want: want(pull.UnsupportedImage, pull.DigestNotFound)},
		{Name: "missing-layer-as-image", About: "the digest of a layer instead of an image's", Image: "{plain}/{repo}@{layer}", Want: want(pull.UnsupportedImage, pull.DigestNotFound)},
		{Name: "missing-lost", About: "the tag is there, what it leads to is gone", Holds: content.Image{Missing: []string{"manifest"}},
			Want: want(pull.TagNotFound)},
		{Name: "missing-get-alone", About: "HEAD finds the tag, GET does not find its digest", Want: want(pull.DigestNotFound, pull.TagNotFound, pull.BlobMissing),
			Faults: []Fault{status(404, Manifests).on(get)}},
		{Name: "missing-405-404", About: "405 to HEAD, 404 to GET", Image: otherTag, Want: want(pull.TagNotFound),
			Faults: []Fault{status(405, Manifests).on(head)}},
	}
}

// statuses are what a registry may answer instead of a manifest.
func statuses() []Scenario {
	var list []Scenario
	for _, row := range []struct {
		code int
		want pull.Reason
	}{
		{400, pull.RegistryError}, {401, pull.CredentialsRequired}, {402, pull.RegistryError}, {403, pull.CredentialsRequired},
		{406, pull.RegistryError}, {408, pull.RegistryError}, {409, pull.RegistryError}, {410, pull.RegistryError},
		{418, pull.RegistryError}, {421, pull.RegistryError}, {429, pull.RateLimited}, {451, pull.RegistryError},
		{500, pull.RegistryError}, {501, pull.RegistryError}, {502, pull.RegistryError}, {503, pull.RegistryError},
		{504, pull.RegistryError}, {507, pull.RegistryError}, {304, pull.RegistryError}, {300, pull.RegistryError},
	} {
		list = append(list, Scenario{
			Name: fmt.Sprintf("status-%d", row.code), About: fmt.Sprintf("%d to HEAD and GET alike", row.code), Want: want(row.want),
			Faults: []Fault{status(row.code, Manifests).saying("UNKNOWN", "as the scenario wants")},
		})
	}
	return append(list,
		Scenario{Name: "status-403-page", About: firewall, Want: want(pull.RegistryError), Faults: []Fault{status(403, "").page()}},
		Scenario{Name: "status-403-head", About: "403 to HEAD, 200 to GET", Want: want(pull.CredentialsRequired), Faults: []Fault{status(403, Manifests).on(head)}},
		Scenario{Name: "status-400-head", About: "400 to HEAD, 200 to GET", Want: want(pull.RegistryError), Faults: []Fault{status(400, Manifests).on(head)}},
		Scenario{Name: "status-501-head", About: "501 to HEAD, 200 to GET", Want: want(pull.RegistryError), Faults: []Fault{status(501, Manifests).on(head)}},
		Scenario{Name: "status-405-head", About: "405 to HEAD, 200 to GET", Faults: []Fault{status(405, Manifests).on(head)}},
		Scenario{Name: "status-405", About: "405 to HEAD and to GET", Want: want(pull.RegistryError), Faults: []Fault{status(405, Manifests)}},
		Scenario{Name: "status-200-page", About: "200 with the page of a portal", Want: want(pull.RegistryError), Faults: []Fault{status(200, "").page()}},
		Scenario{Name: "status-302-page", About: "redirected to the page of a portal", Want: want(pull.RegistryError),
			Faults: []Fault{{Host: Plain, Status: 302, Redirect: "http://{cdn}/v2/{repo}/manifests/login"}, status(200, "").at(CDN).page()}},
		Scenario{Name: "status-204", About: "204: nothing to say", Want: want(pull.UnsupportedImage), Faults: []Fault{status(204, Manifests)}},
		Scenario{Name: "status-digest-429", About: "too many requests, by digest", Image: digestImage, Want: want(pull.RateLimited),
			Faults: []Fault{status(429, "")}},
		Scenario{Name: "status-digest-500", About: "an internal error, by digest", Image: digestImage, Want: want(pull.RegistryError),
			Faults: []Fault{status(500, "")}},
		Scenario{Name: "status-digest-500-manifests", About: "an internal error for manifests, by digest; the blob is not found", Image: digestImage,
			Want: want(pull.RegistryError), Faults: []Fault{status(500, Manifests)}},
		Scenario{Name: "status-ping", About: "a registry without /v2/, which nodes never ask for", Image: "{own}/{repo}:1", Faults: []Fault{status(404, Ping)}},
	)
}

// passing trouble is over when one asks again, which containerd does at once.
func passing() []Scenario {
	return []Scenario{
		{Name: "passing-429", About: "too many requests twice, then fine", Faults: []Fault{status(429, Manifests).times(2)}},
		{Name: "passing-429-four", About: "too many requests four times, then fine", Faults: []Fault{status(429, Manifests).times(4)}},
		{Name: "passing-429-five", About: "too many requests five times, then fine", Faults: []Fault{status(429, Manifests).times(5)}, Want: want(pull.RateLimited)},
		{Name: "passing-408", About: "a timeout once, then fine", Faults: []Fault{status(408, Manifests).times(1)}},
		{Name: "passing-500", About: "an internal error once, then fine", Faults: []Fault{status(500, Manifests).times(1)}},
		{Name: "passing-500-two", About: "an internal error twice, then fine", Faults: []Fault{status(500, Manifests).times(2)}, Want: want(pull.RegistryError)},
		{Name: "passing-502", About: "a bad gateway once, then fine; nobody asks again", Faults: []Fault{status(502, Manifests).times(1)}, Want: want(pull.RegistryError)},
		{Name: "passing-503", About: "unavailable once, then fine", Faults: []Fault{status(503, Manifests).times(1)}},
		{Name: "passing-504", About: "a gateway's timeout once, then fine", Faults: []Fault{status(504, Manifests).times(1)}},
		{Name: "passing-404", About: "not found once, then fine", Faults: []Fault{status(404, Manifests).times(1)}, Want: want(pull.TagNotFound)},
		{Name: "passing-get-429", About: "too many requests once for the manifest's content", Faults: []Fault{status(429, Manifests).on(get).times(1)}},
		{Name: "passing-get-500", About: "an internal error once for the manifest's content", Faults: []Fault{status(500, Manifests).on(get).times(1)}},
		{Name: "passing-layer-500", About: "an internal error once for a layer", Faults: []Fault{status(500, ofLayer).times(1)}},
		{Name: "passing-layer-429", About: "too many requests once for a layer", Faults: []Fault{status(429, ofLayer).times(1)}},
		{Name: "passing-cut", About: "a connection that breaks once", Faults: []Fault{{Method: get, Object: Manifests, Cut: true, Times: 1}}},
		{Name: "passing-late", About: "an answer after a second", Faults: []Fault{{Method: head, Object: Manifests, Late: time.Second}}},
	}
}

// manifestHeaders are about what the registry says of a manifest.
func manifestHeaders() []Scenario {
	header := func(name, value string) map[string]string { return map[string]string{name: value} }
	const digest, length, kind = digestHeader, "Content-Length", "Content-Type"
	refused := want(pull.UnsupportedImage)
	return []Scenario{
		{Name: "header-no-digest", About: "no digest", Faults: []Fault{headers("", header(digest, "-"))}},
		{Name: "header-no-length", About: "no length", Faults: []Fault{headers(head, header(length, "-"))}},
		{Name: "header-no-digest-get-404", About: "no digest, and GET does not find it", Want: want(pull.RegistryError),
			Faults: []Fault{status(404, Manifests).on(get), headers(head, header(digest, "-"))}},
		{Name: "header-no-digest-get-429", About: "no digest, and too many requests for GET", Want: want(pull.RateLimited),
			Faults: []Fault{status(429, Manifests).on(get), headers(head, header(digest, "-"))}},
		{Name: "header-md5", About: "a digest by md5", Want: refused, Faults: []Fault{headers(head, header(digest, "md5:d41d8cd98f00b204e9800998ecf8427e"))}},
		{Name: "header-digest-nonsense", About: "a digest that is none", Want: refused, Faults: []Fault{headers(head, header(digest, "latest"))}},
		{Name: "header-digest-short", About: "a digest of too few digits", Want: refused, Faults: []Fault{headers(head, header(digest, "sha256:abcdef"))}},
		{Name: "header-other-digest", About: "the digest of something that is not there", Want: want(pull.DigestNotFound, pull.BlobMissing),
			Faults: []Fault{headers(head, header(digest, "sha256:"+nowhere))}},
		{Name: "header-config-digest", About: "the digest of the config", Want: want(pull.DigestNotFound, pull.UnsupportedImage, pull.BlobMissing),
			Faults: []Fault{headers(head, header(digest, "{config}"))}},
		{Name: "header-by-digest-other", About: "asked for one digest, the registry tells another, which nobody minds", Image: digestImage,
			Faults: []Fault{headers(head, header(digest, "sha256:"+nowhere))}},
		{Name: "header-no-type", About: "no type", Want: refused, Faults: []Fault{headers("", header(kind, "-"))}},
		{Name: "header-json", About: "the type of any JSON", Want: refused, Faults: []Fault{headers("", header(kind, "application/json"))}},
		{Name: "header-octets", About: "the type of any file", Want: refused, Faults: []Fault{headers("", header(kind, "application/octet-stream"))}},
		{Name: "header-json-among-blobs", About: "the type of any JSON, from a registry that finds manifests among its blobs", Want: refused,
			Faults: []Fault{headers("", header(kind, "application/json")), {Object: "blobs/{digest}", Redirect: "http://{plain}/cdn/{repo}/{digest}"}}},
		{Name: "header-charset", About: "the right type and a character set", Faults: []Fault{headers("", header(kind, ocispec.MediaTypeImageManifest+"; charset=utf-8"))}},
		{Name: "header-upper-type", About: "the right type in upper case", Want: refused,
			Faults: []Fault{headers("", header(kind, "Application/vnd.OCI.image.manifest.v1+json"))}},
		{Name: "header-html", About: "the right bytes as a page", Want: want(pull.RegistryError), Faults: []Fault{headers("", header(kind, "text/html"))}},
		{Name: "header-head-json-get-right", About: "HEAD tells the type of any JSON, GET the right one", Want: refused,
			Faults: []Fault{headers(head, header(kind, "application/json"))}},
		{Name: "header-too-long", About: "a manifest of 5 MB", Want: refused, Faults: []Fault{headers(head, header(length, "5000000"))}},
		{Name: "header-limit", About: "one byte more than the largest manifest", Want: refused, Faults: []Fault{headers(head, header(length, "4393217"))}},
		{Name: "header-longer", About: "a length greater than the manifest's", Want: refused, Faults: []Fault{headers(head, header(length, "1000"))}},
		{Name: "header-shorter", About: "a length smaller than the manifest's", Want: refused, Faults: []Fault{headers(head, header(length, "100"))}},
		{Name: "header-length-zero", About: "a length of nothing", Want: refused, Faults: []Fault{headers(head, header(length, "0"))}},
		{Name: "header-accept", About: "a registry that minds what one accepts", Holds: amd64AndArm64(), Faults: []Fault{{Method: head, Object: Manifests, Status: 404, Unless: "Accept: " +
			"application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json, " +
			"application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, */*"}}},
		{Name: "header-index-no-digest", About: "an index without a digest", Holds: amd64AndArm64(), Faults: []Fault{headers("", header(digest, "-"))}},
	}
}

// reading is about GET after a HEAD that went well.
func reading() []Scenario {
	refused := want(pull.UnsupportedImage)
	from := func(f Fault) []Fault { return []Fault{f.on(get)} }
	return []Scenario{
		{Name: "get-401", About: "401 without a challenge", Want: want(pull.CredentialsRequired), Faults: from(status(401, Manifests))},
		{Name: "get-403", About: "403", Want: want(pull.CredentialsRequired), Faults: from(status(403, Manifests).saying("DENIED", "no"))},
		{Name: "get-403-page", About: firewall, Want: want(pull.RegistryError), Faults: from(status(403, Manifests).page())},
		{Name: "get-429", About: "the quota counts GET alone, as Docker Hub's", Want: want(pull.RateLimited),
			Faults: from(status(429, Manifests).saying("TOOMANYREQUESTS", "You have reached your unauthenticated pull rate limit."))},
		{Name: "get-400", About: "400", Want: want(pull.RegistryError), Faults: from(status(400, Manifests))},
		{Name: "get-500", About: "an internal error", Want: want(pull.RegistryError), Faults: from(status(500, Manifests))},
		{Name: "get-503", About: "unavailable", Want: want(pull.RegistryError), Faults: from(status(503, Manifests))},
		{Name: "get-page", About: "200 with the page of a portal", Want: want(pull.RegistryError), Faults: from(status(200, Manifests).page())},
		{Name: "get-nothing", About: "200 and no body", Want: refused, Faults: from(status(200, Manifests))},
		{Name: "get-spoilt", About: "other bytes of the same length", Want: refused, Faults: from(Fault{Object: Manifests, Spoil: true})},
		{Name: "get-spoilt-digest", About: "other bytes, by digest", Image: digestImage, Want: refused, Faults: from(Fault{Object: Manifests, Spoil: true})},
		{Name: "get-cut", About: "a connection that always breaks in the middle", Want: want(pull.RegistryUnreachable, pull.RegistryError), Faults: from(Fault{Object: Manifests, Cut: true})},
		{Name: "get-redirect", About: "redirected to another server", Faults: []Fault{
			{Host: Plain, Method: get, Object: Manifests, Redirect: "http://{cdn}/v2/{repo}/manifests/{digest}"}}},
		{Name: "get-redirect-all", About: "HEAD and GET redirected to another server", Faults: []Fault{
			{Host: Plain, Object: Manifests, Redirect: "http://{cdn}/v2/{repo}/manifests/{digest}"}}},
		{Name: "get-redirect-closed", About: "redirected to where nobody listens", Want: want(pull.RegistryUnreachable),
			Faults: from(Fault{Object: Manifests, Redirect: "http://{closed}/elsewhere"})},
		{Name: "get-redirect-loop", About: "redirected for ever", Want: want(pull.RegistryError), Faults: []Fault{{Object: Manifests, Redirect: "/v2/{repo}/manifests/{object}"}}},
		{Name: "get-redirect-nowhere", About: "redirected without saying where to", Want: want(pull.RegistryError), Faults: from(status(307, Manifests))},
	}
}

// blobs are about configs and layers.
func blobs() []Scenario {
	gone, refused := want(pull.BlobMissing), want(pull.UnsupportedImage)
	const config, layer = ofConfig, ofLayer
	return []Scenario{
		{Name: "config-gone", About: "the config is gone", Holds: content.Image{Missing: []string{"config"}}, Want: gone},
		{Name: "layer-gone", About: "the layer is gone", Holds: content.Image{Missing: []string{"layer"}}, Want: gone},
		{Name: "layer-gone-of-index", About: "the layer of amd64 is gone", Want: gone,
			Holds: content.Index{Entries: []content.Entry{{Platform: "linux/arm64"}, {Platform: "linux/amd64", Of: content.Image{Missing: []string{"layer"}}}}}},
		{Name: "layer-gone-of-other", About: "the layer of arm64 is gone, which nobody asks for",
			Holds: content.Index{Entries: []content.Entry{{Platform: "linux/arm64", Of: content.Image{Platform: "linux/arm64", Missing: []string{"layer"}}}, {Platform: "linux/amd64"}}}},
		{Name: "config-spoilt", About: "a config of other bytes", Faults: []Fault{{Object: config, Spoil: true}}, Want: refused},
		{Name: "layer-spoilt", About: "a layer of other bytes", Faults: []Fault{{Object: layer, Spoil: true}}, Want: refused},
		{Name: "config-403", About: "no access to the config", Faults: []Fault{status(403, config)}, Want: want(pull.CredentialsRequired, pull.BlobMissing)},
		{Name: "layer-403", About: "no access to the layer", Faults: []Fault{status(403, layer)}, Want: want(pull.CredentialsRequired, pull.BlobMissing)},
		{Name: "layer-401", About: "401 for the layer alone", Faults: []Fault{status(401, layer)}, Want: want(pull.CredentialsRequired, pull.BlobMissing)},
		{Name: "layer-410", About: "the layer is gone, by 410", Faults: []Fault{status(410, layer)}, Want: want(pull.RegistryError)},
		{Name: "layer-429", About: "too many requests, just for the layer", Faults: []Fault{status(429, layer)}, Want: want(pull.RateLimited)},
		{Name: "config-500", About: "an internal error for the config", Faults: []Fault{status(500, config)}, Want: want(pull.RegistryError)},
		{Name: "layer-500", About: "an internal error for the layer", Faults: []Fault{status(500, layer)}, Want: want(pull.RegistryError)},
		{Name: "layer-502", About: "a bad gateway for the layer", Faults: []Fault{status(502, layer)}, Want: want(pull.RegistryError)},
		{Name: "layer-page", About: "the page of a portal instead of a layer", Faults: []Fault{status(200, layer).page()}, Want: want(pull.RegistryError)},
		{Name: "config-page", About: "the page of a portal instead of a config", Faults: []Fault{status(200, config).page()}, Want: want(pull.RegistryError)},
		{Name: "layer-cut", About: "a connection that always breaks in the middle of the layer", Faults: []Fault{{Object: layer, Cut: true}}, Want: want(pull.RegistryUnreachable, pull.RegistryError)},
		{Name: "layer-head", About: "404 to HEAD of what GET would have, as proxies", Faults: []Fault{status(404, Blobs).on(head)}},
		{Name: "layer-moved", About: "blobs are redirected to another server", Faults: []Fault{{Host: Plain, Object: Blobs, Redirect: cdnBlob}}},
		{Name: "layer-moved-403", About: "the other server refuses", Faults: []Fault{{Host: Plain, Object: Blobs, Redirect: cdnBlob}, status(403, Moved)},
			Want: want(pull.CredentialsRequired, pull.BlobMissing)},
		{Name: "layer-moved-404", About: "the other server has lost it", Faults: []Fault{{Host: Plain, Object: Blobs, Redirect: cdnBlob}, status(404, Moved)}, Want: gone},
		{Name: "layer-moved-closed", About: "the other server is down", Faults: []Fault{{Host: Plain, Object: Blobs, Redirect: "http://{closed}/"}}, Want: want(pull.RegistryUnreachable)},
		{Name: "layer-moved-loop", About: "blobs are redirected for ever", Faults: []Fault{{Object: Blobs, Redirect: "/v2/{repo}/blobs/{object}"}}, Want: want(pull.RegistryError)},
	}
}
