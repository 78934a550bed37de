package cluster

import (
	"context"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Tokens has tokens of ServiceAccounts issued, which takes the right to create
// serviceaccounts/token.
type Tokens struct {
	Client client.SubResourceClientConstructor
}

// Issue asks for a token of a ServiceAccount: a providers.Issuer.
func (t Tokens) Issue(ctx context.Context, namespace, name string, request *authenticationv1.TokenRequest) error {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	return t.Client.SubResource("token").Create(ctx, account, request)
}
