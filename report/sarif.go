package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/pullgate/pullgate/resolver/pull"
)

const (
	sarifVersion = "2.1.0"
	sarifSchema  = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	homepage     = "https://github.com/pullgate/pullgate"
	// fingerprintName names how fingerprints are made; another way needs
	// another name.
	fingerprintName = "pullgate/v1"
	// stdinName is what standard input is called where a file has to be.
	stdinName = "stdin"
)

// The parts of SARIF 2.1.0 that are written here.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		Results     []sarifResult     `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string        `json:"id"`
		Name             string        `json:"name"`
		ShortDescription sarifText     `json:"shortDescription"`
		FullDescription  sarifText     `json:"fullDescription"`
		Help             sarifText     `json:"help"`
		Default          sarifDefault  `json:"defaultConfiguration"`
		Properties       sarifRuleTags `json:"properties"`
	}
	sarifRuleTags struct {
		Tags []string `json:"tags"`
	}
	sarifDefault struct {
		Level string `json:"level"`
	}
	sarifText struct {
		Text     string `json:"text"`
		Markdown string `json:"markdown,omitempty"`
	}
	sarifInvocation struct {
		Successful    bool                `json:"executionSuccessful"`
		Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotification struct {
		Level   string    `json:"level"`
		Message sarifText `json:"message"`
	}
	sarifResult struct {
		RuleID       string            `json:"ruleId"`
		RuleIndex    int               `json:"ruleIndex"`
		Level        string            `json:"level"`
		Message      sarifText         `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Fingerprints map[string]string `json:"partialFingerprints"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
	sarifLogical struct {
		FullyQualifiedName string `json:"fullyQualifiedName"`
		Kind               string `json:"kind"`
	}
)

func (r *Report) writeSARIF(w io.Writer, style Style) error {
	run := sarifRun{
		Tool: sarifTool{sarifDriver{
			Name: "pullgate", Version: style.Version, InformationURI: homepage, Rules: sarifRules(),
		}},
		Invocations: []sarifInvocation{r.sarifInvocation()},
		Results:     r.sarifResults(),
	}
	return encodeJSON(w, sarifLog{Schema: sarifSchema, Version: sarifVersion, Runs: []sarifRun{run}})
}

func sarifRules() []sarifRule {
	var all []sarifRule
	for _, rule := range rules(pull.Standard()) {
		all = append(all, sarifRule{
			ID: rule.ID, Name: rule.ID, ShortDescription: sarifText{Text: rule.Short},
			FullDescription: sarifText{Text: rule.Short}, Help: sarifText{Text: rule.Help, Markdown: rule.Help},
			Default: sarifDefault{rule.Level}, Properties: sarifRuleTags{[]string{"kubernetes", "container-image"}},
		})
	}
	return all
}

// sarifInvocation says whether everything was looked at.
func (r *Report) sarifInvocation() sarifInvocation {
	if r.Interrupted == "" {
		return sarifInvocation{Successful: len(r.Problems) == 0}
	}
	return sarifInvocation{Notifications: []sarifNotification{{Level: "error", Message: sarifText{Text: r.Interrupted}}}}
}

// sarifResults lists what is broken or unknown, notes, and problems. Equal ones
// stay apart: each has a place of its own.
func (r *Report) sarifResults() []sarifResult {
	results := []sarifResult{}
	for _, result := range r.worstFirst() {
		at := location(result.Source, result.Image, result.path())
		identity := []string{result.Source.File, result.Object.Kind, result.Object.Namespace, result.Object.Name, result.Field}
		if level := result.level(); level != "" {
			results = append(results, newSARIF(string(result.Reason), level, result.Image+": "+result.Message, result.Hint, at,
				append(slices.Clone(identity), result.Image, string(result.Reason))...))
		}
		for _, note := range result.Notes {
			results = append(results, newSARIF(string(note.Reason), "note", result.Image+": "+note.Message, "", at,
				append(slices.Clone(identity), result.Image, string(note.Reason), secretOf(note))...))
		}
	}
	for _, problem := range r.Problems {
		results = append(results, newSARIF(unreadable, "error", problem.Message, problem.Hint, location(problem.Source, "", ""),
			problem.Source.File, problem.Message))
	}
	return results
}

// path names the field within the object.
func (r *Result) path() string {
	return strings.TrimSpace(r.subject() + " " + r.Field)
}

func newSARIF(id, level, message, hint string, at []sarifLocation, identity ...string) sarifResult {
	if hint != "" {
		message += "\nhint: " + hint
	}
	return sarifResult{
		RuleID: id, RuleIndex: ruleIndex()[id],
		Level: level, Message: sarifText{Text: message}, Locations: at,
		Fingerprints: map[string]string{fingerprintName: fingerprint(identity)},
	}
}

// fingerprint tells findings apart however lines move about in a file.
func fingerprint(identity []string) string {
	sum := sha256.Sum256([]byte(strings.Join(identity, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// location is a place with a file and a line: GitHub refuses others. What
// stands in no file is at the first line of what it was called: an image of the
// command line, or standard input.
func location(at Source, image, path string) []sarifLocation {
	uri := fileURI(stdinName)
	file, line := at.path()
	switch {
	case file != "" && at.File != stdin && strings.Contains(file, "://"):
		uri = webURI(file)
	case file != "":
		uri = fileURI(file)
	case at.File == "":
		uri = fileURI(cmp.Or(image, imagesName))
	}
	where := sarifLocation{Physical: sarifPhysical{Artifact: sarifArtifact{uri}, Region: sarifRegion{max(line, 1)}}}
	if path != "" {
		where.Logical = []sarifLogical{{FullyQualifiedName: path, Kind: "resource"}}
	}
	return []sarifLocation{where}
}

// webURI is a URL without who logs in, which code scanning has no use for.
func webURI(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return fileURI(address)
	}
	u.User = nil
	return u.String()
}

// fileURI writes a path as a URI reference, relative where the path is.
func fileURI(file string) string {
	path := filepath.ToSlash(filepath.Clean(file))
	if filepath.IsAbs(file) {
		return (&url.URL{Scheme: "file", Path: path}).String()
	}
	return (&url.URL{Path: path}).String()
}

// secretOf names the pull secret that a note is about, if it is about one.
func secretOf(note pull.Note) string {
	if note.Secret == (pull.Source{}) {
		return ""
	}
	return note.Secret.String()
}

// ruleIndex is the place of each rule in the list of them.
var ruleIndex = sync.OnceValue(func() map[string]int {
	index := map[string]int{}
	for i, rule := range rules(pull.Standard()) {
		index[rule.ID] = i
	}
	return index
})
