package workload

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// frame is an object or list that is open at some place of a JSON text.
type frame struct {
	list  bool
	index int    // of the list's current element
	key   string // of the object's current value
	named bool   // whether key stands and its value is still to come
}

// locate returns the path of the value that is being read when the first
// offset bytes of raw are, raw itself being the value of the field at. It reads
// the text anew, and so serves errors only.
func locate(raw []byte, offset int64, at string) string {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	var open []frame
	for decoder.InputOffset() < offset {
		token, err := decoder.Token()
		if err != nil {
			break
		}
		open = step(open, token)
	}
	for _, f := range open {
		switch {
		case f.list && f.index >= 0:
			at = index(at, f.index)
		case !f.list && f.key != "":
			at = child(at, f.key)
		}
	}
	return at
}

// step takes one token to the open objects and lists.
func step(open []frame, token json.Token) []frame {
	delim, _ := token.(json.Delim)
	if delim == '}' || delim == ']' {
		return open[:len(open)-1]
	}
	if len(open) > 0 {
		top := &open[len(open)-1]
		switch {
		case top.list:
			top.index++
		case top.named:
			top.named = false
		default:
			top.key, top.named = fmt.Sprint(token), true
			return open
		}
	}
	if delim == 0 {
		return open
	}
	return append(open, frame{list: delim == '[', index: -1})
}

// child returns the path of an object's field.
func child(field, name string) string {
	if field == "" {
		return name
	}
	return field + "." + name
}

// index returns the field path of a list's element.
func index(field string, i int) string {
	return field + "[" + strconv.Itoa(i) + "]"
}
