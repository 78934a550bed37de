package check

import (
	"slices"
	"testing"

	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/workload"
)

func TestPlatformsOfASpec(t *testing.T) {
	required := func(terms ...corev1.NodeSelectorTerm) *corev1.PodSpec {
		return &corev1.PodSpec{Affinity: &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: terms},
		}}}
	}
	term := func(key, value string) corev1.NodeSelectorTerm {
		return corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{
			{Key: key, Operator: corev1.NodeSelectorOpIn, Values: []string{value}}, {Key: "zone", Operator: corev1.NodeSelectorOpExists},
		}}
	}
	usual := []string{"linux/amd64", "linux/arm64"}
	tests := map[string]struct {
		given []string
		spec  *corev1.PodSpec
		want  []string
	}{
		"nothing asked":           {nil, &corev1.PodSpec{}, usual},
		"given":                   {[]string{"linux/s390x"}, &corev1.PodSpec{}, []string{"linux/s390x"}},
		"other labels":            {nil, &corev1.PodSpec{NodeSelector: map[string]string{"disk": "fast"}, NodeName: "n", Tolerations: []corev1.Toleration{{}}}, usual},
		"architecture":            {nil, &corev1.PodSpec{NodeSelector: map[string]string{"kubernetes.io/arch": "arm64"}}, []string{"linux/arm64"}},
		"old label":               {nil, &corev1.PodSpec{NodeSelector: map[string]string{"beta.kubernetes.io/arch": "arm64"}}, []string{"linux/arm64"}},
		"not among the usual":     {nil, &corev1.PodSpec{NodeSelector: map[string]string{"kubernetes.io/arch": "s390x"}}, []string{"linux/s390x"}},
		"not among the given":     {[]string{"linux/amd64"}, &corev1.PodSpec{NodeSelector: map[string]string{"kubernetes.io/arch": "arm64"}}, []string{"linux/arm64"}},
		"unheard of":              {nil, &corev1.PodSpec{NodeSelector: map[string]string{"kubernetes.io/arch": "z80"}}, usual},
		"windows by os":           {nil, &corev1.PodSpec{OS: &corev1.PodOS{Name: corev1.Windows}}, []string{"windows/amd64"}},
		"windows by label":        {nil, &corev1.PodSpec{NodeSelector: map[string]string{"kubernetes.io/os": "windows"}}, []string{"windows/amd64"}},
		"linux by os":             {nil, &corev1.PodSpec{OS: &corev1.PodOS{Name: corev1.Linux}}, usual},
		"affinity":                {nil, required(term("kubernetes.io/arch", "arm64")), []string{"linux/arm64"}},
		"one of two":              {nil, required(term("kubernetes.io/arch", "arm64"), term("kubernetes.io/arch", "amd64")), usual},
		"one of two is free":      {nil, required(term("kubernetes.io/arch", "arm64"), term("color", "red")), usual},
		"affinity of other kinds": {nil, required(term("color", "red")), usual},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var given []ocispec.Platform
			for _, g := range test.given {
				given = append(given, platforms.MustParse(g))
			}
			if got := names(NewPlatforms(given).of(test.spec, false)); !slices.Equal(got, test.want) {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}

func TestSplit(t *testing.T) {
	arm := &corev1.PodSpec{NodeSelector: map[string]string{"kubernetes.io/arch": "arm64"}}
	any := &corev1.PodSpec{}
	w := workload.Workload{Object: workload.Object{Name: "w"}, Templates: []workload.Template{
		{Field: "a", Spec: any}, {Field: "b", Spec: arm}, {Field: "c", Spec: any},
	}}
	parts := NewPlatforms(nil).split(w)
	if len(parts) != 2 || len(parts[0].workload.Templates) != 2 || parts[1].workload.Templates[0].Field != "b" || parts[1].workload.Object.Name != "w" {
		t.Errorf("parts %+v", parts)
	}
	if len(w.Templates) != 3 {
		t.Error("the workload was changed")
	}
	var none *Platforms
	if parts := none.split(w); len(parts) != 1 || len(parts[0].workload.Templates) != 3 || parts[0].platforms != nil {
		t.Errorf("with Nodes: parts %+v", parts)
	}
}
