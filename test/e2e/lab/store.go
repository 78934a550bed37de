package lab

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/opencontainers/go-digest"
)

// document is a manifest or a blob.
type document struct {
	mediaType string
	body      []byte
}

func (d document) digest() string { return digest.FromBytes(d.body).String() }

// store is the plainest registry: it serves what was put into it, right or
// wrong. Its keys are the paths below /v2/.
type store map[string]document

// put makes a manifest known by its tag and by its digest.
func (s store) put(repository, tag string, manifest document) {
	s[repository+"/manifests/"+tag] = manifest
	s[repository+"/manifests/"+manifest.digest()] = manifest
	list, _ := json.Marshal(map[string]any{"name": repository, "tags": []string{tag}}) // strings always encode
	s[repository+"/tags/list"] = document{mediaType: "application/json", body: list}
}

// putImage makes an image known, with its config and layers.
func (s store) putImage(repository, tag string, image v1.Image) error {
	manifest, err := manifestOf(image)
	if err != nil {
		return err
	}
	s.put(repository, tag, manifest)
	parsed, err := image.Manifest()
	if err != nil {
		return err
	}
	config, err := image.RawConfigFile()
	if err != nil {
		return err
	}
	s[repository+"/blobs/"+parsed.Config.Digest.String()] = document{mediaType: "application/octet-stream", body: config}
	return nil
}

// putIndex makes an index known, without its children.
func (s store) putIndex(repository, tag string, index v1.ImageIndex) error {
	manifest, err := manifestOf(index)
	if err == nil {
		s.put(repository, tag, manifest)
	}
	return err
}

// manifestOf returns what an image or an index is served as.
func manifestOf(described interface {
	RawManifest() ([]byte, error)
},
) (document, error) {
	body, err := described.RawManifest()
	if err != nil {
		return document{}, err
	}
	var head struct {
		MediaType string `json:"mediaType"`
	}
	if err := json.Unmarshal(body, &head); err != nil {
		return document{}, fmt.Errorf("read a manifest back: %w", err)
	}
	return document{mediaType: head.MediaType, body: body}, nil
}

// ServeHTTP answers as the specification of distribution has it.
func (s store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/v2/")
	if path == "" {
		return
	}
	found, ok := s[path]
	if !ok {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}`))
		return
	}
	w.Header().Set("Content-Type", found.mediaType)
	w.Header().Set("Docker-Content-Digest", found.digest())
	w.Header().Set("Content-Length", strconv.Itoa(len(found.body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(found.body) // the client may have gone
	}
}
