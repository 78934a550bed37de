package certs

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// vault is the Secret that the replicas share.
type vault struct {
	client          kubernetes.Interface
	namespace, name string
	dnsNames        []string
	log             *slog.Logger
}

// settle returns what the Secret holds, after making that good if it is not; a
// new authority goes beside those that may still be served by. Only who read
// the present state can write: others get an error for which anotherWasQuicker
// is true. The Secret goes when its owner does, if it has one.
func (v *vault) settle(ctx context.Context, others []byte, owner *metav1.OwnerReference, now time.Time) (material, error) {
	secret, err := v.client.CoreV1().Secrets(v.namespace).Get(ctx, v.name, metav1.GetOptions{})
	missing := apierrors.IsNotFound(err)
	if err != nil && !missing {
		return material{}, fmt.Errorf("get secret %s/%s with the serving certificate: %w", v.namespace, v.name, err)
	}
	if missing {
		secret = &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: v.namespace, Name: v.name},
			Type:       corev1.SecretTypeTLS,
		}
	}
	held, wanting := read(secret.Data, v.dnsNames, now)
	if wanting == nil && owned(secret, owner) {
		return held, nil
	}
	secret = secret.DeepCopy()
	if owner != nil {
		secret.OwnerReferences = []metav1.OwnerReference{*owner}
	}
	if wanting != nil {
		v.log.InfoContext(ctx, "making a new serving certificate", "secret", v.name, "because", wanting, "missing", missing)
		if secret.Data, err = renew(secret.Data, others, v.dnsNames, now); err != nil {
			return material{}, err
		}
		if held, err = read(secret.Data, v.dnsNames, now); err != nil {
			return material{}, fmt.Errorf("make a serving certificate: %w", err)
		}
	}
	return held, v.write(ctx, secret, missing)
}

// owned tells whether the Secret has the owner that it is to have.
func owned(secret *corev1.Secret, owner *metav1.OwnerReference) bool {
	return owner == nil || len(secret.OwnerReferences) == 1 && secret.OwnerReferences[0].UID == owner.UID
}

// ownerOf makes the configuration the owner of the Secret: that goes with it
// when Pullgate is uninstalled.
func ownerOf(configuration *admissionv1.ValidatingWebhookConfiguration) *metav1.OwnerReference {
	if configuration == nil {
		return nil
	}
	return &metav1.OwnerReference{
		APIVersion: admissionv1.SchemeGroupVersion.String(), Kind: "ValidatingWebhookConfiguration",
		Name: configuration.Name, UID: configuration.UID,
	}
}

// write creates or updates the Secret. An update goes by the resourceVersion
// that was read.
func (v *vault) write(ctx context.Context, secret *corev1.Secret, missing bool) error {
	secrets := v.client.CoreV1().Secrets(v.namespace)
	if missing {
		if _, err := secrets.Create(ctx, secret, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("create secret %s/%s for the serving certificate: %w", v.namespace, v.name, err)
		}
		return nil
	}
	if _, err := secrets.Update(ctx, secret, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("update secret %s/%s with a new serving certificate: %w", v.namespace, v.name, err)
	}
	return nil
}
