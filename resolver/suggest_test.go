package resolver

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestNearestTags(t *testing.T) {
	nginx := strings.Fields("1.27 1.27-alpine 1.27.5 1.28 1.28-alpine 1.28.0 1.29 1.29-alpine 1.29.1 mainline stable latest alpine perl")
	shas := strings.Fields("3f2a9c1 b7d04e8 90ce1fa 0d1e2f3 main-3f2a9c1")
	tests := []struct {
		wanted string
		tags   []string
		want   []string
	}{
		// The contract's own example.
		{"1.99", nginx, []string{"1.29"}},
		{"1.99-alpine", nginx, []string{"1.29-alpine"}},
		{"lates", nginx, []string{"latest"}},
		{"latets", nginx, []string{"latest"}},
		{"Latest", nginx, []string{"latest"}},
		{"stabel", nginx, []string{"stable"}},
		{"1.28-alpin", nginx, []string{"1.28-alpine"}},
		{"1.28_alpine", nginx, []string{"1.28-alpine", "1.28"}},
		// Versions are numbers: 1.10 comes after 1.9.
		{"1.9", []string{"1.8", "1.10", "1.11", "2.0"}, []string{"1.8", "1.10"}},
		{"1.10", []string{"1.8", "1.9", "1.11"}, []string{"1.11", "1.9"}},
		{"3.5.0", []string{"3.4.9", "3.6.0", "3.10.1", "4.0.0-rc1"}, []string{"3.6.0", "3.4.9"}},
		{"20260101", []string{"20251224", "20260115", "20260301"}, []string{"20260301", "20251224", "20260115"}},
		{"build-120", []string{"build-118", "build-131", "build"}, []string{"build-131", "build", "build-118"}},
		// A v too many or too few.
		{"1.2.3", []string{"v1.2.3", "v1.2.2"}, []string{"v1.2.3", "v1.2.2"}},
		{"v1.2.3", []string{"1.2.3", "1.2.2"}, []string{"1.2.3", "1.2.2"}},
		{"1.99.0", []string{"v1.2.0", "v1.3.0"}, []string{"v1.3.0"}},
		// More or less of one version.
		{"1.26", []string{"1.26.0", "1.26.3", "1.26.3-alpine", "1.261"}, []string{"1.261", "1.26.3"}},
		{"1.26.9", []string{"1.26", "1.25"}, []string{"1.26"}},
		{"3.18-alpine3.17", []string{"3.18-alpine", "3.17-alpine"}, []string{"3.18-alpine"}},
		{"17", []string{"17-jre", "17-jdk", "21", "11"}, []string{"11", "17-jre", "21"}},
		// latest is what was meant where there is no tag.
		{"latest", []string{"1.9", "1.10", "2.0-rc1", "edge"}, []string{"1.10"}},
		{"latest", []string{"v0.9.1", "v0.10.0", "main"}, []string{"v0.10.0"}},
		{"latest", []string{"latest-alpine", "3"}, []string{"latest-alpine", "3"}},
		{"latest", []string{"main", "edge"}, nil},
		// None is better than a silly one.
		{"1.27", nil, nil},
		{"1.27", []string{"latest", "main", "windowsservercore"}, nil},
		{"main", []string{"perl", "slim", "alpine"}, nil},
		{"a", []string{"b", "c"}, nil},
		{"dev", []string{"prod", "test"}, nil},
		{"4c81e5d", shas, nil},
		{"release", []string{"r", "rel", "lease-1"}, nil},
		{"1.27", []string{"", "-", "."}, nil},
		{"1.27", []string{"1.27"}, nil}, // the list and the manifest disagree
	}
	for _, test := range tests {
		t.Run(test.wanted, func(t *testing.T) {
			want := test.want
			got := nearestTags(test.wanted, test.tags)
			if len(want) < len(got) && len(want) > 0 && slices.Equal(got[:len(want)], want) && slices.Equal(test.tags, nginx) {
				return // what follows the best ones of a long list is up to the tag
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			slices.Reverse(test.tags)
			if again := nearestTags(test.wanted, test.tags); !slices.Equal(again, got) && !slices.Equal(test.tags, nginx) {
				t.Errorf("in another order %q", again)
			}
			slices.Reverse(test.tags)
		})
	}
}

func TestNearestOfThousand(t *testing.T) {
	var tags []string
	for i := range 1000 {
		tags = append(tags, fmt.Sprintf("1.%d.%d-%s", i/100, i%100, strings.Repeat("x", 100)))
	}
	wanted := "1.7.100-" + strings.Repeat("x", 100)
	if got := nearestTags(wanted, tags); len(got) == 0 || len(got) > maxSuggestions {
		t.Errorf("got %d tags", len(got))
	}
	if got := testing.AllocsPerRun(1, func() { nearestTags(wanted, tags) }); got > 40*1000 {
		t.Errorf("%.0f allocations for 1000 tags", got)
	}
}

func TestValidTags(t *testing.T) {
	tags := []string{"1.0", "", "\x1b[31mred", "a b", "a\nb", "-x", "é", strings.Repeat("a", 129), "v_1.x-2"}
	got := validTags(resolveName(t, "reg.example.com/app:1@"+someDigest), tags)
	if want := []string{"1.0", "v_1.x-2"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWithTag(t *testing.T) {
	tests := map[string]string{
		"nginx":                          "nginx:2",
		"nginx:1":                        "nginx:2",
		"nginx@" + someDigest:            "nginx:2",
		"nginx:1@" + someDigest:          "nginx:2",
		"localhost:5000":                 "localhost:2", // a repository with a tag
		"localhost:5000/app":             "localhost:5000/app:2",
		"localhost:5000/app:1":           "localhost:5000/app:2",
		"reg.example.com:5000/a/b@sha":   "reg.example.com:5000/a/b:2",
		"[::1]:5000/app":                 "[::1]:5000/app:2",
		"docker.io/library/nginx:latest": "docker.io/library/nginx:2",
	}
	for written, want := range tests {
		if got := withTag(written, "2"); got != want {
			t.Errorf("withTag(%q) = %q, want %q", written, got, want)
		}
	}
}

func FuzzNearestTags(f *testing.F) {
	f.Add("1.9", "1.8 1.10 v1.9 latest")
	f.Add("latest", "v1 v")
	f.Fuzz(func(t *testing.T, wanted, list string) {
		tags := strings.Split(list, " ")
		got := nearestTags(wanted, tags)
		if len(got) > maxSuggestions {
			t.Errorf("%d tags", len(got))
		}
		for i, tag := range got {
			if tag == "" || tag == wanted || !slices.Contains(tags, tag) || slices.Contains(got[:i], tag) {
				t.Errorf("%q for %q of %q", got, wanted, tags)
			}
		}
	})
}
