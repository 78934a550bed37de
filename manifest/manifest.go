package manifest

import (
	"fmt"
)

// Object is one object of a manifest.
type Object struct {
	// Raw is the object as JSON.
	Raw []byte
	// Start is where it begins.
	Start Position
	// Loose says that its file stands beside a kustomization that does not use
	// it: it may be a patch.
	Loose bool

	place place
}

// Find returns where a field such as "spec.containers[0].image" stands, of
// which value is the content. For a field that is not there it is the nearest
// one around it.
func (o *Object) Find(field, value string) Position {
	if o.place.text == nil {
		return o.Start
	}
	return o.place.find(field, value)
}

// Problem is an input, or a part of one, that could not be read.
type Problem struct {
	Position
	Err error
	// Hint is what to do about it; may be empty.
	Hint string
	// Misnamed says that what the user named is not there: it is the command
	// line that is wrong.
	Misnamed bool
}

// Error names the place.
func (p *Problem) Error() string {
	if p.File == "" {
		return p.Err.Error()
	}
	return fmt.Sprintf("%s: %v", p.Position, p.Err)
}

// Unwrap returns the error without its place.
func (p *Problem) Unwrap() error { return p.Err }

// Stream is what was read.
type Stream struct {
	// Objects are in the order in which they were met.
	Objects []Object
	// Incomplete are documents with a kind and without an apiVersion, which are
	// no objects and may have been meant to be.
	Incomplete []Object
	// Foreign counts the documents that are no Kubernetes objects.
	Foreign int
	// Problems are what could not be read.
	Problems []*Problem
	// PassedOver says, in a line each, what was left alone on purpose.
	PassedOver []string

	trees *trees
}

// join adds what another stream has.
func (s *Stream) join(other Stream) {
	s.Objects = append(s.Objects, other.Objects...)
	s.Incomplete = append(s.Incomplete, other.Incomplete...)
	s.Foreign += other.Foreign
	s.Problems = append(s.Problems, other.Problems...)
	s.PassedOver = append(s.PassedOver, other.PassedOver...)
}

func (s *Stream) fail(at Position, err error, hint string) {
	s.Problems = append(s.Problems, &Problem{Position: at, Err: err, Hint: hint})
}

// misnamed takes down that there is nothing of a name.
func (s *Stream) misnamed(name string, err error, hint string) {
	s.Problems = append(s.Problems, &Problem{Position: Position{File: name}, Err: err, Hint: hint, Misnamed: true})
}
