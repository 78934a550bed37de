package engine_test

import (
	"context"
	"fmt"

	"github.com/pullgate/pullgate/engine"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// missing stands for a resolver whose registries have no image.
type missing struct{}

func (missing) Resolve(_ context.Context, w workload.Workload) resolver.Report {
	return resolver.Skip(w, pull.TagNotFound, "tag not found")
}

// An engine looks unless its policy says otherwise, and says what becomes of
// each image.
func ExampleEngine_Review() {
	configuration, err := policy.Parse([]byte(`
apiVersion: pullgate.dev/v1alpha1
kind: Configuration
rules:
- {namespaces: ["team-*"], mode: warn}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	e := engine.Engine{Policy: configuration, Kinds: &workload.Kinds{}, Resolver: missing{}}
	pod := workload.Workload{
		Object:    workload.Object{APIVersion: "v1", Kind: "Pod", Name: "web"},
		Templates: []workload.Template{{Images: []workload.Image{{Reference: "nginx:1.99"}}}},
	}
	for _, namespace := range []string{"shop", "team-a", "kube-system"} {
		outcome := e.Review(context.Background(), pod, policy.Where{Namespace: namespace})
		fmt.Println(namespace, outcome.Report.Results[0].Reason, outcome.Decision.Actions[0], outcome.Decision.Denied())
	}
	// Output:
	// shop TagNotFound deny true
	// team-a TagNotFound warn false
	// kube-system Exempt allow false
}
