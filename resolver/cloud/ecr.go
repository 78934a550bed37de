package cloud

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"

	"github.com/pullgate/pullgate/resolver/pull"
)

const (
	ecrAdvice = "give pullgate an AWS role that may ecr:GetAuthorizationToken"
	// homeRegion is where the identity is asked for if the environment names no
	// region.
	homeRegion = "us-east-1"
	fips       = "/fips"
)

// ECR logs in to Amazon's private registries with what the AWS SDK finds: variables,
// a web identity (IRSA), EKS Pod Identity, the instance's role.
type ECR struct {
	// Transport is how the API of the region is reached that an image names,
	// unless the environment says where that is; nil: the default one.
	Transport http.RoundTripper
}

// Scope is the host's region, since one login is for every registry in it that
// the identity may use. In public.ecr.aws everybody may pull: there a login that
// were refused would only stand in the way.
func (ECR) Scope(host string) string {
	account, rest, _ := strings.Cut(host, ".")
	if len(account) != 12 || strings.Trim(account, "0123456789") != "" {
		return ""
	}
	for _, service := range []struct{ prefix, suffix string }{{"dkr.ecr.", ""}, {"dkr.ecr-fips.", fips}, {"dkr-ecr.", ""}, {"dkr-ecr-fips.", fips}} {
		if at, ok := strings.CutPrefix(rest, service.prefix); ok {
			region, domain, _ := strings.Cut(at, ".")
			if isRegion(region) && slices.Contains(awsDomains(), domain) {
				return region + service.suffix
			}
		}
	}
	return ""
}

// isRegion tells whether a text looks like eu-west-1: it becomes a part of the
// name of the host that is asked for a login.
func isRegion(text string) bool {
	parts := strings.Split(text, "-")
	for i, part := range parts {
		letters := "abcdefghijklmnopqrstuvwxyz"
		if i == len(parts)-1 {
			letters = "0123456789"
		}
		if part == "" || strings.Trim(part, letters) != "" {
			return false
		}
	}
	return len(parts) >= 3
}

// awsDomains are those of AWS's partitions.
func awsDomains() []string {
	return []string{
		"amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", "on.aws", "on.amazonwebservices.com.cn",
		"sc2s.sgov.gov", "c2s.ic.gov", "cloud.adc-e.uk", "csp.hci.ic.gov",
	}
}

// Login asks for an authorization token. The identity itself is asked for in
// the environment's region: an image's is for its author to choose.
func (e ECR) Login(ctx context.Context, scope string) (pull.Credential, time.Time, error) {
	region, isFIPS := strings.CutSuffix(scope, fips)
	settings, err := config.LoadDefaultConfig(ctx, config.WithDefaultRegion(homeRegion), config.WithLogger(logging.Nop{}))
	if err != nil {
		return pull.Credential{}, time.Time{}, &failure{ecrAdvice, err}
	}
	client := ecr.NewFromConfig(settings, func(o *ecr.Options) {
		o.Region = region
		if e.Transport != nil && o.BaseEndpoint == nil {
			client := direct(e.Transport)
			o.HTTPClient = &client
		}
		if isFIPS {
			o.EndpointOptions.UseFIPSEndpoint = aws.FIPSEndpointStateEnabled
		}
	})
	answer, err := client.GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		return pull.Credential{}, time.Time{}, &failure{ecrAdvice, awsReason(err)}
	}
	if len(answer.AuthorizationData) == 0 {
		return pull.Credential{}, time.Time{}, &failure{ecrAdvice, errors.New("the answer holds no token")}
	}
	data := answer.AuthorizationData[0]
	return ecrCredential(data.AuthorizationToken, data.ExpiresAt)
}

// ecrCredential takes a token apart, which it does not quote.
func ecrCredential(token *string, until *time.Time) (pull.Credential, time.Time, error) {
	decoded, err := base64.StdEncoding.DecodeString(aws.ToString(token))
	username, password, ok := strings.Cut(string(decoded), ":")
	if err != nil || !ok || username == "" {
		return pull.Credential{}, time.Time{}, &failure{ecrAdvice, errors.New("the token is not base64 of NAME:PASSWORD")}
	}
	return pull.NewCredential(pull.Source{Kind: pull.FromCloud, Name: pull.ECR}, username, password), aws.ToTime(until), nil
}

// awsReason is what AWS says, if it was reached.
func awsReason(err error) error {
	var said smithy.APIError
	if errors.As(err, &said) {
		return said
	}
	return err
}
