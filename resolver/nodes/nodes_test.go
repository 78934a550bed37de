package nodes

import (
	"reflect"
	"strings"
	"testing"

	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	corev1 "k8s.io/api/core/v1"
)

// node returns a node that reports this.
func node(info corev1.NodeSystemInfo, labels map[string]string) *corev1.Node {
	n := &corev1.Node{Status: corev1.NodeStatus{NodeInfo: info}}
	n.Name, n.Labels = "n", labels
	return n
}

func TestFromObjectPlatform(t *testing.T) {
	tests := []struct {
		name   string
		info   corev1.NodeSystemInfo
		labels map[string]string
		want   ocispec.Platform
	}{
		{"amd64", corev1.NodeSystemInfo{OperatingSystem: "linux", Architecture: "amd64", KernelVersion: "6.1.0"}, nil,
			ocispec.Platform{OS: "linux", Architecture: "amd64"}},
		{"arm64", corev1.NodeSystemInfo{OperatingSystem: "linux", Architecture: "arm64"}, nil,
			ocispec.Platform{OS: "linux", Architecture: "arm64"}},
		{"arm", corev1.NodeSystemInfo{OperatingSystem: "linux", Architecture: "arm"}, nil,
			ocispec.Platform{OS: "linux", Architecture: "arm"}},
		{"other spelling", corev1.NodeSystemInfo{OperatingSystem: "Linux", Architecture: "x86_64"}, nil,
			ocispec.Platform{OS: "linux", Architecture: "amd64"}},
		{"windows", corev1.NodeSystemInfo{OperatingSystem: "windows", Architecture: "amd64", KernelVersion: "10.0.20348.2031"}, nil,
			ocispec.Platform{OS: "windows", Architecture: "amd64", OSVersion: "10.0.20348"}},
		{"windows by label", corev1.NodeSystemInfo{OperatingSystem: "windows", Architecture: "amd64"}, map[string]string{"node.kubernetes.io/windows-build": "10.0.17763"},
			ocispec.Platform{OS: "windows", Architecture: "amd64", OSVersion: "10.0.17763"}},
		{"windows of no version", corev1.NodeSystemInfo{OperatingSystem: "windows", Architecture: "amd64"}, nil,
			ocispec.Platform{OS: "windows", Architecture: "amd64"}},
		{"labels", corev1.NodeSystemInfo{}, map[string]string{"kubernetes.io/os": "linux", "kubernetes.io/arch": "s390x"},
			ocispec.Platform{OS: "linux", Architecture: "s390x"}},
		{"system only", corev1.NodeSystemInfo{OperatingSystem: "linux"}, nil, ocispec.Platform{}},
		{"architecture only", corev1.NodeSystemInfo{Architecture: "amd64"}, nil, ocispec.Platform{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := FromObject(node(tt.info, tt.labels)).Platform; !reflect.DeepEqual(got, tt.want) {
				t.Errorf("platform %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestFromObjectRuntime(t *testing.T) {
	tests := []struct{ reported, runtime, version string }{
		{"containerd://2.4.2", "containerd", "2.4.2"},
		{"containerd://v2.0.0-rc.1", "containerd", "2.0.0-rc.1"},
		{"cri-o://1.37.0", "cri-o", "1.37.0"},
		{"containerd://", "containerd", ""},
		{"strange", "strange", ""},
		{"", "", ""},
	}
	for _, tt := range tests {
		got := FromObject(node(corev1.NodeSystemInfo{ContainerRuntimeVersion: tt.reported}, nil))
		if got.Runtime != tt.runtime || got.RuntimeVersion != tt.version {
			t.Errorf("%q: %q of version %q, want %q of %q", tt.reported, got.Runtime, got.RuntimeVersion, tt.runtime, tt.version)
		}
	}
}

func TestFromObjectKeepsWhatPlacesPods(t *testing.T) {
	object := node(corev1.NodeSystemInfo{OperatingSystem: "linux", Architecture: "amd64"}, map[string]string{"a": "b"})
	object.Spec.Taints = []corev1.Taint{{Key: "t", Effect: noSchedule}}
	got := FromObject(object)
	if got.Name != "n" || !reflect.DeepEqual(got.Labels, object.Labels) || !reflect.DeepEqual(got.Taints, object.Spec.Taints) {
		t.Errorf("node %+v", got)
	}
	object.Spec.Unschedulable = true
	object.Spec.Taints = []corev1.Taint{{Key: corev1.TaintNodeUnschedulable, Effect: noSchedule}}
	checkFeasible(t, []Node{FromObject(object)}, &corev1.PodSpec{}, false, "n")
}

func TestHas(t *testing.T) {
	one, two := "sha256:"+strings.Repeat("1", 64), "sha256:"+strings.Repeat("2", 64)
	object := node(corev1.NodeSystemInfo{}, nil)
	object.Status.Images = []corev1.ContainerImage{
		{Names: []string{"docker.io/library/nginx@" + one, "docker.io/library/nginx:1.29"}},
		{Names: []string{"<none>@<none>", "<none>:<none>", ""}},
		{Names: []string{"busybox", "quay.io/org/app:v1@" + two, "localhost:5000/side/loaded:dev"}},
		{},
	}
	n := FromObject(object)
	tests := []struct {
		image string
		want  bool
	}{
		{"nginx:1.29", true},
		{"docker.io/nginx:1.29", true},
		{"index.docker.io/library/nginx:1.29", true},
		{"nginx", false},
		{"nginx:1.28", false},
		{"nginx@" + one, true},
		{"nginx:1.28@" + one, true}, // the tag of a reference with a digest does not count
		{"nginx@" + two, false},
		{"busybox", true},
		{"busybox:latest", true},
		{"quay.io/org/app@" + two, true},
		{"quay.io/org/app:v1", false},
		{"quay.io/org/other@" + two, false},
		{"localhost:5000/side/loaded:dev", true},
	}
	for _, tt := range tests {
		image, err := reference.ParseNormalizedNamed(tt.image)
		if err != nil {
			t.Fatal(err)
		}
		if got := n.Has(image); got != tt.want {
			t.Errorf("Has(%s) is %t", tt.image, got)
		}
	}
	if nginx, _ := reference.ParseNormalizedNamed("nginx"); (Node{}).Has(nginx) {
		t.Error("a node that lists nothing has nginx")
	}
}

func TestLends(t *testing.T) {
	one := "sha256:" + strings.Repeat("1", 64)
	lists := func(kubelet string) Node {
		object := node(corev1.NodeSystemInfo{KubeletVersion: kubelet}, nil)
		object.Status.Images = []corev1.ContainerImage{
			{Names: []string{"quay.io/org/app@" + one, "quay.io/org/app:v1", "quay.io/org/copy:v1"}},
			{Names: []string{"docker.io/library/import-2026-01-01@" + one, "docker.io/library/side:loaded"}},
		}
		return FromObject(object)
	}
	for kubelet, verifies := range map[string]bool{
		"v1.34.9": false, "v1.29.3-eks-ae9a62a": false, "v1.31.1+k3s1": false, "v1.34.0-gke.1": false,
		"v1.35.0": true, "v1.35.0-rc.1": true, "v1.36.3": true, "v1.40.2-gke.100": true, "v2.0.0": true, "": true, "unknown": true,
	} {
		for image, pulled := range map[string]bool{
			"quay.io/org/app:v1": true, "quay.io/org/app@" + one: true, "quay.io/org/app:v2@" + one: true,
			"quay.io/org/copy:v1": false, "side:loaded": false,
		} {
			named, err := reference.ParseNormalizedNamed(image)
			if err != nil {
				t.Fatal(err)
			}
			if got := lists(kubelet).Lends(named); got != (verifies && pulled) {
				t.Errorf("kubelet %q, %s: %t", kubelet, image, got)
			}
		}
	}
}

func TestPlatforms(t *testing.T) {
	of := func(os, arch, variant, version string) Node {
		return Node{Platform: ocispec.Platform{OS: os, Architecture: arch, Variant: variant, OSVersion: version}}
	}
	got := Platforms([]Node{
		of("linux", "arm64", "", ""), {}, of("linux", "amd64", "", ""), of("linux", "arm64", "", ""),
		of("linux", "arm", "v7", ""), of("linux", "arm", "v6", ""),
		of("windows", "amd64", "", "10.0.20348"), of("windows", "amd64", "", "10.0.17763"), of("windows", "amd64", "", "10.0.20348"),
	})
	want := []ocispec.Platform{
		{OS: "linux", Architecture: "arm64"}, {OS: "linux", Architecture: "amd64"},
		{OS: "linux", Architecture: "arm", Variant: "v7"}, {OS: "linux", Architecture: "arm", Variant: "v6"},
		{OS: "windows", Architecture: "amd64", OSVersion: "10.0.20348"}, {OS: "windows", Architecture: "amd64", OSVersion: "10.0.17763"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	untold := corev1.Node{}
	untold.Status.NodeInfo.OperatingSystem, untold.Status.NodeInfo.Architecture = "linux", "arm"
	if got, want := Platforms([]Node{FromObject(&untold)}), []ocispec.Platform{{OS: "linux", Architecture: "arm", Variant: "v7"}, {OS: "linux", Architecture: "arm", Variant: "v8"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("of a variant that nobody tells: %+v", got)
	}
	if got := Platforms(nil); len(got) != 0 {
		t.Errorf("platforms of no nodes: %+v", got)
	}
}
