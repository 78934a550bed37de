package cloud

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestECRScope(t *testing.T) {
	for host, want := range map[string]string{
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com":                "eu-west-1",
		"123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com":       "us-gov-west-1/fips",
		"123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn":            "cn-north-1",
		"123456789012.dkr-ecr.eu-west-1.on.aws":                       "eu-west-1",
		"123456789012.dkr-ecr-fips.us-east-1.on.aws":                  "us-east-1/fips",
		"123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn": "cn-north-1",
		"123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu":            "eusc-de-east-1",
		"123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov":               "us-iso-east-1",
		"public.ecr.aws": "",
		"ecr.aws":        "",
		"docker.io":      "",
		"localhost":      "",
		"12345678901.dkr.ecr.eu-west-1.amazonaws.com":                     "",
		"x23456789012.dkr.ecr.eu-west-1.amazonaws.com":                    "",
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com:443":                "",
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example":       "",
		"123456789012.dkr.ecr.eu-west-1.evil.example":                     "",
		"123456789012.dkr.ecr.s3.amazonaws.com":                           "", // a bucket's name can have dots
		"123456789012.dkr.ecr.a-b.amazonaws.com":                          "",
		"123456789012.dkr.ecr.eu--1.amazonaws.com":                        "",
		"123456789012.dkr.ecr..amazonaws.com":                             "",
		"123456789012.s3.eu-west-1.amazonaws.com":                         "",
		"123456789012.DKR.ECR.eu-west-1.amazonaws.com":                    "",
		"evil.example/123456789012.dkr.ecr.eu-west-1.amazonaws.com":       "",
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com@evil.example":       "",
		"evil.example#.123456789012.dkr.ecr.eu-west-1.amazonaws.com":      "",
		"123456789012.dkr.ecr.eu-west-1%2eevil-1.example.amazonaws.com":   "",
		"123456789012.dkr.ecr.eu-west-1/evil-1.amazonaws.com":             "",
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com.cn.example":         "",
		"a123456789012.dkr.ecr.eu-west-1.amazonaws.com":                   "",
		"123456789012.123456789012.dkr.ecr.eu-west-1.amazonaws.com":       "",
		"123456789012.dkr.ecr.eu-west-1.dkr.ecr.eu-west-1.amazonaws.com":  "",
		"123456789012.dkr.ecr-fips-fips.eu-west-1.amazonaws.com":          "",
		"123456789012.dkr.ecr.eu-west-1.on.aws.eu-west-1.amazonaws.comcn": "",
	} {
		if got := (ECR{}).Scope(host); got != want {
			t.Errorf("%s: scope %q, want %q", host, got, want)
		}
	}
}

// ecrToken is an answer of GetAuthorizationToken.
func ecrToken(token string) map[string]any {
	return map[string]any{"authorizationToken": token, "expiresAt": float64(time.Now().Add(12 * time.Hour).Unix())}
}

func loginOf(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}

// ecrAPI answers GetAuthorizationToken to who signs for the key and region.
func ecrAPI(t *testing.T, key, region string, data any) string {
	const target = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		want := fmt.Sprintf("Credential=%s/%s/%s/", key, time.Now().UTC().Format("20060102"), region)
		if r.Header.Get("X-Amz-Target") != target || !strings.Contains(r.Header.Get("Authorization"), want) {
			t.Errorf("%s %s: %q, want %s", r.Method, r.URL, r.Header, want)
		}
		answer(w, http.StatusOK, map[string]any{"authorizationData": data})
	})
}

// Keys in the environment: the SDK signs for the image's region.
func TestECRLogin(t *testing.T) {
	environment(t, map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": marker, "AWS_REGION": "us-west-2",
		"AWS_ENDPOINT_URL_ECR": ecrAPI(t, "AKIDEXAMPLE", "eu-west-1", []any{ecrToken(loginOf("AWS", marker+":x"))}),
	})
	credential, until, err := (ECR{}).Login(t.Context(), "eu-west-1")
	wantLogin(t, "cloud/ecr", "AWS", marker+":x", 12*time.Hour, credential, until, err)
	if entries, err := os.ReadDir(os.Getenv("HOME")); err != nil || len(entries) > 0 {
		t.Errorf("it left %v behind (%v)", entries, err)
	}
}

// The role of a ServiceAccount (IRSA): a token from a file is exchanged at STS.
func TestECRWebIdentity(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(marker), 0o600); err != nil {
		t.Fatal(err)
	}
	environment(t, map[string]string{
		"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/pullgate", "AWS_WEB_IDENTITY_TOKEN_FILE": token,
		"AWS_ENDPOINT_URL_ECR": ecrAPI(t, "ASIAEXAMPLE", "eu-west-1", []any{ecrToken(loginOf("AWS", "p"))}),
		"AWS_ENDPOINT_URL_STS": serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.FormValue("Action") != "AssumeRoleWithWebIdentity" || r.FormValue("WebIdentityToken") != marker {
				t.Errorf("STS got %s", r.Form)
			}
			_, _ = fmt.Fprintf(w, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials>
				<AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>%s</SessionToken><Expiration>%s</Expiration>
				</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`, marker, marker, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
		}),
	})
	credential, until, err := (ECR{}).Login(t.Context(), "eu-west-1")
	wantLogin(t, "cloud/ecr", "AWS", "p", 12*time.Hour, credential, until, err)
}

// The role of the instance, from its metadata server.
func TestECRInstanceRole(t *testing.T) {
	environment(t, map[string]string{
		"AWS_EC2_METADATA_DISABLED": "",
		"AWS_ENDPOINT_URL_ECR":      ecrAPI(t, "ASIAINSTANCE", "eu-west-1", []any{ecrToken(loginOf("AWS", "p"))}),
		"AWS_EC2_METADATA_SERVICE_ENDPOINT": serve(t, func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path == "/latest/api/token":
				w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "300")
				_, _ = fmt.Fprint(w, marker)
			case strings.HasSuffix(r.URL.Path, "/pullgate"):
				answer(w, http.StatusOK, map[string]any{"Code": "Success", "AccessKeyId": "ASIAINSTANCE", "SecretAccessKey": marker,
					"Token": marker, "Expiration": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)})
			case strings.HasSuffix(r.URL.Path, "/security-credentials/"):
				_, _ = fmt.Fprint(w, "pullgate")
			default:
				http.NotFound(w, r)
			}
		}),
	})
	credential, until, err := (ECR{}).Login(t.Context(), "eu-west-1")
	wantLogin(t, "cloud/ecr", "AWS", "p", 12*time.Hour, credential, until, err)
}

func TestECRFailures(t *testing.T) {
	keys := map[string]string{"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": marker}
	tests := map[string]struct {
		settings map[string]string
		api      http.HandlerFunc
		want     string
	}{
		"no identity": {nil, nil, "no EC2 IMDS role found"},
		"no right": {keys, func(w http.ResponseWriter, _ *http.Request) {
			answer(w, http.StatusBadRequest, map[string]any{"__type": "AccessDeniedException", "message": "User: pullgate is not authorized"})
		}, "may ecr:GetAuthorizationToken: api error AccessDeniedException: User: pullgate is not authorized"},
		"no token": {keys, func(w http.ResponseWriter, _ *http.Request) {
			answer(w, http.StatusOK, map[string]any{"authorizationData": []any{}})
		}, "the answer holds no token"},
		"a token that is none": {keys, func(w http.ResponseWriter, _ *http.Request) {
			answer(w, http.StatusOK, map[string]any{"authorizationData": []any{ecrToken(marker)}})
		}, "not base64 of NAME:PASSWORD"},
		"a profile that is none": {map[string]string{"AWS_PROFILE": "nobody"}, nil, "nobody"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			environment(t, test.settings)
			if test.api != nil {
				t.Setenv("AWS_ENDPOINT_URL_ECR", serve(t, test.api))
			}
			credential, _, err := (ECR{}).Login(t.Context(), "eu-west-1")
			wantNoLogin(t, credential, err, ecrAdvice+": ", test.want)
		})
	}
}
