package manifest

import (
	"bytes"
	"encoding/json"
	"io"
)

// outline is what one pass over a value of JSON tells. It keeps no copy of what
// may be a whole cluster: spans are parts of the text.
type outline struct {
	span
	// object: it is one, with these two.
	object           bool
	apiVersion, kind string
	// items are those of a List; list: it is one. With noItems they are
	// something else than a list.
	items         []span
	list, noItems bool
}

// span is a part of a text.
type span struct{ start, end int }

// outliner reads the values in a text one after the other.
type outliner struct {
	text    []byte
	decoder *json.Decoder
}

func newOutliner(text []byte) *outliner {
	return &outliner{text: text, decoder: json.NewDecoder(bytes.NewReader(text))}
}

// next returns the next value; io.EOF after the last.
func (o *outliner) next() (value outline, err error) {
	value.start = o.skipped()
	if value.start == len(o.text) {
		return value, io.EOF
	}
	if o.text[value.start] != '{' {
		err = o.decoder.Decode(&skip{})
		value.end = o.offset()
		return value, err
	}
	value.object = true
	err = o.object(&value)
	value.end = o.offset()
	return value, err
}

// object reads the fields that matter of an object.
func (o *outliner) object(value *outline) error {
	if _, err := o.decoder.Token(); err != nil {
		return err
	}
	for o.decoder.More() {
		name, err := o.decoder.Token()
		if err != nil {
			return err
		}
		switch name {
		case "apiVersion":
			err = o.word(&value.apiVersion)
		case "kind":
			err = o.word(&value.kind)
		case "items":
			err = o.list(value)
		default:
			err = o.decoder.Decode(&skip{})
		}
		if err != nil {
			return err
		}
	}
	_, err := o.decoder.Token() // the closing brace
	return err
}

// word reads a text; something else is none.
func (o *outliner) word(into *string) error {
	var raw json.RawMessage
	if err := o.decoder.Decode(&raw); err != nil {
		return err
	}
	if json.Unmarshal(raw, into) != nil {
		*into = ""
	}
	return nil
}

// list reads the items of a List. Null is none.
func (o *outliner) list(value *outline) error {
	value.items, value.list, value.noItems = nil, true, false
	if rest := o.text[o.skipped():]; len(rest) == 0 || rest[0] != '[' {
		value.noItems = !bytes.HasPrefix(rest, []byte("null"))
		return o.decoder.Decode(&skip{})
	}
	if _, err := o.decoder.Token(); err != nil {
		return err
	}
	for o.decoder.More() {
		item := span{start: o.skipped()}
		if err := o.decoder.Decode(&skip{}); err != nil {
			return err
		}
		item.end = o.offset()
		value.items = append(value.items, item)
	}
	_, err := o.decoder.Token() // the closing bracket
	return err
}

func (o *outliner) offset() int { return int(o.decoder.InputOffset()) }

// skipped is where the next value begins, behind blanks, a colon or a comma.
func (o *outliner) skipped() int {
	rest := o.text[o.offset():]
	return len(o.text) - len(bytes.TrimLeft(rest, " \t\r\n,:"))
}

// skip is a value that does not matter.
type skip struct{}

// UnmarshalJSON does nothing.
func (*skip) UnmarshalJSON([]byte) error { return nil }

// from returns the outline with offsets that count from another place.
func (v outline) from(start int) outline {
	v.start, v.end = v.start-start, v.end-start
	for i := range v.items {
		v.items[i].start -= start
		v.items[i].end -= start
	}
	return v
}
