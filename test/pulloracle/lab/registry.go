package lab

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/pullgate/pullgate/test/pulloracle/scenario"
)

// tags is the kind of a request for the list of tags.
const tags = "tags"

// request is an HTTP request as the lab understands it.
type request struct {
	*http.Request
	role   string
	kind   string // one of the objects of scenario.Fault
	object string // tag or digest
}

// handler answers for a server; for one that is a scenario's alone it answers
// what names no repository, too.
func (l *Lab) handler(role string, alone *stage) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		repository, kind, object := parsePath(r.URL.Path)
		st := l.stages[repository]
		if st == nil {
			st = alone
		}
		if st == nil && r.URL.Path == "/v2/" {
			w.WriteHeader(http.StatusOK) // what CRI-O asks first
			return
		}
		if st == nil {
			notFound(w, "NAME_UNKNOWN", "repository name not known to registry")
			return
		}
		st.answer(w, &request{Request: r, role: role, kind: kind, object: object})
	})
}

// parsePath takes the path of a registry, a mirror beneath a path of its own,
// the token server or the place where blobs were moved apart.
func parsePath(path string) (repository, kind, object string) {
	if repository, ok := strings.CutSuffix(strings.TrimPrefix(path, "/"), "/token"); ok {
		return repository, scenario.Token, ""
	}
	if rest, ok := strings.CutPrefix(path, "/cdn/"); ok {
		cut := strings.LastIndex(rest, "/")
		return rest[:max(cut, 0)], scenario.Moved, rest[cut+1:]
	}
	path = strings.TrimPrefix(path, "/under/a/path")
	path = strings.TrimPrefix(strings.TrimPrefix(path, "/v2"), "/")
	for _, kind := range []string{scenario.Manifests, scenario.Blobs, tags} {
		if repository, object, ok := strings.Cut(path, "/"+kind+"/"); ok {
			return repository, kind, object
		}
	}
	return strings.TrimSuffix(path, "/"), scenario.Ping, ""
}

// answer lets faults speak first, then the doorkeeper, then the registry.
func (st *stage) answer(w http.ResponseWriter, r *request) {
	st.note(r)
	if fault := st.fault(r); fault != nil {
		st.misanswer(w, r, fault)
		return
	}
	st.sound(w, r)
}

// sound answers as a registry should.
func (st *stage) sound(w http.ResponseWriter, r *request) {
	switch {
	case r.kind == scenario.Token:
		st.token(w, r)
	case r.kind == scenario.Moved:
		st.serve(w, r)
	case !st.admit(w, r):
	case r.kind == scenario.Ping:
		w.WriteHeader(http.StatusOK)
	case r.kind == tags:
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"name": %q, "tags": ["1"]}`, st.Repository)
	default:
		st.serve(w, r)
	}
}

// serve answers with content. A client that has gone is no fault.
func (st *stage) serve(w http.ResponseWriter, r *request) {
	blob, digest, ok := st.holds().Find(r.object)
	ok = ok && !st.lost.Load()
	switch {
	case r.kind == scenario.Manifests && (!ok || blob.Inner):
		notFound(w, "MANIFEST_UNKNOWN", "manifest unknown")
		return
	case !ok, r.kind == scenario.Blobs && !blob.Inner:
		notFound(w, "BLOB_UNKNOWN", "blob unknown to registry")
		return
	}
	mediaType := blob.MediaType
	if r.kind != scenario.Manifests {
		mediaType = "application/octet-stream"
	}
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Docker-Content-Digest", digest.String())
	w.Header().Set("Content-Length", strconv.Itoa(len(blob.Data)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(blob.Data)
	}
}

func notFound(w http.ResponseWriter, code, message string) {
	say(w, http.StatusNotFound, code, message)
}

// say answers with a registry's error.
func say(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"errors":[{"code":%q,"message":%q}]}`, code, message)
}
