package workload

import (
	"bytes"

	json2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Embedded is an object that stands in another JSON text, such as a review. Who
// reads that text strictly reads the object along with it, so that nobody goes
// through it twice.
type Embedded struct {
	// Raw is the object's text, a part of the one that it stands in; empty where
	// that says null.
	Raw []byte

	along      *builtIn // the object as it was read along; nil: it was not
	begin, end int64
}

// UnmarshalJSONFrom reads the object along. Raw is set by Locate.
func (e *Embedded) UnmarshalJSONFrom(from *jsontext.Decoder) error {
	if from.PeekKind() == 'n' {
		*e = Embedded{}
		return from.SkipValue()
	}
	begin, along := from.InputOffset(), new(builtIn)
	if err := json2.UnmarshalDecode(from, along); err != nil {
		return err //nolint:wrapcheck // the caller is the decoder itself
	}
	*e = Embedded{along: along, begin: begin, end: from.InputOffset()}
	return nil
}

// UnmarshalJSON keeps the text as it is.
func (e *Embedded) UnmarshalJSON(text []byte) error {
	if *e = (Embedded{Raw: text}); string(text) == "null" {
		e.Raw = nil
	}
	return nil
}

// Locate finds what was read along in the whole text.
func (e *Embedded) Locate(whole []byte) {
	if e.along != nil {
		e.Raw = bytes.TrimLeft(whole[e.begin:e.end], ": \t\r\n")
	}
}

// ReadEmbedded is Read for an object that may have been read along.
func (k *Kinds) ReadEmbedded(e Embedded, op Operation) (Workload, error) {
	if e.along != nil && e.along.shape() != unknownShape {
		return e.along.read(op), nil
	}
	return k.Read(e.Raw, op)
}

// TooLarge tells whether a JSON text may have more values than any object of a
// cluster: then it is not to be read along with what it stands in.
func TooLarge(text []byte) bool { return bytes.Count(text, []byte{','}) > maxValues }
