package scenario

import "github.com/pullgate/pullgate/resolver/pull"

// references are about how an image is named. What cannot be parsed the kubelet
// refuses before containerd sees it, by the same parser.
func references() []Scenario {
	invalid := []pull.Reason{pull.InvalidImageName}
	return []Scenario{
		{Name: "ref-tag", About: "a tag"},
		{Name: "ref-digest", About: "a digest", Image: "{plain}/{repo}@{digest}"},
		{Name: "ref-double-slash", About: "an empty path component", Image: "{plain}//{repo}:1", Want: invalid},
	}
}
