package scenario

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Randoms returns the scenarios of so many seeds, from one on.
func Randoms(from, seeds uint64) []Scenario {
	var all []Scenario
	for seed := from; seed < from+seeds; seed++ {
		all = append(all, Random(seed))
	}
	return all
}

// Random is the scenario of a seed: a sound one, with up to four things about it
// that are drawn by lot. About lists them.
func Random(seed uint64) Scenario {
	d := &draft{Rand: rand.New(rand.NewPCG(seed, 0))} //nolint:gosec // to be drawn again
	d.Name, d.Group = fmt.Sprintf("random-%d", seed), "random"
	d.left = 1 + d.IntN(4)
	d.Holds = d.content(0)
	for ; d.left > 0; d.left-- {
		switch n := d.IntN(9); {
		case n < 4:
			d.fault()
		case n < 7:
			d.access()
		default:
			d.reference()
		}
	}
	d.About = strings.Join(d.notes, "; ")
	return d.Complete()
}

// draft is a scenario that is being drawn.
type draft struct {
	Scenario
	*rand.Rand
	left  int // things to draw
	notes []string
}

// pick draws one of several.
func pick[T any](d *draft, from ...T) T { return from[d.IntN(len(from))] }

// note takes note of what was drawn.
func (d *draft) note(format string, args ...any) {
	d.notes = append(d.notes, strings.TrimSpace(fmt.Sprintf(format, args...)))
}

// once tells by lot, one in so many times, whether to draw a thing here.
func (d *draft) once(in int) bool {
	if d.left == 0 || d.IntN(in) > 0 {
		return false
	}
	d.left--
	return true
}

func (d *draft) fault() {
	f := Fault{
		Object:     pick(d, Manifests, Manifests, Manifests, "manifests/{digest}", "manifests/1", ofChild, ofConfig, ofLayer, Blobs, "", Token),
		Method:     pick(d, "", "", head, get, get),
		Times:      pick(d, 0, 0, 0, 0, 0, 1, 2, 5),
		After:      pick(d, 0, 0, 0, 0, 0, 0, 1, 2),
		Authorized: d.IntN(8) == 0,
	}
	if f.Object == Token {
		f.Method = pick(d, "", get, post)
	}
	switch n := d.IntN(12); {
	case n < 4:
		f = d.refusing(f)
	case n < 8:
		f.Header = d.header(f.Object)
	case n < 9:
		f.As = pick(d, 201, 202, 203, 204, 206, 226)
	case n < 10:
		f.Host, f.Status = Plain, pick(d, 0, 301, 302, 303, 308)
		f.Redirect = pick(d, "http://{cdn}/v2/{repo}/manifests/{object}", "http://{cdn}/v2/{repo}/blobs/{object}", cdnBlob, "http://{closed}/",
			"/v2/{repo}/manifests/{digest}", "/v2/{repo}/blobs/{object}", "?a=b")
	case n < 11:
		f.Gzip = true
	default: // of layers only the beginning is looked at
		f.Cut = f.Object != ofLayer && f.Object != Blobs && f.Object != ""
	}
	d.note("fault %+v", f)
	d.Faults = append(d.Faults, f)
}

// refusing has a fault answer by a status, and a token server by an odd token.
func (d *draft) refusing(f Fault) Fault {
	f.Status = pick(d, 400, 401, 401, 403, 403, 404, 404, 404, 405, 405, 406, 408, 410, 416, 429, 500, 502, 503, 504, 200, 204, 304)
	if f.Object == Token && d.IntN(2) == 0 {
		f.Status, f.Body = 200, d.token()
		return f
	}
	switch d.IntN(6) {
	case 0:
		return f.page()
	case 1:
		return f.saying(pick(d, "MANIFEST_UNKNOWN", "NAME_UNKNOWN", "BLOB_UNKNOWN", "DENIED", "UNAUTHORIZED", "UNKNOWN", "TOOMANYREQUESTS", "UNSUPPORTED", "NOT_FOUND"), "by lot")
	case 2:
		f.Body = pick(d, "no", "{}", "null", "[]", `{"errors":[]}`, `{"errors":null}`, `{"message":"Not Found"}`, `{"errors":[{"code":404}]}`)
	case 3:
		f.Header = map[string]string{challengeHeader: d.challenge()}
	}
	return f
}

func (d *draft) token() string {
	return pick(d, "", "null", "[]", "{}", `{"token":""}`, `{"access_token":""}`, `{"token":7}`, `{"Token":"{name}.true"}`,
		`{"token":"{name}.true"}`, `{"access_token":"{name}.true"}`, `{"token":"{name}.false"}`, `{"token":"","access_token":"{name}.true"}`,
		`{"access_token":"{name}.true","expires_in":"300"}`, `{"token":"{name}.true","expires_in":-1}`, `{"token":"{name}.true","expires_in":1e3}`,
		`{"token":"{name}.true","issued_at":"2001-01-01T00:00:00Z"}`, `{"token":"{name}.true","issued_at":"yesterday"}`, `{"token":"{name}.true","issued_at":""}`,
		"\ufeff"+`{"token":"{name}.true"}`, `{"token":"{name}.true"} and more`)
}

// header draws what an answer says besides its body, or leaves out.
func (d *draft) header(object string) map[string]string {
	name := pick(d, digestHeader, digestHeader, "Content-Type", "Content-Type", "Content-Length", "Content-Encoding", "Content-Range", "Location", "Retry-After", challengeHeader)
	var value string
	switch name {
	case digestHeader:
		value = pick(d, "-", "", "sha256:"+nowhere, "{sha512}", "{sha384}", "{config}", "{child}", "{layer}", " {digest} ", "{digest}, {digest}", `"{digest}"`,
			"nonsense", "SHA256:"+strings.ToUpper(nowhere), "tarsum.v1+sha256:"+nowhere)
	case "Content-Type":
		kind := d.manifestType()
		value = pick(d, "-", ";", kind, kind+";charset=utf-8", kind+`; q="`, " "+kind, kind+", "+kind, strings.ToUpper(kind), jsonType, "text/html", "application/octet-stream")
	case "Content-Length":
		value = "-"
		if strings.HasPrefix(object, Manifests) {
			value = pick(d, "-", "0", "10", "4393216", "99999999")
		}
	case "Content-Encoding":
		value = pick(d, "identity", "gzip", "br")
	default:
		value = map[string]string{"Content-Range": "bytes 0-9/10", "Location": "http://{closed}/", "Retry-After": "1", challengeHeader: basicLab}[name]
	}
	return map[string]string{name: value}
}
