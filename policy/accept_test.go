package policy

import (
	"testing"
	"time"
)

func TestAccepts(t *testing.T) {
	a := Auditing{Accepted: []Acceptance{
		{Namespaces: []string{"old-*"}, Images: []string{"docker.io/library/nginx:1.1*"}, Until: "2026-03-31"},
		{Namespaces: []string{"attic"}, Until: "2026-01-01"},
		{Until: "never"},
	}}
	march := time.Date(2026, 3, 31, 23, 59, 59, 0, time.UTC)
	for name, test := range map[string]struct {
		namespace, image string
		now              time.Time
		want             bool
	}{
		"on its last day":         {"old-shop", "nginx:1.19", march, true},
		"on the day after":        {"old-shop", "nginx:1.19", march.Add(time.Second), false},
		"by another clock":        {"old-shop", "nginx:1.19", march.Add(time.Second).In(time.FixedZone("", -3600)), false},
		"another image":           {"old-shop", "nginx:1.20", march, false},
		"another namespace":       {"shop", "nginx:1.19", march, false},
		"any image":               {"attic", "a b", march.AddDate(0, -3, 0), true},
		"of what nobody can tell": {"shop", "x", march, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := a.Accepts(test.namespace, test.image, test.now); got != test.want {
				t.Errorf("accepted: %t", got)
			}
		})
	}
}
