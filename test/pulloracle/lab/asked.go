package lab

import (
	"net/http"

	"github.com/pullgate/pullgate/test/pulloracle/scenario"
)

// Asked counts what the servers were asked in a scenario.
type Asked struct {
	// Heads and Gets are for manifests.
	Heads, Gets  int
	Blobs, Token int
	// Tags are lists of tags.
	Tags int
}

// Asked returns what was asked in a scenario since the last call.
func (l *Lab) Asked(name string) Asked {
	st := l.byName[name]
	st.mu.Lock()
	defer st.mu.Unlock()
	asked := st.asked
	st.asked = Asked{}
	return asked
}

// note counts a request.
func (st *stage) note(r *request) {
	st.mu.Lock()
	defer st.mu.Unlock()
	switch {
	case r.kind == scenario.Manifests && r.Method == http.MethodHead:
		st.asked.Heads++
	case r.kind == scenario.Manifests:
		st.asked.Gets++
	case r.kind == scenario.Token:
		st.asked.Token++
	case r.kind == tags:
		st.asked.Tags++
	default:
		st.asked.Blobs++
	}
}
