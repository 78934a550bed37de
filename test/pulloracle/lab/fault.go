package lab

import (
	"cmp"
	"compress/gzip"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pullgate/pullgate/test/pulloracle/scenario"
)

// fault returns the first that bears on a request and is due.
func (st *stage) fault(r *request) *scenario.Fault {
	select {
	case <-st.mended:
		return nil
	default:
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	for i := range st.Faults {
		fault := &st.Faults[i]
		if !st.bearsOn(fault, r) {
			continue
		}
		st.seen[i]++
		if n := st.seen[i]; n > fault.After && (fault.Times == 0 || n <= fault.After+fault.Times) {
			return fault
		}
	}
	return nil
}

func (st *stage) bearsOn(fault *scenario.Fault, r *request) bool {
	switch {
	case fault.Host != "" && fault.Host != r.role,
		fault.Method != "" && fault.Method != r.Method,
		fault.Authorized && r.Header.Get("Authorization") == "",
		fault.Unless != "" && has(r.Request, fault.Unless):
		return false
	default:
		return st.concerns(fault, r)
	}
}

// concerns tells whether a request asks for what a fault is about.
func (st *stage) concerns(fault *scenario.Fault, r *request) bool {
	kind, object, named := strings.Cut(fault.Object, "/")
	switch {
	case kind == "":
		return r.kind != scenario.Token
	case kind != r.kind:
		return false
	default:
		return !named || st.fill(object) == r.object
	}
}

// has tells whether a request has "NAME: VALUE" in its header or "NAME=VALUE"
// in its query.
func has(r *http.Request, what string) bool {
	if name, value, ok := strings.Cut(what, ": "); ok {
		return r.Header.Get(name) == value
	}
	name, value, _ := strings.Cut(what, "=")
	return r.URL.Query().Get(name) == value
}

// misanswer answers as the fault says.
func (st *stage) misanswer(w http.ResponseWriter, r *request, fault *scenario.Fault) {
	switch {
	case fault.Hang:
		select {
		case <-r.Context().Done():
		case <-st.lab.stopped:
		case <-st.mended:
			panic(http.ErrAbortHandler) // what hung is not answered any more
		}
		return
	case fault.Late > 0:
		select {
		case <-time.After(fault.Late):
		case <-r.Context().Done():
		}
		st.sound(w, r)
	case fault.Cut:
		st.sound(&cutting{ResponseWriter: w}, r)
	case fault.Gzip:
		st.sound(&coding{ResponseWriter: w}, r)
	case fault.Spoil:
		st.sound(&spoiling{ResponseWriter: w}, r)
	case fault.Status == 0 && fault.Redirect == "":
		st.sound(&editing{ResponseWriter: w, header: st.filled(fault.Header), as: fault.As, head: r.Method == http.MethodHead}, r)
	default:
		st.refuse(w, r, fault)
	}
}

// refuse answers without the registry.
func (st *stage) refuse(w http.ResponseWriter, r *request, fault *scenario.Fault) {
	status := fault.Status
	if fault.Redirect != "" {
		target := strings.ReplaceAll(st.fill(fault.Redirect), "{object}", r.object)
		if r.kind == scenario.Token {
			target += "?" + r.URL.RawQuery
		}
		w.Header().Set("Location", target)
		if status == 0 {
			status = http.StatusTemporaryRedirect
		}
	}
	for name, value := range st.filled(fault.Header) {
		w.Header().Set(name, value)
	}
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(st.fill(fault.Body)))
	}
}

func (st *stage) filled(header map[string]string) map[string]string {
	result := map[string]string{}
	for name, value := range header {
		result[name] = st.fill(value)
	}
	return result
}

// editing changes the header of an answer, and its status.
type editing struct {
	http.ResponseWriter
	header map[string]string
	as     int
	head   bool
}

// WriteHeader changes the header before it goes out.
func (e *editing) WriteHeader(status int) {
	for name, value := range e.header {
		if value == "-" {
			e.Header()[http.CanonicalHeaderKey(name)] = nil
			continue
		}
		e.Header().Set(name, value)
	}
	if e.header["Content-Length"] == "-" {
		e.Header().Del("Content-Length")
	}
	e.ResponseWriter.WriteHeader(cmp.Or(e.as, status))
	if e.header["Content-Length"] == "-" {
		_ = http.NewResponseController(e.ResponseWriter).Flush() // or the server counts itself
	}
}

// cutting ends the connection in the middle of the body.
type cutting struct{ http.ResponseWriter }

// Write sends half and hangs up.
func (c *cutting) Write(body []byte) (int, error) {
	_, _ = c.ResponseWriter.Write(body[:len(body)/2])
	_ = http.NewResponseController(c.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}

// spoiling changes a byte of the body, and leaves its length.
type spoiling struct{ http.ResponseWriter }

// Write spoils the byte in the middle.
func (s *spoiling) Write(body []byte) (int, error) {
	spoilt := slices.Clone(body)
	spoilt[len(spoilt)/2] ^= 1
	return s.ResponseWriter.Write(spoilt)
}

// coding compresses the body, and says so.
type coding struct{ http.ResponseWriter }

// WriteHeader tells the coding instead of a length.
func (c *coding) WriteHeader(status int) {
	c.Header().Set("Content-Encoding", "gzip")
	c.Header().Del("Content-Length")
	c.ResponseWriter.WriteHeader(status)
}

// Write sends the compressed body.
func (c *coding) Write(body []byte) (int, error) {
	w := gzip.NewWriter(c.ResponseWriter)
	_, err := w.Write(body)
	return len(body), errors.Join(err, w.Close())
}
