package nodeprofile

import "k8s.io/apimachinery/pkg/util/version"

// before tells whether a version is older than a release; not if it does not parse.
func before(text string, major, minor uint) bool {
	v, err := version.ParseGeneric(text)
	return err == nil && v.LessThan(version.MajorMinor(major, minor))
}
