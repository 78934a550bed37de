package pull

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

func jwt(claims string) string {
	return "eyJhbGciOiJSUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2lnbmF0dXJl"
}

func ecr(document string) string { return base64.StdEncoding.EncodeToString([]byte(document)) }

func TestExpires(t *testing.T) {
	want := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	const end = "1772366400"
	for name, test := range map[string]struct {
		user, password string
		told           bool
	}{
		"ECR":                    {"AWS", ecr(`{"payload":"s3al3d","datakey":"k","version":"2","type":"DATA_KEY","expiration":` + end + `}`), true},
		"a token":                {"00000000-0000-0000-0000-000000000000", jwt(`{"iss":"r","exp":` + end + `}`), true},
		"with a fraction":        {"bob", jwt(`{"exp":` + end + `.5}`), true},
		"without a user name":    {"", jwt(`{"exp":` + end + `}`), false},
		"a token without an end": {"bob", jwt(`{"iss":"r"}`), false},
		"an end that is text":    {"bob", jwt(`{"exp":"soon"}`), false},
		"an end before all time": {"bob", jwt(`{"exp":-7}`), false},
		"an end after all time":  {"bob", jwt(`{"exp":1e30}`), false},
		"no claims":              {"bob", "a.b.c", false},
		"a password":             {"bob", "hunter2", false},
		"one that looks like it": {"bob", "aHVudGVyMg==", false},
		"a large one":            {"bob", ecr(`{"expiration":` + end + `,"x":"` + strings.Repeat("x", maxReadable) + `"}`), false},
		"none":                   {"bob", "", false},
	} {
		got := NewCredential(Source{}, test.user, test.password).Expires()
		if test.told != got.Equal(want) || test.told == got.IsZero() {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func FuzzExpires(f *testing.F) {
	f.Add(jwt(`{"exp":1}`))
	f.Add(ecr(`{"expiration":1e300}`))
	f.Fuzz(func(t *testing.T, password string) {
		end := NewCredential(Source{}, "bob", password).Expires()
		if !end.IsZero() && (end.Unix() <= 0 || end.Year() > lastYear) {
			t.Errorf("%s", end)
		}
	})
}
