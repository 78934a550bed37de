package main

import (
	"fmt"

	"k8s.io/client-go/dynamic"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/pullgate/pullgate/audit/live"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/wiring"
)

// auditor is the one of serve.
type auditor struct{ *live.Auditor }

// newAuditor sets the auditor up, which rests until the configuration says
// otherwise.
func (o *serveOptions) newAuditor(kube *rest.Config, configuration policy.Configuration, in wiring.Dependencies) (auditor, error) {
	client, err := rest.HTTPClientFor(kube)
	if err != nil {
		return auditor{}, fmt.Errorf("set up the auditor: %w", err)
	}
	mapper, err := apiutil.NewDynamicRESTMapper(kube, client) // which asks when it is asked
	if err != nil {
		return auditor{}, fmt.Errorf("set up the auditor: %w", err)
	}
	objects, err := dynamic.NewForConfigAndClient(kube, client)
	if err != nil {
		return auditor{}, fmt.Errorf("set up the auditor: %w", err)
	}
	leases, err := coordinationv1.NewForConfigAndClient(kube, client)
	if err != nil {
		return auditor{}, fmt.Errorf("set up the auditor: %w", err)
	}
	core, err := typedcorev1.NewForConfigAndClient(kube, client)
	if err != nil {
		return auditor{}, fmt.Errorf("set up the auditor: %w", err)
	}
	a := auditor{&live.Auditor{
		Objects: objects, Mapper: mapper, Leases: leases, Events: core, Maps: core, Namespace: o.namespace, Nodes: in.Nodes,
		Clock: clock.RealClock{}, Pacer: live.NewPacer(configuration.Audit, clock.RealClock{}, in.Log), Log: in.Log,
	}}
	return a, a.configure(configuration, in)
}

// configure takes a configuration up, with an engine of its own that asks at the
// auditor's pace.
func (a auditor) configure(configuration policy.Configuration, in wiring.Dependencies) error {
	in.Asking, in.Observer = a.Pacer.Asking, observing{in.Observer}
	own, err := newEngine(configuration, in)
	if err != nil {
		return err
	}
	a.Configure(own.Engine, own.retire)
	return nil
}

// observing leaves out what was not asked.
type observing struct{ wiring.Observer }

// Checked tells of what was asked. What the pacer postponed has a reason outside
// the closed set, and was not.
func (o observing) Checked(registry string, reason pull.Reason) {
	if reason.Known() {
		o.Observer.Checked(registry, reason)
	}
}
