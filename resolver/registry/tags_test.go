package registry

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/containerd"
)

// tagList is one line of the table: what a registry answers, and what Tags says.
type tagList struct {
	name       string
	setup      func(r *rig)
	credential pull.Credential
	want       []string
	err        string
	requests   string
}

// TestTags lists tags, for suggestions.
func TestTags(t *testing.T) {
	for _, tt := range append(commonLists(), oddLists()...) {
		t.Run(tt.name, tt.run)
	}
}

func (tt tagList) run(t *testing.T) {
	r := newRig(t)
	r.single("manifest", "1", "linux/amd64")
	r.single("manifest", "2", "linux/amd64")
	tt.setup(r)
	r.asked()
	tags, err := client(t, "").Tags(t.Context(), r.image("app:3"), tt.credential)
	if !slices.Equal(tags, tt.want) {
		t.Errorf("tags %q, want %q", tags, tt.want)
	}
	if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
		t.Errorf("error %v, want %q", err, tt.err)
	}
	if unknown := errors.Is(err, ErrRepositoryUnknown); unknown != (tt.err == ErrRepositoryUnknown.Error()) {
		t.Errorf("ErrRepositoryUnknown: %t", unknown)
	}
	if asked := strings.Join(r.asked(), ", "); asked != tt.requests {
		t.Errorf("requests %q, want %q", asked, tt.requests)
	}
}

func commonLists() []tagList {
	return []tagList{
		{name: "page", setup: func(*rig) {}, want: []string{"1", "2"}, requests: "GET tags"},
		{name: "with a token", setup: func(r *rig) { r.bearer(bearer{}) }, credential: right(),
			want: []string{"1", "2"}, requests: "GET tags, POST token, GET tags bearer"},
		{name: "refused", setup: func(r *rig) { r.bearer(bearer{}) },
			err: "insufficient_scope", requests: "GET tags, GET token, GET tags bearer"},
		{name: "refused for good", setup: func(r *rig) { r.bearer(bearer{noError: true}) },
			err: "the registry answered 401", requests: "GET tags, GET token, GET tags bearer"},
		{name: "refused with a wrong password", setup: func(r *rig) { r.bearer(bearer{}) }, credential: wrong(),
			err: "401 Unauthorized", requests: "GET tags, POST token, GET token basic"},
		{name: "refused without a challenge", setup: func(r *rig) { r.on("GET tags", status(http.StatusUnauthorized)) },
			err: "the registry answered 401", requests: "GET tags"},
	}
}

func oddLists() []tagList {
	var many []string
	for i := range 3 * maxTags {
		many = append(many, fmt.Sprintf("1.0.%d", i))
	}
	lists := func(tags ...string) http.HandlerFunc {
		return says(http.StatusOK, "application/json", string(encode(map[string]any{"name": "app", "tags": tags})))
	}
	return []tagList{
		{name: "repository unknown", setup: func(r *rig) {
			r.on("GET tags", func(w http.ResponseWriter, _ *http.Request) {
				refuse(w, http.StatusNotFound, "NAME_UNKNOWN", "unknown")
			})
		},
			err: ErrRepositoryUnknown.Error(), requests: "GET tags"},
		{name: "repository unknown to whom is refused", setup: func(r *rig) {
			r.on("GET tags", func(w http.ResponseWriter, _ *http.Request) {
				refuse(w, http.StatusForbidden, "NAME_UNKNOWN", "unknown")
			})
		},
			err: "the registry answered 403", requests: "GET tags"},
		{name: "404", setup: func(r *rig) { r.on("GET tags", http.NotFound) }, err: "the registry answered 404", requests: "GET tags"},
		{name: "429", setup: func(r *rig) { r.on("GET tags", status(http.StatusTooManyRequests)) }, err: "the registry answered 429", requests: "GET tags"},
		{name: "rubbish", setup: func(r *rig) { r.on("GET tags", says(http.StatusOK, "text/html", page)) },
			err: "read the list: invalid character '<'", requests: "GET tags"},
		{name: "no tags", setup: func(r *rig) { r.on("GET tags", says(http.StatusOK, "application/json", `{"tags": null}`)) }, requests: "GET tags"},
		{name: "what is no tag", setup: func(r *rig) {
			r.on("GET tags", lists("1", "-", "a b", "\x1b[31m", strings.Repeat("x", 200), "", "1\u202e"))
		},
			want: []string{"1"}, requests: "GET tags"},
		{name: "more than was asked for", setup: func(r *rig) { r.on("GET tags", lists(many...)) }, want: many[:maxTags], requests: "GET tags"},
		{name: "huge", setup: func(r *rig) { r.on("GET tags", lists(strings.Repeat("x", containerd.MaxBody))) }, err: "the list has more than 4 MiB", requests: "GET tags"},
		{name: "broken", setup: func(r *rig) {
			r.on("GET tags", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		},
			err: "EOF", requests: "GET tags"},
	}
}

// TestTagsPage makes sure that a page is asked for.
func TestTagsPage(t *testing.T) {
	r := newRig(t)
	var query string
	r.on("GET tags", func(w http.ResponseWriter, req *http.Request) {
		query = req.URL.RawQuery
		w.Header().Set("Link", `</v2/app/tags/list?n=1000&last=z>; rel="next"`)
		says(http.StatusOK, "application/json", `{"tags": ["a", "z"]}`)(w, req)
	})
	tags, err := client(t, "").Tags(t.Context(), r.image("app:3"), pull.Credential{})
	if err != nil || !slices.Equal(tags, []string{"a", "z"}) || query != "n=1000" {
		t.Errorf("tags %q, error %v, query %q", tags, err, query)
	}
}

// TestTagsKeepNoFailure makes sure that a token server that failed for a list
// fails nothing after it.
func TestTagsKeepNoFailure(t *testing.T) {
	r := newRig(t)
	r.single("manifest", "1", "linux/amd64")
	r.bearer(bearer{})
	r.once("POST token", status(http.StatusInternalServerError))
	c := client(t, "")
	if _, err := c.Tags(t.Context(), r.image("app:1"), right()); err == nil {
		t.Fatal("no error")
	}
	if _, err := c.Tags(t.Context(), r.image("app:1"), right()); err != nil {
		t.Fatal(err)
	}
	r.asked()
	row{credential: right(), reason: pull.ReasonPullable, requests: "HEAD 1 bearer, GET @manifest bearer"}.check(t, r, c)
}
