package doctor

import (
	"context"
	"slices"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/pullgate/pullgate/policy"
)

// watched are the verbs of who follows all objects of a kind.
func watched() []string { return []string{"get", "list", "watch"} }

// needs are the rights of the chart's roles, for the features that are in use.
func needs(r *Record) []Right {
	running := programOf(r)
	if running.container() == nil {
		return nil
	}
	own := r.Target.Namespace
	all := []Right{
		{Feature: "pull-secrets", Resource: "secrets", Namespace: r.Namespace, Verbs: []string{"get"}},
		{Feature: "accounts", Resource: "serviceaccounts", Verbs: []string{"get"}},
		{Feature: "modes", Resource: "namespaces", Verbs: watched()},
		{Feature: "platforms", Resource: "nodes", Verbs: watched()},
	}
	if running.managesCertificate() {
		all = append(all,
			Right{
				Feature: "ca-bundle", Group: "admissionregistration.k8s.io", Resource: "validatingwebhookconfigurations",
				Name: running.flag("webhook-configuration"), Verbs: append(watched(), "patch"),
			},
			Right{Feature: "certificate", Resource: "secrets", Namespace: own, Name: running.flag("cert-secret"), Verbs: append(watched(), "update")},
			Right{Feature: "new-certificate", Resource: "secrets", Namespace: own, Verbs: []string{"create"}},
		)
	}
	if namespace := r.Settings.Value.Nodes.ProfilesNamespace; r.Settings.Err == nil && namespace != "" {
		all = append(all, Right{Feature: "node-profiles", Resource: "configmaps", Namespace: namespace, Verbs: []string{"list", "watch"}})
	}
	if r.Settings.Err == nil && r.Settings.Value.Audit.Enabled {
		all = append(all, auditing(own, r.Settings.Value.Audit)...)
	}
	for i := range all {
		all[i].Account = own + ":" + account(running)
	}
	return all
}

// auditing are the rights of who looks at all that runs.
func auditing(own string, asked policy.Auditing) []Right {
	reads := []string{"list", "watch"}
	all := []Right{
		{Feature: "audit-turn", Group: "coordination.k8s.io", Resource: "leases", Namespace: own, Name: "pullgate-audit", Verbs: []string{"get", "update"}},
		{Feature: "audit-findings", Resource: "configmaps", Namespace: own, Name: "pullgate-audit-findings", Verbs: []string{"get", "update"}},
		{Feature: "audit-requests", Resource: "configmaps", Namespace: own, Name: "pullgate-audit-requests", Verbs: []string{"get", "update"}},
	}
	noted := []string{"list"}
	if asked.Events == nil || *asked.Events {
		noted = append(noted, "create")
	}
	all = append(all, Right{Feature: "audit-events", Resource: "events", Verbs: noted})
	reported := []string{"list", "delete"} // those of a time in which there were some
	if asked.Reports == nil || *asked.Reports {
		reported = append(reported, "create", "patch")
	}
	all = append(all, Right{Feature: "audit-reports", Group: "openreports.io", Resource: "reports", Verbs: reported})
	for group, resources := range map[string][]string{
		"":      {"pods", "podtemplates", "replicationcontrollers"},
		"apps":  {"daemonsets", "deployments", "replicasets", "statefulsets"},
		"batch": {"cronjobs", "jobs"},
	} {
		for _, resource := range resources {
			all = append(all, Right{Feature: "audit-" + resource, Group: group, Resource: resource, Verbs: reads})
		}
	}
	slices.SortFunc(all, func(a, b Right) int { return strings.Compare(a.Feature, b.Feature) })
	return all
}

// account is the name of the ServiceAccount that Pullgate runs with.
func account(running program) string {
	if name := running.spec.ServiceAccountName; name != "" {
		return name
	}
	return "default"
}

// granted asks an API server which of the rights there are.
func granted(ctx context.Context, client kubernetes.Interface, needed []Right) []Right {
	for i := range needed {
		right := &needed[i]
		for _, verb := range right.Verbs {
			allowed, err := may(ctx, client, *right, verb)
			if err != nil {
				right.Err = err
				break
			}
			if !allowed {
				right.Missing = append(right.Missing, verb)
			}
		}
	}
	return needed
}

// may asks whether the right's account has it.
func may(ctx context.Context, client kubernetes.Interface, right Right, verb string) (bool, error) {
	namespace, name, _ := strings.Cut(right.Account, ":")
	resource, subresource, _ := strings.Cut(right.Resource, "/")
	review, err := client.AuthorizationV1().SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{
			User:   "system:serviceaccount:" + namespace + ":" + name,
			Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"},
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: right.Namespace, Verb: verb, Group: right.Group, Resource: resource, Subresource: subresource, Name: right.Name,
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return false, err
	}
	return review.Status.Allowed, nil
}
