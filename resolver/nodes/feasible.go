package nodes

import (
	"slices"
	"strconv"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
)

// Feasible returns the nodes on which a Pod with this spec can land, now or
// later: by node name, node selector, required node affinity, operating system
// and taints. Resources, other Pods and volumes are not looked at, and what is
// malformed in the spec excludes no node, since a node too many never makes an
// image seem broken. The result may be the given slice.
//
// The Pods of a DaemonSet differ in that its controller heeds taints even where
// the spec names a node. The tolerations that it adds are for taints that count
// for nobody here.
func Feasible(nodes []Node, spec *corev1.PodSpec, daemonSet bool) []Node {
	if spec == nil {
		return nodes
	}
	f := newFilter(spec, daemonSet)
	first := 0
	for first < len(nodes) && !f.excludes(&nodes[first]) {
		first++
	}
	if first == len(nodes) {
		return nodes
	}
	feasible := slices.Clone(nodes[:first])
	for i := first + 1; i < len(nodes); i++ {
		if !f.excludes(&nodes[i]) {
			feasible = append(feasible, nodes[i])
		}
	}
	return feasible
}

// filter is a pod spec's say on nodes.
type filter struct {
	spec     *corev1.PodSpec
	selector labels.Selector            // nil: any node
	affinity *nodeaffinity.NodeSelector // nil: any node
	noSched  bool                       // whether taints of effect NoSchedule count
	node     corev1.Node                // what affinity is asked about, one after the other
}

// newFilter prepares what nodes are matched with.
func newFilter(spec *corev1.PodSpec, daemonSet bool) *filter {
	f := &filter{spec: spec}
	if len(spec.NodeSelector) > 0 {
		if selector, err := labels.ValidatedSelectorFromSet(spec.NodeSelector); err == nil {
			f.selector = selector
		}
	}
	if required := requiredAffinity(spec); required != nil && len(required.NodeSelectorTerms) > 0 {
		if selector, err := nodeaffinity.NewNodeSelector(required); err == nil {
			f.affinity = selector
		}
	}
	// A Pod that names its node passes the scheduler by, and the kubelet heeds
	// NoExecute alone (Kubernetes pkg/kubelet/lifecycle/predicate.go,
	// generalFilter). A runtime class can bring tolerations that only show once
	// the Pod is admitted (plugin/pkg/admission/runtimeclass/admission.go).
	f.noSched = (spec.NodeName == "" || daemonSet) && spec.RuntimeClassName == nil
	return f
}

// requiredAffinity returns the required node affinity, nil if there is none.
func requiredAffinity(spec *corev1.PodSpec) *corev1.NodeSelector {
	if spec.Affinity == nil || spec.Affinity.NodeAffinity == nil {
		return nil
	}
	return spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
}

// excludes tells whether the Pod cannot land on a node.
func (f *filter) excludes(n *Node) bool {
	if f.spec.NodeName != "" && f.spec.NodeName != n.Name {
		return true
	}
	if f.selector != nil && !f.selector.Matches(labels.Set(n.Labels)) {
		return true
	}
	if f.affinity != nil {
		f.node.Name, f.node.Labels = n.Name, n.Labels
		if !f.affinity.Match(&f.node) {
			return true
		}
	}
	return f.foreignOS(n) || slices.ContainsFunc(n.Taints, f.repelledBy)
}

// foreignOS tells whether the kubelet would turn the Pod away for its
// operating system (Kubernetes pkg/kubelet/lifecycle/predicate.go,
// rejectPodAdmissionBasedOnOSField).
func (f *filter) foreignOS(n *Node) bool {
	if f.spec.OS == nil || n.Platform.OS == "" {
		return false
	}
	switch os := f.spec.OS.Name; os {
	case corev1.Linux, corev1.Windows:
		return string(os) != n.Platform.OS
	default:
		return false
	}
}

// repelledBy tells whether a taint keeps the Pod off.
func (f *filter) repelledBy(taint corev1.Taint) bool {
	switch taint.Effect {
	case corev1.TaintEffectNoExecute:
	case corev1.TaintEffectNoSchedule:
		if !f.noSched {
			return false
		}
	default:
		return false
	}
	return !passing(taint.Key) && !slices.ContainsFunc(f.spec.Tolerations, func(t corev1.Toleration) bool {
		return malformed(t) || t.ToleratesTaint(logr.Discard(), &taint, true)
	})
}

// passing tells whether a taint comes and goes with the node's condition: the
// Pod could land there when it is gone.
func passing(key string) bool {
	switch key {
	case corev1.TaintNodeNotReady, corev1.TaintNodeUnreachable, corev1.TaintNodeUnschedulable,
		corev1.TaintNodeMemoryPressure, corev1.TaintNodeDiskPressure, corev1.TaintNodePIDPressure,
		corev1.TaintNodeNetworkUnavailable,
		// The two taints of the cloud controller manager (k8s.io/cloud-provider
		// api/well_known_taints.go).
		"node.cloudprovider.kubernetes.io/uninitialized", "node.cloudprovider.kubernetes.io/shutdown":
		return true
	default:
		return false
	}
}

// malformed tells whether the API server would refuse the toleration (Kubernetes
// pkg/apis/core/validation/validation.go, ValidateTolerations).
func malformed(t corev1.Toleration) bool {
	switch t.Operator {
	case corev1.TolerationOpExists:
		return false
	case "", corev1.TolerationOpEqual:
		return t.Key == ""
	case corev1.TolerationOpLt, corev1.TolerationOpGt:
		_, err := strconv.ParseInt(t.Value, 10, 64)
		return err != nil
	default:
		return true
	}
}
