package e2e

import (
	"testing"

	"github.com/pullgate/pullgate/test/e2e/rig"
	"github.com/pullgate/pullgate/test/e2e/rig/rigtest"
)

// rolloutsConfig makes Rollouts known.
const rolloutsConfig = rig.DefaultConfig + `workloads:
- {group: argoproj.io, kind: Rollout, podTemplates: [spec.template]}
`

// rollouts is a custom resource with a pod template.
const rollouts = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: rollouts.argoproj.io}
spec:
  group: argoproj.io
  scope: Namespaced
  names: {kind: Rollout, plural: rollouts, singular: rollout}
  versions:
  - name: v1alpha1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`

// TestAdmission is what can share a cluster. Calls are counted, so that one
// part comes after the other.
func TestAdmission(t *testing.T) {
	t.Parallel()
	r := rigtest.Start(t, root, rig.Options{Manifest: installRollouts(), Config: rolloutsConfig})
	for _, part := range []struct {
		name string
		run  func(*testing.T, *rig.Rig)
	}{
		{"Size", testSize},
		{"ManagedCertificates", testManagedCertificates},
		{"Kinds", testKinds},
		{"EphemeralContainers", testEphemeralContainers},
		{"Roles", testRoles},
		{"ImageVolumes", testImageVolumes},
		{"Owners", testOwners},
		{"Calls", testCalls},
		{"PullSecrets", testPullSecrets},
		{"Tokens", testTokens},
		{"Modes", testModes},
		{"DryRunMode", testDryRunMode},
		{"Outside", testOutside},
		{"Faults", testFaults},
		{"Configuration", testConfiguration},
		{"Flood", testFlood},
		{"NoRights", testNoRights},
		{"Crash", testCrash},
		{"FailurePolicyFail", testFailurePolicyFail},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, r) })
	}
}
