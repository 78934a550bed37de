package audit

import (
	"maps"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/report"
	"github.com/pullgate/pullgate/resolver/pull"
)

// plan says by namespace what enforce would have refused, and how it is turned
// on where that is nothing.
func plan(found []looked, kubectl string) []report.Namespace {
	byName := map[string]*report.Namespace{}
	for _, one := range found {
		n := byName[one.namespace]
		if n == nil {
			n = &report.Namespace{Name: one.namespace, Mode: string(one.mode), Unknown: map[pull.Reason]int{}}
			byName[one.namespace] = n
		}
		for i, result := range one.results {
			n.Images++
			switch {
			case one.refused[i]:
				n.Refused++
			case result.Verdict == pull.Unknown:
				n.Unknown[result.Reason]++
			case result.Verdict == pull.Skipped:
				n.Skipped++
			}
		}
	}
	var all []report.Namespace
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		n := byName[name]
		if n.Refused == 0 && n.Skipped < n.Images && n.Mode != string(policy.Enforce) {
			n.Command = kubectl + " label namespace " + name + " " + policy.ModeLabel + "=" + string(policy.Enforce) + " --overwrite"
		}
		all = append(all, *n)
	}
	return all
}

// inUse adds to what runs what new Pods would get, as REPOSITORY@DIGEST.
func inUse(results []report.Result, running []string) []string {
	all := map[string]bool{}
	for _, image := range running {
		all[image] = true
	}
	for i := range results {
		named, err := reference.ParseNormalizedNamed(results[i].Resolved)
		if err == nil && strings.Contains(results[i].Digest, ":") {
			all[named.Name()+"@"+results[i].Digest] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}
