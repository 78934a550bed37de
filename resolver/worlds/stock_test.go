package worlds

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// visitor is who asks a registry, as far as the registry knows them.
type visitor string

// The visitors; their names are their passwords, too.
const (
	nobody   visitor = ""                      // shows no credential
	member   visitor = "secret-of-a-member"    // may pull the private repository
	stranger visitor = "secret-of-a-stranger"  // may log in, and pull what is public
	outdated visitor = "secret-of-yesterday"   // could log in before
	impostor visitor = "secret-that-is-no-one" // could never
)

// refused tells whether a visitor shows a credential that opens nothing.
func (v visitor) refused() bool { return v == outdated || v == impostor }

// stock is what a registry has, whom it lets in, and how it is doing.
type stock struct {
	host            string
	public, private string // repositories
	contents        map[string]content
	tags            map[string][]string

	limited bool // it answers 429 to what it limits
	down    bool // its token service, if it has one, answers 503
	revoked bool // tokens given so far open nothing any more
}

// content is a manifest or an index.
type content struct {
	mediaType string
	body      []byte
}

// newStock holds web:1.27 and web:1.28 for everybody and api:1.0 for members.
func newStock(host, public, private string) *stock {
	s := &stock{host: host, public: public, private: private, contents: map[string]content{}, tags: map[string][]string{}}
	for _, tag := range []string{"1.27", "1.28"} {
		s.index(public, tag, s.manifest(public, "amd64 "+tag), s.manifest(public, "arm64 "+tag))
	}
	s.index(private, "1.0", s.manifest(private, "amd64 1.0"), s.manifest(private, "arm64 1.0"))
	return s
}

// manifest adds an image for what its name begins with.
func (s *stock) manifest(repository, name string) ocispec.Descriptor {
	architecture, _, _ := strings.Cut(name, " ")
	desc := s.put(repository, ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config:      ocispec.Descriptor{MediaType: ocispec.MediaTypeImageConfig, Digest: digest.FromString("config " + name), Size: 1000},
		Layers:      []ocispec.Descriptor{{MediaType: ocispec.MediaTypeImageLayerGzip, Digest: digest.FromString("layer " + name), Size: 100000}},
		Annotations: map[string]string{"of": repository},
	})
	desc.Platform = &ocispec.Platform{OS: "linux", Architecture: architecture}
	return desc
}

// index adds an index, under a tag unless that is empty.
func (s *stock) index(repository, tag string, entries ...ocispec.Descriptor) ocispec.Descriptor {
	desc := s.put(repository, ocispec.MediaTypeImageIndex, ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: entries,
	})
	s.tag(repository, tag, desc)
	return desc
}

// tag gives a tag to what is there.
func (s *stock) tag(repository, tag string, desc ocispec.Descriptor) {
	if repository == "" || tag == "" {
		return
	}
	s.contents[repository+" "+tag] = s.contents[repository+" "+desc.Digest.String()]
	s.tags[repository] = append(s.tags[repository], tag)
}

func (s *stock) put(repository, mediaType string, document any) ocispec.Descriptor {
	body, err := json.Marshal(document)
	if err != nil {
		panic(err) // it is of our making
	}
	desc := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(body), Size: int64(len(body))}
	s.contents[repository+" "+desc.Digest.String()] = content{mediaType, body}
	return desc
}

// exists tells whether a repository does.
func (s *stock) exists(repository string) bool { return len(s.tags[repository]) > 0 }

// readable tells whether a visitor may pull from a repository.
func (s *stock) readable(v visitor, repository string) bool {
	return s.exists(repository) && (repository == s.public || v == member)
}

// give serves what is there, else says that it is not.
func (s *stock) give(w http.ResponseWriter, r *http.Request, missing func(repository, kind, object string)) {
	repository, kind, object := route(r)
	there, ok := s.contents[repository+" "+object]
	switch {
	case kind == "tags" && s.exists(repository):
		body, err := json.Marshal(map[string]any{"name": repository, "tags": s.tags[repository]})
		if err != nil {
			panic(err) // it is of our making
		}
		say(w, http.StatusOK, string(body))
	case kind == "manifests" && ok:
		w.Header().Set("Content-Type", there.mediaType)
		w.Header().Set("Content-Length", strconv.Itoa(len(there.body)))
		w.Header().Set("Docker-Content-Digest", digest.FromBytes(there.body).String())
		_, _ = w.Write(there.body) // of HEAD, the server keeps it
	default:
		missing(repository, kind, object)
	}
}

// route takes a request to a registry apart.
func route(r *http.Request) (repository, kind, object string) {
	path := strings.TrimPrefix(r.URL.Path, "/v2/")
	for _, kind := range []string{"manifests", "blobs", "tags"} {
		if at := strings.LastIndex(path, "/"+kind+"/"); at >= 0 {
			return path[:at], kind, path[at+len(kind)+2:]
		}
	}
	return "", "", ""
}

// shown returns whose credential a request to a token service or, with Basic,
// to a registry carries.
func shown(r *http.Request) visitor {
	if _, password, ok := r.BasicAuth(); ok {
		return visitor(password)
	}
	return visitor(r.PostFormValue("password"))
}

// issue makes a token for the repositories of a request's scopes. It opens what
// its bearer may pull.
func (s *stock) issue(w http.ResponseWriter, r *http.Request) {
	s.issueTo(w, shown(r))
}

func (s *stock) issueTo(w http.ResponseWriter, v visitor) {
	token := base64.RawURLEncoding.EncodeToString([]byte(v))
	if s.revoked {
		token += ".new"
	}
	say(w, http.StatusOK, fmt.Sprintf(`{"token":%q,"access_token":%q,"expires_in":3600}`, "t."+token, "t."+token))
}

// bearer returns whose token a request carries, and whether it carries one.
func (s *stock) bearer(r *http.Request) (v visitor, carries bool) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer t.")
	token, fresh := strings.CutSuffix(token, ".new")
	if !ok || s.revoked != fresh {
		return nobody, false
	}
	name, err := base64.RawURLEncoding.DecodeString(token)
	return visitor(name), err == nil
}

// say answers in JSON.
func say(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// sayError answers with one error in the form of the distribution
// specification.
func sayError(w http.ResponseWriter, status int, code, message string) {
	body, err := json.Marshal(map[string]any{"errors": []map[string]string{{"code": code, "message": message}}})
	if err != nil {
		panic(err) // it is of our making
	}
	say(w, status, string(body))
}

// sayPage answers with a web page.
func sayPage(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<html><head><title>%d %s</title></head></html>", status, http.StatusText(status))
}

// challenge asks for a token as most do.
func challenge(w http.ResponseWriter, r *http.Request, realm, service string, more ...string) {
	repository, _, _ := route(r)
	parts := slices.Concat([]string{
		fmt.Sprintf("realm=%q", realm), fmt.Sprintf("service=%q", service), fmt.Sprintf("scope=%q", "repository:"+repository+":pull"),
	}, more)
	w.Header().Set("WWW-Authenticate", "Bearer "+strings.Join(parts, ","))
}
