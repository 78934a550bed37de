package operate

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pullgate/pullgate/test/operate/ground"
)

// The image runs as it is, as somebody who is not root, on a root file system
// that is read-only, without the chart: the kubelet takes the user from it.
func TestImageRuns(t *testing.T) {
	const pod = "image"
	manifest := fmt.Sprintf(`{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": %q}, "spec": {
		"restartPolicy": "Never",
		"containers": [{"name": "pullgate", "image": %q, "imagePullPolicy": "Never", "args": ["serve", "--cert-dir=/certs"],
			"securityContext": {"runAsNonRoot": true, "readOnlyRootFilesystem": true, "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
			"volumeMounts": [{"name": "certs", "mountPath": "/certs"}]}],
		"volumes": [{"name": "certs", "secret": {"secretName": %q}}]}}`, pod, ground.Image, pod)
	leaf := expiredData(t, time.Now().AddDate(0, -1, 0))
	secret := fmt.Sprintf(`{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": %q}, "data": {"tls.crt": %q, "tls.key": %q}}`, pod, leaf["tls.crt"], leaf["tls.key"])
	if _, err := on.Must(t.Context(), secret+"\n---\n"+manifest, "-n", "kube-system", "apply", "-f", "-"); err != nil {
		t.Fatal(err)
	}
	defer must(t, "-n", "kube-system", "delete", "pod,secret", pod, "--now")
	must(t, "-n", "kube-system", "wait", "--for=jsonpath={.status.phase}=Running", "pod/"+pod, "--timeout=1m")
	address := must(t, "-n", "kube-system", "get", "pod", pod, "-o", "jsonpath={.status.podIP}")
	if _, err := await(t, "healthy", time.Minute, func() bool {
		response, err := http.Get("http://" + net.JoinHostPort(strings.TrimSpace(address), "8081") + "/healthz")
		if err != nil {
			return false
		}
		return response.Body.Close() == nil && response.StatusCode == http.StatusOK
	}); err != nil {
		t.Errorf("%v: %s", err, must(t, "-n", "kube-system", "get", "pod", pod, "-o", "yaml"))
	}
}
