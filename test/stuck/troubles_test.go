package stuck

import (
	"archive/tar"
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/test/pulloracle/content"
	"github.com/pullgate/pullgate/test/pulloracle/scenario"
	"github.com/pullgate/pullgate/test/stuck/stage"
)

// trouble is one way in which a Pod does not get its image.
type trouble struct {
	// Scenario is what the registry holds. Its Name is that of the namespace and
	// of the workload in it, its About the heading of what is recorded.
	scenario.Scenario
	// on is the Node; empty: Roomy.
	on string
	// target is what is explained; empty: deployment/NAME.
	target string
	// objects are made for it; empty: web.
	objects string
	// settled is what the Pods and events have, as JSON, when the kubelet has
	// said what there is to say.
	settled string
	// state and code are the answer; silent is the code for who may read no
	// events, where it is another.
	state, code, silent string
	// names is what the answer has to name.
	names string
	// fill puts what people know in the place of placeholders.
	fill map[string]string
	// before makes what there is to be before.
	before func(t *testing.T, tr trouble)
	// outside is what is put right that no command of kubectl's or the node's can.
	outside func()
	// stays has what is wrong stay wrong: no command is given that would mend it.
	stays bool
}

// web is a Deployment of one Pod.
const web = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: "{name}"}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {pod}
`

// pod is a Pod's spec.
const pod = `{
  nodeName: {node}, hostNetwork: true, automountServiceAccountToken: false, terminationGracePeriodSeconds: 1,
  containers: [{name: web, image: "{image}", volumeMounts: [{name: program, mountPath: /true, readOnly: true}]}],
  volumes: [{name: program, hostPath: {path: "{sleeper}", type: File}}]}`

// with changes the Pod of web.
func with(pairs ...string) string {
	return strings.NewReplacer(pairs...).Replace(strings.ReplaceAll(web, "{pod}", pod))
}

// secret is a pull secret regcred for the registry.
func secret(text string) string {
	return `
apiVersion: v1
kind: Secret
metadata: {name: regcred}
type: kubernetes.io/dockerconfigjson
stringData: {.dockerconfigjson: '` + text + `'}
---`
}

const useSecret = "containers:"

// marker is in every password: no output may have it.
const marker = "hunter2-MARKER"

func private() scenario.Access {
	return scenario.Access{Scheme: scenario.Bearer, Users: []string{"alice:" + marker}}
}

// login fills in the commands that make a pull secret.
func login() map[string]string {
	return map[string]string{"NAME": "regcred", "USER": "alice", "PASSWORD": marker}
}

// failed is what the status has when a pull failed.
const failed = `"reason":"(ErrImagePull|ImagePullBackOff)"`

// neverPulled is what it has when the image is not there and is not pulled.
const neverPulled = `"waiting":{"reason":"ErrImageNeverPull","message"`

func troubles() []trouble {
	pulls := "imagePullSecrets: [{name: regcred}], " + useSecret
	return []trouble{
		{Scenario: scenario.Scenario{Name: "tag", Image: "{plain}/{repo}:2", About: "an invalid or missing tag"},
			settled: failed, state: "broken", code: "TagNotFound"},
		{Scenario: scenario.Scenario{Name: "repository", Image: "{plain}/other/{repo}:1", About: "a wrong repository name"},
			settled: failed, state: "broken", code: "RepositoryNotFound", fill: map[string]string{"IMAGE": "{plain}/{repo}:1"}},
		{Scenario: scenario.Scenario{Name: "name", Image: "{plain}/{repo}/Web:1", About: "a wrong or unqualified image name: one that no node can parse"},
			settled: `"reason":"InvalidImageName"`, state: "broken", code: "InvalidImageName", fill: map[string]string{"IMAGE": "{plain}/{repo}:1"}},
		{Scenario: scenario.Scenario{Name: "unqualified", Image: "{repo}:1", About: "a wrong or unqualified image name: no registry in it",
			Access: scenario.Access{Scheme: scenario.Bearer, Users: []string{"alice:" + marker}, Anonymous: scenario.EmptyTok},
			Certs:  map[string]string{"docker.io/hosts.toml": `server = "http://{plain}"`}},
			settled: failed, state: "broken", code: "CredentialsRequired", fill: login()},
		{Scenario: scenario.Scenario{Name: "secret-none", About: "no permission: a private image without a pull secret", Access: private()},
			settled: failed, state: "broken", code: "CredentialsRequired", fill: login()},
		{Scenario: scenario.Scenario{Name: "secret-wrong", About: "no permission: a pull secret that is refused", Access: private()},
			objects: secret(`{"auths":{"{plain}":{"username":"alice","password":"`+marker+`-old"}}}`) + with(useSecret, pulls),
			settled: failed, state: "broken", code: "CredentialsRejected", fill: login()},
		{Scenario: scenario.Scenario{Name: "secret-missing", About: "no permission: a pull secret that does not exist", Access: private()},
			objects: with(useSecret, pulls),
			settled: failed, state: "broken", code: "CredentialsRequired", fill: login()},
		{Scenario: scenario.Scenario{Name: "secret-other", About: "no permission: a pull secret for another registry", Access: private()},
			objects: secret(`{"auths":{"other.example":{"username":"alice","password":"`+marker+`"}}}`) + with(useSecret, pulls),
			settled: failed, state: "broken", code: "CredentialsRequired", fill: map[string]string{"NAME": "another", "USER": "alice", "PASSWORD": marker}},
		{Scenario: scenario.Scenario{Name: "secret-malformed", About: "a pull secret that the kubelet cannot read", Access: private()},
			objects: secret(`{"auths":{"{plain}":{"auth":"!"}}}`) + with(useSecret, pulls),
			settled: `"reason":"illegal base64`, state: "broken", code: "PullSecretMalformed", fill: login()},
		{Scenario: scenario.Scenario{Name: "closed", Image: "{closed}/{repo}:1", About: "a registry that is not accessible"},
			settled: failed, state: "unknown", code: "RegistryUnreachable", stays: true},
		{Scenario: scenario.Scenario{Name: "platform", About: "an image for other platforms", Holds: content.Index{Entries: []content.Entry{{Platform: "linux/s390x"}}}},
			settled: failed, state: "broken", code: "PlatformMismatch", stays: true},
		{Scenario: scenario.Scenario{Name: "unpack", About: "layers that cannot be unpacked", Holds: content.Image{Layers: []content.Layer{{Data: "no tar file of SEED"}}}},
			settled: failed, state: "broken", code: "NotUnpacked", outside: func() { push("unpack") }},
		{Scenario: scenario.Scenario{Name: "diff", About: "layers that are not those of the config", Holds: content.Image{Layers: []content.Layer{{WrongDiffID: true}}}},
			settled: failed, state: "broken", code: "NotUnpacked", outside: func() { push("diff") }},
		{Scenario: scenario.Scenario{Name: "never", About: "pull policy Never"},
			objects: with(`volumeMounts`, `imagePullPolicy: Never, volumeMounts`),
			settled: neverPulled, state: "broken", code: "NeverPresent"},
		{Scenario: scenario.Scenario{Name: stage.Refused, About: "a node that verifies signatures"},
			settled: failed, state: "broken", code: "SignatureRefused", stays: true},
		{Scenario: scenario.Scenario{Name: "init", Image: "{plain}/{repo}:2", About: "an init container"},
			objects: with(`containers: [{name: web, image: "{image}"`, `initContainers: [{name: first, image: "{image}", command: [/true], args: [once], volumeMounts: [{name: program, mountPath: /true, readOnly: true}]}], containers: [{name: web, image: "{plain}/{repo}:1"`),
			settled: failed, state: "broken", code: "TagNotFound"},
		{Scenario: scenario.Scenario{Name: "volume", Image: "{plain}/{repo}:2", About: "an image volume"},
			objects: with(`image: "{image}", volumeMounts: [`, `image: "{plain}/{repo}:1", volumeMounts: [{name: data, mountPath: /data}, `,
				`volumes: [`, `volumes: [{name: data, image: {reference: "{image}"}}, `),
			settled: failed, state: "broken", code: "TagNotFound"},
		{Scenario: scenario.Scenario{Name: "no-pause", About: "the image of the Pods' sandboxes"}, on: stage.Bare,
			settled: "FailedCreatePodSandBox", state: "broken", code: "Sandbox", silent: "NotStarted", outside: func() { on.Lab.Mend(stage.NoSandbox) }},
		{Scenario: scenario.Scenario{Name: "kept", About: "KEP-2535: the node has it, and gives it to who has the pull secret", Access: private()}, before: pulledBefore,
			settled: failed, state: "broken", code: "KeptFromPod", fill: login()},
		{Scenario: scenario.Scenario{Name: "kept-never", About: "KEP-2535 and pull policy Never", Access: private()}, before: pulledBefore,
			objects: with(`volumeMounts`, `imagePullPolicy: Never, volumeMounts`),
			settled: neverPulled, state: "broken", code: "KeptFromPod", fill: login()},
		{Scenario: scenario.Scenario{Name: "quota", About: "a namespace's quota"},
			before:  noQuota,
			settled: "exceeded quota", state: "broken", code: "NotCreated", fill: map[string]string{"COUNT": "1"}},
		{Scenario: scenario.Scenario{Name: "refused", About: "Pods that the API server refuses"},
			objects: with(useSecret, "serviceAccountName: nobody, "+useSecret),
			settled: "FailedCreate", state: "broken", code: "NotCreated"},
	}
}

// push pushes an image that is as it should be.
func push(name string) {
	if err := on.Lab.Push(name, content.Image{}); err != nil {
		panic(err)
	}
}

// pulledBefore has a Pod of another namespace pull the image with a pull secret, and
// waits until its Node lists it: the kubelet does so every 30 s.
func pulledBefore(t *testing.T, tr trouble) {
	t.Helper()
	tr.Image, tr.objects = on.Lab.Image(tr.Name), secret(`{"auths":{"{plain}":{"username":"alice","password":"`+marker+`"}}}`)+
		with(useSecret, "imagePullSecrets: [{name: regcred}], "+useSecret)
	namespace := tr.Name + "-before"
	if err := on.Namespace(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	if _, err := on.Must(t.Context(), tr.yaml(), "-n", namespace, "apply", "-f", "-"); err != nil {
		t.Fatal(err)
	}
	err := on.Await(t.Context(), "Node that lists "+tr.Image, patience, func() (bool, error) {
		node, err := on.Get(t.Context(), "/api/v1/nodes/"+tr.node())
		return strings.Contains(string(node), tr.Image), err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// noQuota lets the namespace have no Pods, and waits until it is so.
func noQuota(t *testing.T, tr trouble) {
	t.Helper()
	if _, err := on.Must(t.Context(), "", "-n", tr.Name, "create", "quota", "few", "--hard=pods=0"); err != nil {
		t.Fatal(err)
	}
	err := on.Await(t.Context(), "quota", patience, func() (bool, error) {
		quota, err := on.Get(t.Context(), "/api/v1/namespaces/"+tr.Name+"/resourcequotas/few")
		return strings.Contains(string(quota), `"used":{"pods":"0"}`), err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// narrow are the troubles of the Node Narrow, and those in which nothing else may
// be pulled.
func narrow() []trouble {
	return []trouble{
		{Scenario: scenario.Scenario{Name: "hang", About: "a pull that hangs", Faults: []scenario.Fault{{Object: scenario.Blobs + "/{layer}", Hang: true}}},
			settled: `Pulling image`, state: "unknown", code: "Hanging", outside: func() { on.Lab.Mend("hang") }},
		{Scenario: scenario.Scenario{Name: "rate", About: "the kubelet's own limit of pulls a second"}, on: stage.Narrow,
			objects: strings.Replace(with(`volumeMounts`, `imagePullPolicy: Always, volumeMounts`), "replicas: 1", "replicas: 3", 1),
			settled: `"reason":"ErrImagePull","message":"pull QPS exceeded`, state: "healed", code: "PullRateOnNode"},
		{Scenario: scenario.Scenario{Name: "full", About: "no space left on the node's disk", Holds: large("full", 14<<20)}, on: stage.Narrow,
			before: func(t *testing.T, tr trouble) { tr.run(t, "crictl pull "+on.Lab.Image("ballast")) },
			// The one before may have left the kubelet no pull a second at first.
			settled: `"waiting":\{"reason":"(ErrImagePull|ImagePullBackOff)","message":"([^"\\]|\\.)*no space left`, state: "broken", code: "NoSpace"},
		{Scenario: scenario.Scenario{Name: "queued", About: "a pull that waits behind another"}, on: stage.Narrow, before: anotherFirst,
			settled: `(?s)ContainerCreating.*Pulling image \\"[^"]*/queued/app:1`, state: "unknown", code: "Queued", silent: "Hanging", names: "{plain}/first/app:1",
			outside: func() { on.Lab.Mend("first") }},
	}
}

// others are images that trouble others.
func others() []scenario.Scenario {
	return []scenario.Scenario{
		{Name: "ballast", Holds: large("ballast", 20<<20)},
		{Name: "first", Faults: []scenario.Fault{{Object: scenario.Blobs + "/{layer}", Hang: true}}},
	}
}

// large is an image of so many bytes.
func large(name string, size int) content.Content {
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	if err := errors.Join(content.WriteFile(w, name, 0o600, make([]byte, size)), w.Close()); err != nil {
		panic(err)
	}
	return content.Image{Layers: []content.Layer{{Data: layer.String()}}}
}

// anotherFirst has the Node pull an image of which nothing comes.
func anotherFirst(t *testing.T, tr trouble) {
	t.Helper()
	first := trouble{Scenario: scenario.Scenario{Name: "first"}, on: tr.on, settled: "Pulling image"}
	first.make(t)
}

func (t trouble) node() string {
	if t.on == "" {
		return stage.Roomy
	}
	return t.on
}

// yaml is what is made for a trouble.
func (t trouble) yaml() string {
	text := t.objects
	if text == "" {
		text = with()
	}
	text = strings.NewReplacer("{image}", on.Lab.Image(t.Name), "{node}", t.node(), "{sleeper}", absolute(root+"/bin/sleeper")).Replace(text)
	return on.Lab.Fill(t.Name, text)
}
