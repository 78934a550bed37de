//go:build tools

// Package release pins the programs with which a release is made and checked.
package release

import (
	_ "github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod"
	_ "sigs.k8s.io/krew/cmd/validate-krew-manifest"
)
