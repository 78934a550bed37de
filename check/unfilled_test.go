package check

import (
	"encoding/base64"
	"fmt"
	"testing"
)

func TestUnfilled(t *testing.T) {
	encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	auth := func(user, password string) string {
		return fmt.Sprintf(`{"auths":{"reg.example":{"auth":%q}}}`, encode(user+":"+password))
	}
	encrypted := []string{
		"ENC[AES256_GCM,data:AAAA,iv:BBBB,tag:CCCC,type:str]", "ENC(G6N718UuyPE5bHyWKyuLQ==)", "$ANSIBLE_VAULT;1.1;AES256\n6231",
		"-----BEGIN PGP MESSAGE-----\n\nabc", "?{gpg:targets/a}",
	}
	placeholders := []string{
		"<path:secret/data/regcred#config>", `{"auths":{"reg.example":{"password":"<path:a/b#c>"}}}`,
		"{{ .Values.config | b64enc }}", `{"auths":{"reg.example":{"auth":"{{ auth }}"}}}`, "${DOCKER_CONFIG_JSON}",
		`{"auths":{"${REGISTRY}":{"auth":"YTpi"}}}`, "$(CONFIG)", "ref+vault://secret/a#/b", "vault:secret/data/a#b", ">>vault:a",
		"op://vault/item/field", "arn:aws:secretsmanager:eu-west-1:1:secret:a", "#{Config}#", "__CONFIG__", "%CONFIG%", "<your-token>", "$TOKEN",
		"changeme", "REPLACE_ME", "YOUR_PASSWORD", "***", "[[ config ]]", "((config))",
		auth("${USER}", "s"), auth("bob", "<password>"), auth("bob", "{{ password }}"), `{"auths":{"reg.example":{"username":"bob","password":"$PASSWORD"}}}`,
	}
	values := []string{
		"", "{}", `{"auths":{}}`, auth("bob", "s3cret"), auth("bob", "a$b%c<d>e{f}g"), auth("$oauthtoken", "x"), auth("robot$shop+ci", "x"), auth("bob", "change me or not"),
		auth("_json_key", `{"type":"service_account","private_key":"-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n"}`),
		`{"auths":{"https://index.docker.io/v1/":{"auth":"YTpi"}}}`, "not json", auth("AWS", encode(`{"payload":"x","datakey":"y"}`)),
	}
	for _, text := range encrypted {
		if got := unfilledConfig([]byte(text)); got != "encrypted" {
			t.Errorf("%s: %q, want that it is encrypted", text, got)
		}
	}
	for _, text := range placeholders {
		if got := unfilledConfig([]byte(text)); got != aPlaceholder {
			t.Errorf("%s: %q, want that it is not filled in", text, got)
		}
	}
	for _, text := range values {
		if got := unfilledConfig([]byte(text)); got != "" {
			t.Errorf("%s: %q, want a value", text, got)
		}
	}
}
