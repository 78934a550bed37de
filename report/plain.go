package report

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Plain makes a text one line that a terminal, a browser or a log shows as it
// is: white space becomes blanks, and what would be obeyed or hidden, such as
// escape sequences and marks that turn the direction of writing, is shown as
// replaced.
func Plain(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsPrint(r):
			return r
		default:
			return unicode.ReplacementChar
		}
	}, text)
}

// shown is an image's name, visible even where there is none, and harmless
// where somebody put a terminal's control characters into it.
func shown(image string) string {
	if strings.TrimSpace(image) == "" || image != Plain(image) {
		return fmt.Sprintf("%q", image)
	}
	return image
}

// plain returns a copy of the report of which every text is Plain, for outputs
// that are shown as they are.
func (r *Report) plain() *Report {
	c := *r
	c.Results, c.Problems = slices.Clone(r.Results), slices.Clone(r.Problems)
	for i := range c.Results {
		c.Results[i].plain()
	}
	for i := range c.Problems {
		p := &c.Problems[i]
		p.Source.plain()
		plainAll(&p.Message, &p.Hint)
	}
	v := &c.Vantage
	plainAll(&c.Interrupted, &v.Configuration, &v.Cluster)
	v.Credentials, v.Platforms, v.Warnings = plainList(v.Credentials), plainList(v.Platforms), plainList(v.Warnings)
	return &c
}

func (r *Result) plain() {
	r.Image = shown(r.Image)
	r.Source.plain()
	plainAll(&r.Object.APIVersion, &r.Object.Kind, &r.Object.Namespace, &r.Object.Name, &r.Field, &r.Container,
		&r.Resolved, &r.Digest, &r.Message, &r.Node, &r.Hint)
	r.Suggestions = plainList(r.Suggestions)
	r.Credentials, r.Notes = slices.Clone(r.Credentials), slices.Clone(r.Notes)
	for i := range r.Credentials {
		plainAll(&r.Credentials[i].Source.Name)
	}
	for i := range r.Notes {
		plainAll(&r.Notes[i].Message, &r.Notes[i].Secret.Name)
	}
}

func (s *Source) plain() { plainAll(&s.File, &s.Template) }

func plainAll(texts ...*string) {
	for _, text := range texts {
		*text = Plain(*text)
	}
}

func plainList(texts []string) []string {
	texts = slices.Clone(texts)
	for i := range texts {
		texts[i] = Plain(texts[i])
	}
	return texts
}
