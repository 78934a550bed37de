package tour

import (
	"fmt"
	"regexp"

	"github.com/pullgate/pullgate/test/e2e/lab"
)

// The reasons that the tour meets.
const (
	pullable            = "Pullable"
	tagNotFound         = "TagNotFound"
	credentialsRequired = "CredentialsRequired"
	credentialsRejected = "CredentialsRejected"
	registryUnreachable = "RegistryUnreachable"
)

// What kubectl is told, and what it says, more than once.
const (
	web         = "deployment/web"
	apiCreated  = "deployment.apps/api created"
	cartCreated = "deployment.apps/cart created"
)

// Namespaces are those of the tour, with the labels that they have.
func Namespaces() map[string][]string {
	return map[string][]string{
		"shop":       nil,
		"shop-warn":  {"pullgate.dev/mode=warn"},
		"shop-audit": {"pullgate.dev/mode=audit"},
	}
}

// Steps returns the tour past these registries.
func Steps(l *lab.Lab) []Step {
	var steps []Step
	for _, chapter := range [][]Step{
		tags(l), secrets(l), outage(l), lenient(l), dryRun(l), unchanged(l), otherCommands(l),
	} {
		steps = append(steps, chapter...)
	}
	return steps
}

func create(namespace, name, image string, more ...string) []string {
	return append([]string{"-n", namespace, "create", "deployment", name, "--image=" + image}, more...)
}

func tags(l *lab.Lab) []Step {
	return []Step{
		{
			Title: "A Deployment whose image can be pulled is accepted",
			Args:  create("shop", "web", l.Open.Ref("shop/web:1.27"), "--replicas=3"),
			Want:  Accepted, Says: []string{"deployment.apps/web created"}, Reason: pullable,
		},
		{
			Title: "A tag that does not exist is refused, and the right one suggested",
			Args:  create("shop", "typo", l.Open.Ref("shop/web:1.99")),
			Want:  Refused, Says: []string{l.Open.Ref("shop/web:1.99"), l.Open.Ref("shop/web:1.29")}, Reason: tagNotFound,
		},
	}
}

// api is a Deployment of a private image, with a pull secret or none.
func api(image, secret string) string {
	secrets := ""
	if secret != "" {
		secrets = "imagePullSecrets: [{name: " + secret + "}], "
	}
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec: {%scontainers: [{name: api, image: %q}]}
`, secrets, image)
}

func apply(namespace string) []string { return []string{"-n", namespace, "apply", "-f", "-"} }

func secret(namespace, name, registry, password string) []string {
	return []string{
		"-n", namespace, "create", "secret", "docker-registry", name, "--docker-server=" + registry,
		"--docker-username=" + lab.User, "--docker-password=" + password,
	}
}

func secrets(l *lab.Lab) []Step {
	image := l.Token.Ref("shop/private:1.0")
	return []Step{
		{
			Title: "A private image without a pull secret is refused",
			Args:  apply("shop"), Stdin: api(image, ""),
			Want: Refused, Says: []string{image}, Reason: credentialsRequired,
		},
		{
			Title: "A wrong pull secret is refused, and named",
			Args:  secret("shop", "stale", l.Token.Host, "last-years-password"), Want: Done,
		},
		{
			Args: apply("shop"), Stdin: api(image, "stale"),
			Want: Refused, Says: []string{image, "shop/stale"}, Reason: credentialsRejected,
		},
		{
			Title: "A pull secret that is not there is named too",
			Args:  apply("shop"), Stdin: api(image, "regcerd"),
			Want: Refused, Says: []string{image, "regcerd"}, Reason: credentialsRequired,
		},
		{
			Title: "With the right pull secret the image is accepted",
			Args:  secret("shop", "regcred", l.Token.Host, lab.Password), Want: Done,
		},
		{
			Args: apply("shop"), Stdin: api(image, "regcred"),
			Want: Accepted, Says: []string{apiCreated}, Reason: pullable,
		},
	}
}

func outage(l *lab.Lab) []Step {
	return []Step{{
		Title: "A registry that is down gives a warning, and lets the Deployment in",
		Args:  create("shop", "cart", l.Down+"/shop/cart:7"),
		Want:  Warned, Says: []string{cartCreated}, Reason: registryUnreachable,
	}}
}

// lenient shows the two modes that deny nothing.
func lenient(l *lab.Lab) []Step {
	wrong, private, down := l.Open.Ref("shop/web:1.99"), l.Token.Ref("shop/private:1.0"), l.Down+"/shop/cart:7"
	return []Step{
		{
			Title: "In a namespace in mode warn, a tag that does not exist gets a warning",
			Args:  create("shop-warn", "typo", wrong),
			Want:  Warned, Says: []string{"deployment.apps/typo created", "1.99"}, Reason: tagNotFound,
		},
		{
			Title: "and so does a private image without its pull secret",
			Args:  apply("shop-warn"), Stdin: api(private, "regcerd"),
			Want: Warned, Says: []string{apiCreated}, Reason: credentialsRequired,
		},
		{
			Title: "and a registry that is down",
			Args:  create("shop-warn", "cart", down),
			Want:  Warned, Says: []string{cartCreated}, Reason: registryUnreachable,
		},
		{
			Title: "In a namespace in mode audit, a tag that does not exist is only recorded",
			Args:  create("shop-audit", "typo", wrong),
			Want:  Accepted, Says: []string{"deployment.apps/typo created"}, Reason: tagNotFound, Recorded: `verdict="broken"`,
		},
		{
			Title: "and so is a private image without its pull secret",
			Args:  apply("shop-audit"), Stdin: api(private, "regcerd"),
			Want: Accepted, Says: []string{apiCreated}, Reason: credentialsRequired, Recorded: `verdict="broken"`,
		},
		{
			Title: "and a registry that is down",
			Args:  create("shop-audit", "cart", down),
			Want:  Accepted, Says: []string{cartCreated}, Reason: registryUnreachable, Recorded: `verdict="unknown"`,
		},
	}
}

func dryRun(l *lab.Lab) []Step {
	return []Step{
		{
			Title: "A server-side dry run says the same",
			Args:  create("shop", "trial", l.Open.Ref("shop/web:1.99"), "--dry-run=server"),
			Want:  Refused, Says: []string{l.Open.Ref("shop/web:1.29")}, Reason: tagNotFound,
		},
		{
			Args: create("shop", "trial", l.Open.Ref("shop/web:1.28"), "--dry-run=server"),
			Want: Accepted, Says: []string{"deployment.apps/trial created (server dry run)"}, Reason: pullable,
		},
		{
			Title: "and changes nothing",
			Args:  []string{"-n", "shop", "get", "deployment", "trial"},
			Want:  Absent, Says: []string{`deployments.apps "trial" not found`},
		},
	}
}

// twoGenerations is what `kubectl get replicasets` prints when Pods of the old
// and of the new template exist.
func twoGenerations() *regexp.Regexp { return regexp.MustCompile(`(?s)(web-\S+\s+\d+\s+[1-9].*){2}`) }

func unchanged(*lab.Lab) []Step {
	return []Step{
		{
			Title: "Scaling, labelling and restarting what was checked waits for nobody",
			Args:  []string{"-n", "shop", "scale", web, "--replicas=5"},
			Want:  Unasked, Says: []string{"deployment.apps/web scaled"},
		},
		{
			Args: []string{"-n", "shop", "label", web, "team=checkout"},
			Want: Unasked, Says: []string{"deployment.apps/web labeled"},
		},
		{
			Args: []string{"-n", "shop", "rollout", "restart", web},
			Want: Unasked, Says: []string{"deployment.apps/web restarted"},
		},
		{
			Title: "nor do the Pods that the controllers make of it",
			Args:  []string{"-n", "shop", "get", "replicasets", "-l", "app=web"},
			Want:  Unasked, Until: twoGenerations(),
		},
	}
}

func otherCommands(l *lab.Lab) []Step {
	return []Step{
		{
			Title: "kubectl set image to a tag that does not exist is refused",
			Args:  []string{"-n", "shop", "set", "image", web, "web=" + l.Open.Ref("shop/web:1.92")},
			Want:  Refused, Says: []string{l.Open.Ref("shop/web:1.92"), l.Open.Ref("shop/web:1.29")}, Reason: tagNotFound,
		},
		{
			Args: []string{"-n", "shop", "set", "image", web, "web=" + l.Open.Ref("shop/web:1.29")},
			Want: Accepted, Says: []string{"deployment.apps/web image updated"}, Reason: pullable,
		},
		{
			Title: "kubectl debug with a tag that does not exist is refused",
			Args:  []string{"-n", "shop", "run", "box", "--image=" + l.Open.Ref("shop/web:1.29")},
			Want:  Accepted, Says: []string{"pod/box created"},
		},
		{
			Args: []string{"-n", "shop", "debug", "box", "--attach=false", "-c", "debugger", "--image=" + l.Open.Ref("tools/debug:1.63")},
			Want: Refused, Says: []string{l.Open.Ref("tools/debug:1.63"), l.Open.Ref("tools/debug:1.36")}, Reason: tagNotFound,
		},
		{
			Args: []string{"-n", "shop", "debug", "box", "--attach=false", "-c", "debugger", "--image=" + l.Open.Ref("tools/debug:1.36")},
			Want: Accepted, Reason: pullable,
		},
	}
}
