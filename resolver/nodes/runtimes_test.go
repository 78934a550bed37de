package nodes

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/resolver/pull"
)

func TestRuntimes(t *testing.T) {
	tests := []struct {
		reported []string
		want     pull.Runtimes
	}{
		{nil, 0},
		{[]string{"containerd://2.4.2"}, pull.Containerd},
		{[]string{"containerd://v2.1.0-rc.1"}, pull.Containerd},
		{[]string{"containerd://2.10.0"}, pull.Containerd},
		{[]string{"containerd://3.0.1"}, pull.Containerd},
		{[]string{"containerd://1.7.20"}, pull.ContainerdLocal},
		{[]string{"containerd://1.7.24~ds1"}, pull.ContainerdLocal},
		{[]string{"containerd://2.0.5-k3s1"}, pull.ContainerdLocal},
		{[]string{"containerd://2.0.0-rc.3+unknown"}, pull.ContainerdLocal},
		{[]string{"containerd://"}, pull.Containerd},
		{[]string{"containerd://Unknown"}, pull.Containerd},
		{[]string{"containerd://2"}, pull.Containerd},
		{[]string{"containerd://1.x.y"}, pull.Containerd},
		{[]string{"containerd://99999999999.0.0"}, pull.Containerd},
		{[]string{"cri-o://1.36.1"}, pull.CRIO},
		{[]string{"cri-o://"}, pull.CRIO},
		{[]string{"docker://28.0.4"}, pull.OtherRuntime},
		{[]string{""}, pull.Containerd},
		{[]string{"containerd:2.4.2"}, pull.OtherRuntime},
		{[]string{"Containerd://2.4.2"}, pull.OtherRuntime},
		{[]string{"containerd://2.4.2", "cri-o://1.36.1", "containerd://2.3.0"}, pull.Containerd | pull.CRIO},
		{[]string{"containerd://1.7.20", "containerd://2.4.2", "docker://28.0.4"}, pull.ContainerdLocal | pull.Containerd | pull.OtherRuntime},
	}
	for _, tt := range tests {
		var all []Node
		for _, reported := range tt.reported {
			all = append(all, FromObject(node(corev1.NodeSystemInfo{ContainerRuntimeVersion: reported}, nil)))
		}
		if got := Runtimes(all); got != tt.want {
			t.Errorf("%q: %04b, want %04b", tt.reported, got, tt.want)
		}
	}
}
