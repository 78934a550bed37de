package certs

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	admissioninformers "k8s.io/client-go/informers/admissionregistration/v1"
	coreinformers "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// watch tells of changes of the Secret and of the webhook configuration, until
// the context ends; changes that come while one is being told of are one. It
// sees no other objects: the right to watch is limited to these names.
func watch(ctx context.Context, client kubernetes.Interface, namespace, secret, configuration string) (<-chan struct{}, error) {
	changed := make(chan struct{}, 1)
	tell := func(any) {
		select {
		case changed <- struct{}{}:
		default: // it is to be told already
		}
	}
	named := func(name string) func(*metav1.ListOptions) {
		return func(options *metav1.ListOptions) {
			options.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()
		}
	}
	informers := []cache.SharedIndexInformer{
		coreinformers.NewFilteredSecretInformer(client, namespace, 0, nil, named(secret)),
	}
	if configuration != "" {
		informers = append(informers,
			admissioninformers.NewFilteredValidatingWebhookConfigurationInformer(client, 0, nil, named(configuration)))
	}
	for _, informer := range informers {
		_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: tell, UpdateFunc: func(_, changed any) { tell(changed) }, DeleteFunc: tell,
		})
		if err != nil {
			return nil, err
		}
		go informer.RunWithContext(ctx)
	}
	return changed, nil
}
