package cluster

import (
	"context"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// tokenServer issues tokens that say for whom they are.
type tokenServer struct {
	client.SubResourceClient
	resource string
}

func (s *tokenServer) SubResource(name string) client.SubResourceClient {
	s.resource = name
	return s
}

func (s *tokenServer) Create(_ context.Context, object, subResource client.Object, _ ...client.SubResourceCreateOption) error {
	request := subResource.(*authenticationv1.TokenRequest)
	request.Status.Token = s.resource + " of " + object.GetNamespace() + "/" + object.GetName() + " for " + request.Spec.Audiences[0]
	return nil
}

func TestTokens(t *testing.T) {
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: []string{"registry"}}}
	err := Tokens{Client: &tokenServer{}}.Issue(t.Context(), "shop", "web", request)
	if want := "token of shop/web for registry"; err != nil || request.Status.Token != want {
		t.Errorf("issued %q, %v, want %q", request.Status.Token, err, want)
	}
}
