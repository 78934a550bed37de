package e2e

import (
	"encoding/json"
	"os"
	"strings"
)

// auditEvent is what of an entry of the API server's audit log matters here.
type auditEvent struct {
	Verb      string `json:"verb"`
	ObjectRef struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	} `json:"objectRef"`
	Annotations map[string]string `json:"annotations"`
}

// recorded are the annotations of Pullgate's on the creation of an object,
// without the webhook's name before their keys.
type recorded map[string]string

// recorded waits for the audit log to tell of a creation.
func (s stage) recorded(name string) recorded {
	s.Helper()
	var found recorded
	s.await("the audit log to tell of "+name, func() bool {
		text, err := os.ReadFile(s.rig.AuditLog())
		if err != nil {
			s.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			var event auditEvent
			if json.Unmarshal([]byte(line), &event) != nil {
				continue // it is being written
			}
			if event.Verb == "create" && event.ObjectRef.Namespace == s.namespace && event.ObjectRef.Name == name {
				found = recorded{}
				for key, value := range event.Annotations {
					if webhook, key, _ := strings.Cut(key, "/"); strings.HasSuffix(webhook, ".pullgate.dev") {
						found[key] = value
					}
				}
			}
		}
		return found != nil
	})
	return found
}

// reason is the one that was recorded of the first image that is not plainly
// fine.
func (r recorded) reason() string {
	var images []struct{ Reason string }
	if json.Unmarshal([]byte(r["images"]), &images) != nil || len(images) == 0 {
		return ""
	}
	return images[0].Reason
}
