package pods

import (
	"regexp"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestAll(t *testing.T) {
	all := All()
	if len(all) < 40 {
		t.Errorf("%d cases, want at least 40", len(all))
	}
	names, abouts := map[string]bool{}, map[string]bool{}
	for _, c := range all {
		if names[c.Name] || abouts[c.Group+c.About] || !regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`).MatchString(c.Name) {
			t.Errorf("%q (%s) is no name of a Pod, or there are two of it", c.Name, c.About)
		}
		names[c.Name], abouts[c.Group+c.About] = true, true
		for _, f := range c.Faults {
			if f.Times > 0 || f.After > 0 {
				t.Errorf("%s: the registry changes its mind: Pullgate and the kubelet do not ask the same", c.Name)
			}
		}
		if c.Alone {
			t.Errorf("%s: its certs.d bears on others", c.Name)
		}
	}
	for _, c := range all {
		if c.Of != "" && (!names[c.Of] || !c.Later) {
			t.Errorf("%s is of %q, which is to be pulled first", c.Name, c.Of)
		}
	}
}

func TestOutcomeOf(t *testing.T) {
	const image = "registry.example/app:1\u200b"
	event := func(message string) []corev1.Event {
		return []corev1.Event{{Message: "Created container: app"}, {Message: message}}
	}
	waiting := func(reason, message string) corev1.Pod {
		return corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{
			{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}}}}
	}
	running := corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{
		{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}}}
	const undecodable = "illegal base64 data at input byte 0"
	for name, tt := range map[string]struct {
		place  Place
		pod    corev1.Pod
		events []corev1.Event
		want   Outcome
		good   bool
	}{
		"nothing yet":       {pod: waiting("ContainerCreating", "")},
		"pulled":            {events: event(`Successfully pulled image "registry.example/app:1\u200b" in 5ms`), want: Outcome{Reason: Pulled}, good: true},
		"there already":     {events: event(`Container image "registry.example/app:1\u200b" already present on machine`), want: Outcome{Present, `Container image "registry.example/app:1\u200b" already present on machine`}, good: true},
		"another's":         {events: event(`Successfully pulled image "registry.example/app" in 5ms`)},
		"failed":            {events: event(`Failed to pull image "registry.example/app:1\u200b": no such host`), want: Outcome{"ErrImagePull", "no such host"}},
		"name":              {events: event(`Failed to apply default image tag "registry.example/app:1\u200b": no`), want: Outcome{"InvalidImageName", `Failed to apply default image tag "registry.example/app:1\u200b": no`}},
		"never":             {events: event(`Container image "registry.example/app:1\u200b" is not present with pull policy of Never`), want: Outcome{"ErrImageNeverPull", `Container image "registry.example/app:1\u200b" is not present with pull policy of Never`}},
		"inspect":           {events: event(`Failed to inspect image "registry.example/app:1\u200b": no`), want: Outcome{"ImageInspectError", `Failed to inspect image "registry.example/app:1\u200b": no`}},
		"malformed":         {pod: waiting(undecodable, undecodable), want: Outcome{undecodable, undecodable}},
		"unmounted":         {place: Unmounted, pod: running, events: event(`Failed to pull image "registry.example/app:1\u200b": no`), want: Outcome{Reason: Started}, good: true},
		"unmounted, so far": {place: Unmounted, pod: waiting("ContainerCreating", ""), events: event(`Failed to pull image "registry.example/app:1\u200b": no`)},
	} {
		got := OutcomeOf(Case{Place: tt.place}, image, tt.pod, tt.events)
		if got != tt.want || got.Good() != tt.good {
			t.Errorf("%s: %+v, good %t, want %+v, good %t", name, got, got.Good(), tt.want, tt.good)
		}
	}
}
