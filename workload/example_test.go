package workload_test

import (
	"fmt"

	"github.com/pullgate/pullgate/workload"
)

// Every image of an object is found, with the path of its field and the pull
// policy that it will have.
func ExampleKinds_Read() {
	object := []byte(`{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"template": {"spec": {
		"initContainers": [{"name": "migrate", "image": "registry.example.com/shop/migrate:2"}],
		"containers": [{"name": "web", "image": "nginx"}]}}}}`)
	var kinds workload.Kinds
	w, err := kinds.Read(object, workload.Create)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, image := range w.Templates[0].Images {
		fmt.Println(image.Field, image.Reference, image.Policy)
	}
	// Output:
	// spec.template.spec.initContainers[0].image registry.example.com/shop/migrate:2 IfNotPresent
	// spec.template.spec.containers[0].image nginx Always
}

// Of an object that was there already only what is new needs a look.
func ExampleChanged() {
	pod := func(images ...string) workload.Workload {
		t := workload.Template{Field: "spec"}
		for _, image := range images {
			t.Images = append(t.Images, workload.Image{Reference: image})
		}
		return workload.Workload{Templates: []workload.Template{t}}
	}
	changed := workload.Changed(pod("nginx:1", "redis:7"), pod("nginx:2", "redis:7"))
	fmt.Println(changed.Templates[0].Images[0].Reference, len(changed.Templates[0].Images))
	// Output: nginx:2 1
}
