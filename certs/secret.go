package certs

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// settle returns what the Secret holds, after making that good if it is not.
// Only who read the present state can write: others get an error for which
// anotherWasQuicker is true.
func (m *Manager) settle(ctx context.Context) (material, error) {
	secret, err := m.Client.CoreV1().Secrets(m.Namespace).Get(ctx, m.Secret, metav1.GetOptions{})
	missing := apierrors.IsNotFound(err)
	if err != nil && !missing {
		return material{}, fmt.Errorf("get secret %s/%s with the serving certificate: %w", m.Namespace, m.Secret, err)
	}
	if missing {
		secret = &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: m.Namespace, Name: m.Secret},
			Type:       corev1.SecretTypeTLS,
		}
	}
	held, wanting := read(secret.Data, m.DNSNames, m.now())
	if wanting == nil {
		return held, nil
	}
	if !missing {
		m.log().InfoContext(ctx, "making a new serving certificate", "secret", m.Secret, "because", wanting)
	}
	secret = secret.DeepCopy()
	if secret.Data, err = renew(secret.Data, m.DNSNames, m.now()); err != nil {
		return material{}, err
	}
	if held, err = read(secret.Data, m.DNSNames, m.now()); err != nil {
		return material{}, fmt.Errorf("make a serving certificate: %w", err)
	}
	return held, m.write(ctx, secret, missing)
}

// write creates or updates the Secret. An update goes by the resourceVersion
// that was read.
func (m *Manager) write(ctx context.Context, secret *corev1.Secret, missing bool) error {
	secrets := m.Client.CoreV1().Secrets(m.Namespace)
	if missing {
		if _, err := secrets.Create(ctx, secret, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("create secret %s/%s for the serving certificate: %w", m.Namespace, m.Secret, err)
		}
		m.log().InfoContext(ctx, "made an authority and a serving certificate", "secret", m.Secret)
		return nil
	}
	if _, err := secrets.Update(ctx, secret, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("update secret %s/%s with a new serving certificate: %w", m.Namespace, m.Secret, err)
	}
	return nil
}
