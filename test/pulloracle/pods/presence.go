package pods

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/test/pulloracle/content"
	"github.com/pullgate/pullgate/test/pulloracle/scenario"
)

// loaded is a case of an image that somebody loaded onto the node.
func loaded(name, about string, policy corev1.PullPolicy, access scenario.Access) Case {
	c := with("loaded-"+name, about, access)
	c.Loaded, c.Policy = true, policy
	return c
}

// lost has the registry lose the image.
func (c Case) lost() Case {
	c.Lost = true
	return c
}

// again is a case of an image that the Pod of another case has pulled.
func again(of, name, about string, policy corev1.PullPolicy, list ...Secret) Case {
	c := with(name, about, scenario.Access{}, list...)
	c.Of, c.Later, c.Policy = of, true, policy
	return c
}

func presence() []Case {
	const always, ifNotPresent, never = corev1.PullAlways, corev1.PullIfNotPresent, corev1.PullNever
	absent := with("never-absent", "Never, and it is not there", scenario.Access{})
	absent.Policy = never
	latest := loaded("latest", "latest, without a policy, means Always", "", scenario.Access{}).lost()
	latest.Image = "{plain}/{repo}"
	digest := loaded("never-digest", "Never, by digest, and somebody loaded it by its tag", never, scenario.Access{})
	digest.Image = "{plain}/{repo}@{digest}"
	list := []Case{
		absent, digest,
		loaded("never", "Never, and somebody loaded it", never, scenario.Access{}),
		loaded("never-private", "Never, and somebody loaded it, a private one", never, private()),
		loaded("if-not-present", "IfNotPresent, and somebody loaded it; the registry has lost it", ifNotPresent, scenario.Access{}).lost(),
		loaded("if-not-present-private", "IfNotPresent, and somebody loaded it; private", ifNotPresent, private()),
		loaded("default", "somebody loaded it, and a tag means IfNotPresent; the registry has lost it", "", scenario.Access{}).lost(),
		loaded("always", "Always, and somebody loaded it; the registry has lost it", always, scenario.Access{}).lost(),
		loaded("always-private", "Always, and somebody loaded it; private", always, private()),
	}
	return append(list, tenants()...)
}

// tenants are about who may use what others have pulled (KEP-2535, on since
// Kubernetes 1.35).
func tenants() []Case {
	const ifNotPresent, never = corev1.PullIfNotPresent, corev1.PullNever
	first, open := with("tenant-first", "a tenant pulls a private image", private(), right()), with("tenant-open", "somebody pulls a public image", public())
	first.Policy, open.Policy = ifNotPresent, ifNotPresent
	return []Case{
		first,
		again("tenant-first", "tenant-same", "IfNotPresent, with the same credential", ifNotPresent, right()),
		again("tenant-first", "tenant-other", "IfNotPresent, without one", ifNotPresent),
		again("tenant-first", "tenant-wrong", "IfNotPresent, with a wrong one", ifNotPresent, wrong()),
		again("tenant-first", "tenant-never", "Never, with the same credential", never, right()),
		again("tenant-first", "tenant-never-other", "Never, without one", never),
		again("tenant-first", "tenant-never-wrong", "Never, with a wrong one", never, wrong()),
		open,
		again("tenant-open", "tenant-open-again", "the public image, IfNotPresent, with a wrong credential", ifNotPresent, wrong()),
		again("tenant-open", "tenant-open-never", "the public image, Never", never),
	}
}

func places() []Case {
	in := func(place Place, name, about string, s scenario.Scenario, list ...Secret) Case {
		s.Name, s.About = name, about
		return Case{Scenario: s, Place: place, Secrets: list}
	}
	sound, missing := scenario.Scenario{}, scenario.Scenario{Image: "{plain}/{repo}:2"}
	arm := scenario.Scenario{Holds: content.Index{Entries: []content.Entry{{Platform: "linux/arm64"}}}}
	private := scenario.Scenario{Access: private()}
	return []Case{
		in(Init, "init-good", "an init container", sound),
		in(Init, "init-missing", "an init container whose image is not there", missing),
		in(Init, "init-private", "an init container with a private image, and a right secret", private, right()),
		in(Volume, "volume-good", "an image volume", sound),
		in(Volume, "volume-missing", "an image volume whose image is not there", missing),
		in(Volume, "volume-platform", "an image volume for another platform alone", arm),
		in(Volume, "volume-private", "an image volume with a private image", private),
		in(Volume, "volume-private-right", "an image volume with a private image, and a right secret", private, right()),
		in(Volume, "volume-name", "an image volume whose name nobody can parse", scenario.Scenario{Image: "{plain}/{repo}/App:1"}),
		in(Unmounted, "unmounted-good", "an image volume that nobody mounts", sound),
		in(Unmounted, "unmounted-missing", "an image volume that nobody mounts, and that is not there", missing),
	}
}
