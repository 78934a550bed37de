package keyring

import (
	"testing"
)

// TestEntries is the table of how the kubelet reads an entry.
func TestEntries(t *testing.T) {
	const noColon = "unable to parse auth field, must be formatted as base64(username:password)"
	tests := map[string]struct {
		entry, username, password, malformed string
	}{
		"user name and password":        {entry: `{"username":"u","password":"p"}`, username: "u", password: "p"},
		"any case":                      {entry: `{"USERNAME":"u","PassWord":"p"}`, username: "u", password: "p"},
		"auth":                          {entry: `{"auth":"dTpw"}`, username: "u", password: "p"},
		"auth overrides":                {entry: `{"username":"x","password":"y","auth":"dTpw"}`, username: "u", password: "p"},
		"an empty auth does not":        {entry: `{"username":"x","password":"y","auth":""}`, username: "x", password: "y"},
		"padded":                        {entry: `{"auth":"dTpwcA=="}`, username: "u", password: "pp"},
		"unpadded":                      {entry: `{"auth":"dTpwcA"}`, username: "u", password: "pp"},
		"half padded":                   {entry: `{"auth":"dTpwcA="}`, malformed: "illegal base64 data at input byte 7"},
		"line breaks in it":             {entry: `{"auth":"dT\r\npw\n"}`, username: "u", password: "p"},
		"line break after the padding":  {entry: `{"auth":"dTpwcA==\n"}`, username: "u", password: "pp"},
		"blank before it":               {entry: `{"auth":" dTpw"}`, malformed: "illegal base64 data at input byte 0"},
		"blank after it":                {entry: `{"auth":"dTpw "}`, malformed: "illegal base64 data at input byte 4"},
		"alphabet of URLs":              {entry: `{"auth":"dTo_-w"}`, malformed: "illegal base64 data at input byte 3"},
		"split at the first colon":      {entry: `{"auth":"dTpwOnE="}`, username: "u", password: "p:q"},
		"line break in the password":    {entry: `{"auth":"dTpwCg=="}`, username: "u", password: "p\n"},
		"no colon":                      {entry: `{"auth":"dXA="}`, malformed: noColon},
		"no password":                   {entry: `{"auth":"dTo="}`, username: "u"},
		"no user name":                  {entry: `{"auth":"OnA="}`},
		"a password alone":              {entry: `{"password":"p"}`},
		"identity token":                {entry: `{"identitytoken":"t"}`},
		"registry token":                {entry: `{"registrytoken":"t"}`},
		"az acr login":                  {entry: `{"auth":"MDAwMDo=","identitytoken":"t"}`, username: "0000"},
		"nothing":                       {entry: `{}`},
		"null":                          {entry: `null`},
		"auth is a number":              {entry: `{"auth":1}`, malformed: "json: cannot unmarshal number into Go struct field DockerConfigJSON.auths.auth of type string"},
		"user name is an object":        {entry: `{"username":{}}`, malformed: "json: cannot unmarshal object into Go struct field DockerConfigJSON.auths.username of type string"},
		"the e-mail address counts too": {entry: `{"email":[]}`, malformed: "json: cannot unmarshal array into Go struct field DockerConfigJSON.auths.email of type string"},
		"a string":                      {entry: `"dTpw"`, malformed: "json: cannot unmarshal string into Go struct field DockerConfigJSON.auths of type credentialprovider.dockerConfigEntryWithAuth"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			match := lookup(t, with(configJSON("s", `{"auths":{"quay.io":`+test.entry+`}}`)), "quay.io/app", "s")
			if test.malformed != "" {
				wantMalformed(t, match, test.malformed)
				return
			}
			if match.Malformed != nil || len(match.Credentials) != 1 {
				t.Fatalf("malformed %+v, credentials %v, want one credential", match.Malformed, match.Credentials)
			}
			if username, password := match.Credentials[0].Basic(); username != test.username || password != test.password {
				t.Errorf("reads %q and %q, want %q and %q", username, password, test.username, test.password)
			}
		})
	}
}

func wantMalformed(t *testing.T, match Match, text string) {
	t.Helper()
	if match.Malformed == nil || match.Malformed.Text != text {
		t.Errorf("malformed is %+v, want %q", match.Malformed, text)
	}
	if len(match.Credentials) > 0 {
		t.Errorf("tries %v though a secret is malformed", match.Credentials)
	}
}

// TestDocuments is the table of whole contents that the kubelet cannot read.
func TestDocuments(t *testing.T) {
	tests := map[string]struct {
		data, malformed string
		legacy          bool
	}{
		"text after the end":         {data: `{"auths":{}} x`, malformed: "invalid character 'x' after top-level value"},
		"cut short":                  {data: `{"auths":{`, malformed: "unexpected end of JSON input"},
		"not JSON":                   {data: `auths: {}`, malformed: "invalid character 'a' looking for beginning of value"},
		"auths is a list":            {data: `{"auths":[]}`, malformed: "json: cannot unmarshal array into Go struct field DockerConfigJSON.auths of type credentialprovider.DockerConfig"},
		"a list":                     {data: `[]`, malformed: "json: cannot unmarshal array into Go value of type credentialprovider.DockerConfigJSON"},
		"header is a number":         {data: `{"HttpHeaders":{"a":1}}`, malformed: "json: cannot unmarshal number into Go struct field DockerConfigJSON.HttpHeaders of type string"},
		"headers are a list":         {data: `{"HttpHeaders":[]}`, malformed: "json: cannot unmarshal array into Go struct field DockerConfigJSON.HttpHeaders of type map[string]string"},
		"legacy: a list":             {data: `[]`, legacy: true, malformed: "json: cannot unmarshal array into Go value of type credentialprovider.DockerConfig"},
		"legacy: entry is a string":  {data: `{"quay.io":"x"}`, legacy: true, malformed: "json: cannot unmarshal string into Go value of type credentialprovider.dockerConfigEntryWithAuth"},
		"legacy: auth is a number":   {data: `{"quay.io":{"auth":1}}`, legacy: true, malformed: "json: cannot unmarshal number into Go struct field dockerConfigEntryWithAuth.auth of type string"},
		"other fields may be wrong":  {data: `{"auths":{},"credsStore":1,"credHelpers":[]}`},
		"nothing at all":             {data: `{}`},
		"null":                       {data: `null`},
		"legacy: wrapped in auths":   {data: `{"auths":{"quay.io":{"auth":"dTpw"}}}`, legacy: true},
		"entries without the auths":  {data: `{"quay.io":{"auth":"dTpw"}}`},
		"another registry is enough": {data: `{"auths":{"quay.io":{"auth":"dTpw"},"ghcr.io":{"auth":"!"}}}`, malformed: "illegal base64 data at input byte 0"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			secret := configJSON("s", test.data)
			if test.legacy {
				secret = dockercfg("s", test.data)
			}
			match := lookup(t, with(secret), "quay.io/app", "s")
			if test.malformed != "" {
				wantMalformed(t, match, test.malformed)
			} else if match.Malformed != nil || len(match.Credentials) > 0 {
				t.Errorf("malformed %+v, credentials %v, want neither", match.Malformed, match.Credentials)
			}
		})
	}
}
