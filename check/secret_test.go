package check

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestReadSecret(t *testing.T) {
	const config = `{"auths":{"reg.example":{"auth":"Ym9iOk1BUktFUg=="}}}`
	encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	of := func(kind, rest string) string { return fmt.Sprintf(`{"type":"kubernetes.io/%s",%s}`, kind, rest) }
	pull := func(data string) string {
		return of("dockerconfigjson", fmt.Sprintf(`"data":{".dockerconfigjson":%q}`, data))
	}
	tests := map[string]struct{ raw, unfilled, field, what, hint string }{
		"fine":             {raw: pull(encode(config))},
		"plain":            {raw: of("dockerconfigjson", fmt.Sprintf(`"stringData":{".dockerconfigjson":%q}`, config))},
		"plain wins":       {raw: of("dockerconfigjson", fmt.Sprintf(`"stringData":{".dockerconfigjson":%q},"data":{".dockerconfigjson":%q}`, config, encode("x")))},
		"line breaks":      {raw: pull(encode(config)[:20] + "\n" + encode(config)[20:] + "\n")},
		"nothing":          {raw: `{}`},
		"null":             {raw: `{"data":{"a":null},"stringData":{"b":null}}`},
		"another type":     {raw: `{"type":"x.example/y","data":{"a":""}}`},
		"white space":      {raw: pull(encode(config)[:20] + " " + encode(config)[20:]), field: `data[".dockerconfigjson"]`, what: "not base64: there is white space in it", hint: "not with >"},
		"plain under data": {raw: pull(config), field: `data[".dockerconfigjson"]`, what: "not base64", hint: "it is plain text"},
		"not base64":       {raw: `{"data":{"a":"MARKER!"}}`, field: `data["a"]`, what: "not base64", hint: "encode it"},
		"a number":         {raw: `{"stringData":{"a":3}}`, field: `stringData["a"]`, what: "is no text", hint: "quotes"},
		"a list":           {raw: `{"data":["MARKER"]}`, field: "data", what: "not as it is in a Secret"},
		"twice":            {raw: pull(encode(encode(config))), field: `data[".dockerconfigjson"]`, what: "encoded twice", hint: "encode it once"},
		"twice, wrapped":   {raw: pull(encode(encode(config) + "\n")), field: `data[".dockerconfigjson"]`, what: "encoded twice"},
		"mark":             {raw: pull(encode("\xef\xbb\xbf" + config)), field: `data[".dockerconfigjson"]`, what: "byte order mark"},
		"comma":            {raw: pull(encode(`{"auths":{},}`)), field: `data[".dockerconfigjson"]`, what: "ceases to be JSON at byte 13"},
		"no object":        {raw: pull(encode(`["MARKER"]`)), field: `data[".dockerconfigjson"]`, what: "not an object of JSON"},
		"empty":            {raw: pull(""), field: `data[".dockerconfigjson"]`, what: "there is nothing"},
		"another key":      {raw: of("dockerconfigjson", `"data":{"config.json":""}`), field: "type", what: `has to have the key ".dockerconfigjson"`},
		"legacy":           {raw: of("dockercfg", `"data":{".dockerconfigjson":""}`), field: "type", what: `has to have the key ".dockercfg"`},
		"tls":              {raw: of("tls", `"data":{"tls.crt":""}`), field: "type", what: `has to have the key "tls.key"`},
		"basic":            {raw: of("basic-auth", `"data":{"a":""}`), field: "type", what: "username or password"},
		"a bad key":        {raw: `{"data":{"a/b":""}}`, field: `data["a/b"]`, what: "no key for a Secret"},
		"too large":        {raw: fmt.Sprintf(`{"stringData":{"a":%q}}`, strings.Repeat("a", 1<<20+1)), field: "data", what: "1048577 bytes"},
		"sops":             {raw: `{"data":{"a":"MARKER!"},"sops":{"mac":"x"}}`, unfilled: "encrypted"},
		"encrypted":        {raw: `{"data":{"a":"ENC[AES256_GCM,data:x]"}}`, unfilled: "encrypted"},
		"placeholder":      {raw: pull("<path:secret/a#b>"), unfilled: aPlaceholder},
		"in base64":        {raw: pull(encode("<path:secret/a#b>")), unfilled: aPlaceholder},
		"of a type":        {raw: `{"type":"{{ .type }}"}`, unfilled: aPlaceholder},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if !json.Valid([]byte(test.raw)) {
				t.Fatalf("the test's own Secret is no JSON: %s", test.raw)
			}
			secret, unfilled, fault := readSecret([]byte(test.raw))
			if fault == nil {
				fault = &secretFault{}
			}
			if unfilled != test.unfilled || fault.field != test.field || !strings.Contains(fault.what, test.what) || (fault.what == "") != (test.what == "") || !strings.Contains(fault.hint, test.hint) {
				t.Errorf("unfilled %q, fault %+v; want %q, %+v", unfilled, fault, test.unfilled, test)
			}
			if (secret != nil) != (test.what == "" && test.unfilled == "") {
				t.Errorf("secret %v", secret)
			}
			if strings.Contains(fault.what+fault.hint, "MARKER") {
				t.Errorf("the fault quotes what the Secret holds: %+v", fault)
			}
		})
	}
}
