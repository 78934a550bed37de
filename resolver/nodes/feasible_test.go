package nodes

import (
	"fmt"
	"slices"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	corev1 "k8s.io/api/core/v1"
)

const (
	noSchedule = corev1.TaintEffectNoSchedule
	noExecute  = corev1.TaintEffectNoExecute
)

// cluster returns a node for each of four kinds.
func cluster() []Node {
	node := func(name, os, arch string, labels map[string]string, taints ...corev1.Taint) Node {
		return Node{Name: name, Labels: labels, Taints: taints, Platform: ocispec.Platform{OS: os, Architecture: arch}}
	}
	return []Node{
		node("amd", "linux", "amd64", map[string]string{"arch": "amd64", "cores": "8", "disk": "ssd"}),
		node("arm", "linux", "arm64", map[string]string{"arch": "arm64", "cores": "64"},
			corev1.Taint{Key: "arch", Value: "arm64", Effect: noSchedule}),
		node("gpu", "linux", "amd64", map[string]string{"arch": "amd64", "cores": "32"},
			corev1.Taint{Key: "gpu", Effect: noExecute}, corev1.Taint{Key: "cost", Value: "9", Effect: noSchedule}),
		node("win", "windows", "amd64", map[string]string{"arch": "amd64"},
			corev1.Taint{Key: "mild", Effect: corev1.TaintEffectPreferNoSchedule}),
	}
}

// affinity returns a required node affinity.
func affinity(terms ...corev1.NodeSelectorTerm) *corev1.Affinity {
	return &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: terms},
	}}
}

// labelled returns a term of one expression over labels.
func labelled(key string, op corev1.NodeSelectorOperator, values ...string) corev1.NodeSelectorTerm {
	return corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: key, Operator: op, Values: values}}}
}

// named returns a term for one node.
func named(name string) corev1.NodeSelectorTerm {
	return corev1.NodeSelectorTerm{MatchFields: []corev1.NodeSelectorRequirement{
		{Key: "metadata.name", Operator: corev1.NodeSelectorOpIn, Values: []string{name}}}}
}

// tolerating returns a spec with one toleration.
func tolerating(key string, op corev1.TolerationOperator, value string, effect corev1.TaintEffect) corev1.PodSpec {
	return corev1.PodSpec{Tolerations: []corev1.Toleration{{Key: key, Operator: op, Value: value, Effect: effect}}}
}

// checkFeasible compares the names of feasible nodes.
func checkFeasible(t *testing.T, nodes []Node, spec *corev1.PodSpec, daemonSet bool, want ...string) {
	t.Helper()
	var got []string
	for _, n := range Feasible(nodes, spec, daemonSet) {
		got = append(got, n.Name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("feasible %q, want %q", got, want)
	}
}

func TestFeasible(t *testing.T) {
	class := "gvisor"
	all := tolerating("", corev1.TolerationOpExists, "", "").Tolerations
	tests := []struct {
		name string
		spec corev1.PodSpec
		want []string
	}{
		{"anything", corev1.PodSpec{}, []string{"amd", "win"}},
		{"everywhere", corev1.PodSpec{Tolerations: all}, []string{"amd", "arm", "gpu", "win"}},
		{"selector", corev1.PodSpec{NodeSelector: map[string]string{"disk": "ssd"}}, []string{"amd"}},
		{"selector of two", corev1.PodSpec{NodeSelector: map[string]string{"disk": "ssd", "arch": "arm64"}}, nil},
		{"affinity In", corev1.PodSpec{Affinity: affinity(labelled("arch", corev1.NodeSelectorOpIn, "arm64", "s390x")), Tolerations: all}, []string{"arm"}},
		{"affinity NotIn", corev1.PodSpec{Affinity: affinity(labelled("arch", corev1.NodeSelectorOpNotIn, "amd64")), Tolerations: all}, []string{"arm"}},
		{"affinity Exists", corev1.PodSpec{Affinity: affinity(labelled("disk", corev1.NodeSelectorOpExists)), Tolerations: all}, []string{"amd"}},
		{"affinity Gt", corev1.PodSpec{Affinity: affinity(labelled("cores", corev1.NodeSelectorOpGt, "31")), Tolerations: all}, []string{"arm", "gpu"}},
		{"affinity terms are alternatives", corev1.PodSpec{Affinity: affinity(labelled("disk", corev1.NodeSelectorOpExists), named("gpu")), Tolerations: all}, []string{"amd", "gpu"}},
		{"affinity and selector", corev1.PodSpec{Affinity: affinity(labelled("cores", corev1.NodeSelectorOpExists)),
			NodeSelector: map[string]string{"arch": "amd64"}, Tolerations: all}, []string{"amd", "gpu"}},
		{"affinity without required terms", corev1.PodSpec{Affinity: &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{}}}, []string{"amd", "win"}},
		{"affinity to Pods", corev1.PodSpec{Affinity: &corev1.Affinity{PodAffinity: &corev1.PodAffinity{}}}, []string{"amd", "win"}},
		{"affinity to nothing", corev1.PodSpec{Affinity: affinity(corev1.NodeSelectorTerm{})}, nil},
		{"linux", corev1.PodSpec{OS: &corev1.PodOS{Name: corev1.Linux}}, []string{"amd"}},
		{"windows", corev1.PodSpec{OS: &corev1.PodOS{Name: corev1.Windows}}, []string{"win"}},
		{"node name", corev1.PodSpec{NodeName: "win"}, []string{"win"}},
		{"node name passes NoSchedule by", corev1.PodSpec{NodeName: "arm"}, []string{"arm"}},
		{"node name heeds NoExecute", corev1.PodSpec{NodeName: "gpu"}, nil},
		{"node name heeds selectors", corev1.PodSpec{NodeName: "amd", NodeSelector: map[string]string{"disk": "hdd"}}, nil},
		{"node name unheard of", corev1.PodSpec{NodeName: "new"}, nil},
		{"runtime class may tolerate NoSchedule", corev1.PodSpec{RuntimeClassName: &class}, []string{"amd", "arm", "win"}},
		{"toleration Equal", tolerating("arch", corev1.TolerationOpEqual, "arm64", noSchedule), []string{"amd", "arm", "win"}},
		{"toleration without operator", tolerating("arch", "", "arm64", ""), []string{"amd", "arm", "win"}},
		{"toleration of another value", tolerating("arch", "", "s390x", noSchedule), []string{"amd", "win"}},
		{"toleration of another effect", tolerating("arch", corev1.TolerationOpExists, "", noExecute), []string{"amd", "win"}},
		{"toleration of one taint of two", tolerating("gpu", corev1.TolerationOpExists, "", ""), []string{"amd", "win"}},
		{"toleration by comparison", corev1.PodSpec{Tolerations: append(
			tolerating("gpu", corev1.TolerationOpExists, "", noExecute).Tolerations,
			tolerating("cost", corev1.TolerationOpGt, "5", noSchedule).Tolerations...)}, []string{"amd", "gpu", "win"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkFeasible(t, cluster(), &tt.spec, false, tt.want...) })
	}
}

func TestFeasibleDaemonSet(t *testing.T) {
	checkFeasible(t, cluster(), &corev1.PodSpec{}, true, "amd", "win")
	checkFeasible(t, cluster(), &corev1.PodSpec{NodeName: "arm"}, true)
	checkFeasible(t, cluster(), &corev1.PodSpec{NodeName: "amd"}, true, "amd")
}

func TestFeasibleIgnoresTheMalformed(t *testing.T) {
	all := []string{"amd", "arm", "gpu", "win"}
	everywhere := tolerating("", corev1.TolerationOpExists, "", "")
	tests := []struct {
		name string
		spec corev1.PodSpec
	}{
		{"selector key", corev1.PodSpec{NodeSelector: map[string]string{"no key!": "a"}, Tolerations: everywhere.Tolerations}},
		{"selector value", corev1.PodSpec{NodeSelector: map[string]string{"disk": "no value!"}, Tolerations: everywhere.Tolerations}},
		{"affinity without terms", corev1.PodSpec{Affinity: affinity(), Tolerations: everywhere.Tolerations}},
		{"affinity operator", corev1.PodSpec{Affinity: affinity(labelled("disk", "Is", "ssd"), labelled("disk", corev1.NodeSelectorOpExists)), Tolerations: everywhere.Tolerations}},
		{"affinity value", corev1.PodSpec{Affinity: affinity(labelled("cores", corev1.NodeSelectorOpGt, "many")), Tolerations: everywhere.Tolerations}},
		{"operating system", corev1.PodSpec{OS: &corev1.PodOS{Name: "plan9"}, Tolerations: everywhere.Tolerations}},
		{"toleration operator", tolerating("x", "Has", "", "")},
		{"toleration without key", tolerating("", corev1.TolerationOpEqual, "x", "")},
		{"toleration value", tolerating("x", corev1.TolerationOpLt, "many", "")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkFeasible(t, cluster(), &tt.spec, false, all...) })
	}
	checkFeasible(t, cluster(), nil, false, all...)
	checkFeasible(t, []Node{{Name: "silent"}}, &corev1.PodSpec{OS: &corev1.PodOS{Name: corev1.Linux}}, false, "silent")
}

func TestFeasibleTaintsThatPass(t *testing.T) {
	tests := []struct {
		key     string
		passing bool
	}{
		{"node.kubernetes.io/not-ready", true},
		{"node.kubernetes.io/unreachable", true},
		{"node.kubernetes.io/unschedulable", true},
		{"node.kubernetes.io/memory-pressure", true},
		{"node.kubernetes.io/disk-pressure", true},
		{"node.kubernetes.io/pid-pressure", true},
		{"node.kubernetes.io/network-unavailable", true},
		{"node.cloudprovider.kubernetes.io/uninitialized", true},
		{"node.cloudprovider.kubernetes.io/shutdown", true},
		{"node.kubernetes.io/out-of-service", false},
		{"node-role.kubernetes.io/control-plane", false},
		{"", false},
	}
	for _, tt := range tests {
		for _, effect := range []corev1.TaintEffect{noSchedule, noExecute} {
			node := []Node{{Name: "n", Taints: []corev1.Taint{{Key: tt.key, Effect: effect}}}}
			if got := len(Feasible(node, &corev1.PodSpec{}, false)) == 1; got != tt.passing {
				t.Errorf("%s:%s: feasible is %t", tt.key, effect, got)
			}
		}
	}
}

func TestFeasibleLeavesItsArgumentAlone(t *testing.T) {
	nodes := cluster()
	checkFeasible(t, nodes, &corev1.PodSpec{NodeName: "win"}, false, "win")
	checkFeasible(t, nodes, tolerateAll(), false, "amd", "arm", "gpu", "win")
	checkFeasible(t, nil, &corev1.PodSpec{}, false)
}

// tolerateAll returns a spec that can land on any node.
func tolerateAll() *corev1.PodSpec {
	spec := tolerating("", corev1.TolerationOpExists, "", "")
	return &spec
}

func BenchmarkFeasible(b *testing.B) {
	var nodes []Node
	for i := range 1250 {
		for _, n := range cluster() {
			n.Name = fmt.Sprint(n.Name, i)
			nodes = append(nodes, n)
		}
	}
	specs := map[string]*corev1.PodSpec{
		"none excluded": tolerateAll(),
		"some excluded": {NodeSelector: map[string]string{"arch": "amd64"}, Affinity: affinity(labelled("cores", corev1.NodeSelectorOpGt, "31"))},
	}
	for name, spec := range specs {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Feasible(nodes, spec, false)
			}
		})
	}
}
