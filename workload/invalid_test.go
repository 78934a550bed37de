package workload

import (
	"strings"
	"testing"
)

func TestFaultOf(t *testing.T) {
	const hex = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	long := strings.Repeat("a", 300)
	tests := map[string]NameFault{
		"":                            {WholeName, EmptyName, ""},
		" \n":                         {WholeName, EmptyName, " \n"},
		"nginx\n":                     {WholeName, WhiteSpace, "nginx\n"},
		"nginx :1":                    {WholeName, WhiteSpace, "nginx :1"},
		"https://reg.example/a:1":     {HostPart, Scheme, "https://"},
		"ko://example.com/cmd/shop":   {WholeName, KoImportPath, "ko://example.com/cmd/shop"},
		"shop:2.4e+06":                {TagPart, RewrittenNumber, "2.4e+06"},
		"shop:1e+06@sha256:" + hex:    {TagPart, RewrittenNumber, "1e+06"},
		"reg.example:5000/a:1.0+b7":   {TagPart, PlusSign, "1.0+b7"},
		"shop:":                       {TagPart, NothingAfterColon, ""},
		"shop@":                       {DigestPart, NothingAfterColon, ""},
		"shop@sha256:":                {DigestPart, NothingAfterColon, "sha256:"},
		"shop:1:2":                    {PathPart, BadLetters, "shop:1"},
		"shop:.1":                     {TagPart, BadLetters, ".1"},
		"shop:" + long:                {TagPart, NameTooLong, long},
		long + ":1":                   {PathPart, NameTooLong, long},
		"shop@sha256:abc":             {DigestPart, DigestLength, "sha256:abc"},
		"shop@SHA256:" + hex:          {DigestPart, UpperCase, "SHA256:" + hex},
		"shop@1.2":                    {DigestPart, BadLetters, "1.2"},
		hex:                           {WholeName, ImageID, hex},
		"reg.example/Shop/web:1":      {PathPart, UpperCase, "Shop/web"},
		"Nginx":                       {PathPart, UpperCase, "Nginx"},
		"reg.example/a__-b:1":         {PathPart, BadLetters, "a__-b"},
		"reg.example/:1":              {PathPart, BadLetters, ""},
		"-reg.example/a:1":            {HostPart, BadLetters, "-reg.example"},
		"reg.example:/a:1":            {HostPart, BadLetters, "reg.example:"},
		"shop:${TAG}":                 {TagPart, Placeholder, "${TAG}"},
		"shop:v${TAG:-1}":             {WholeName, Placeholder, "shop:v${TAG:-1}"},
		"${REGISTRY}/shop:1":          {HostPart, Placeholder, "${REGISTRY}"},
		"${REGISTRY}/shop:${TAG}":     {WholeName, Placeholder, "${REGISTRY}/shop:${TAG}"},
		"{{ .Values.image }}":         {WholeName, Placeholder, "{{ .Values.image }}"},
		"reg.example/a:{{ .tag }}":    {TagPart, Placeholder, "{{ .tag }}"},
		"reg.example/a:$TAG":          {TagPart, Placeholder, "$TAG"},
		"reg.example/a:<version>":     {TagPart, Placeholder, "<version>"},
		"reg.example/a:#{Build.Id}#":  {TagPart, Placeholder, "#{Build.Id}#"},
		"reg.example/a@%DIGEST%":      {DigestPart, Placeholder, "%DIGEST%"},
		"IMAGE_URL":                   {WholeName, Placeholder, "IMAGE_URL"},
		"<path:secret/data/a#image>":  {WholeName, Placeholder, "<path:secret/data/a#image>"},
		"ref+vault://secret/a#/image": {WholeName, Placeholder, "ref+vault://secret/a#/image"},
	}
	for image, want := range tests {
		if parses(image) {
			t.Errorf("%q parses", image)
		}
		if got := FaultOf(image); got != want {
			t.Errorf("%.60q: %+v, want %+v", image, got, want)
		}
	}
}

func TestUnfilled(t *testing.T) {
	for _, image := range []string{"", "nginx", "reg.example:5000/a/b:1.2-rc_3", "REG.example/a:LATEST", "a@sha256:abc", "Nginx", "a__b:1", "a:1__2"} {
		if Unfilled(image) {
			t.Errorf("%q is taken for a placeholder", image)
		}
	}
	for _, image := range []string{"reg.example/shop:__TAG__", "ko://a", "APP", "$(REGISTRY)/a:1", "@IMAGE@", "[[ image ]]", "((image))"} {
		if !Unfilled(image) {
			t.Errorf("%q is taken for an image", image)
		}
	}
}
