package cluster

import (
	"net/http"
	"net/http/httptest"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestMissingTakesProof: only a Status of the API server says that an object is
// missing, and only of the one that it names. A 404 by something in front of it
// says nothing.
func TestMissingTakesProof(t *testing.T) {
	const status = `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404,"message":"not found"`
	for name, test := range map[string]struct {
		kind, body string
		missing    bool
	}{
		"a Status":             {"application/json", status + `,"details":{"kind":"secrets","name":"a"}}`, true},
		"of another object":    {"application/json", status + `,"details":{"kind":"secrets","name":"b"}}`, false},
		"of another kind":      {"application/json", status + `,"details":{"kind":"configmaps","name":"a"}}`, false},
		"without an object":    {"application/json", status + `,"details":{}}`, false},
		"without details":      {"application/json", status + `}`, false},
		"a proxy's plain text": {"text/plain", "404 page not found", false},
		"a proxy's page":       {"text/html", "<html>not found</html>", false},
		"foreign JSON":         {"application/json", `{"error":"no route"}`, false},
		"nothing":              {"application/json", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", test.kind)
				w.WriteHeader(http.StatusNotFound)
				_, _ = w.Write([]byte(test.body))
			}))
			defer server.Close()
			reader, err := client.New(&rest.Config{Host: server.URL}, client.Options{Mapper: coreMapper()})
			if err != nil {
				t.Fatal(err)
			}
			_, err = Source{Reader: reader}.Secret(t.Context(), "shop", "a")
			if err == nil || apierrors.IsNotFound(err) != test.missing {
				t.Errorf("missing is %t, want %t: %v", apierrors.IsNotFound(err), test.missing, err)
			}
		})
	}
}

// coreMapper knows where Secrets are, so that no discovery is needed.
func coreMapper() meta.RESTMapper {
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{corev1.SchemeGroupVersion})
	mapper.Add(corev1.SchemeGroupVersion.WithKind("Secret"), meta.RESTScopeNamespace)
	return mapper
}
