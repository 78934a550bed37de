package doctor

import (
	"context"
	"fmt"
	"os"
	"strings"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/pullgate/pullgate/cluster"
	"github.com/pullgate/pullgate/nodeprofile"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver/nodes"
)

// profilesOf reads the profiles that the configuration names, and which nodes
// have none.
func profilesOf(ctx context.Context, g *gatherer, config *rest.Config) Profiles {
	settings := g.record.Settings.Value.Nodes
	if len(settings.Profiles) == 0 && settings.ProfilesNamespace == "" {
		return Profiles{}
	}
	found := Profiles{Wanted: true}
	texts, err := profileTexts(ctx, settings, config)
	if err != nil {
		found.Err = err
		return found
	}
	var known []nodes.Profile
	for name, text := range texts {
		profile, err := nodeprofile.Parse(text)
		if err != nil {
			found.Err = fmt.Errorf("%s: %w", name, err)
			return found
		}
		known = append(known, nodes.Profile{Name: name, Nodes: profile.Nodes})
	}
	live, err := g.nodes(ctx)
	found.Err = err
	for i := range live {
		if one := nodes.FromObject(&live[i]); !nodes.Profiled(known, one) {
			found.Missing = append(found.Missing, one.Name)
		}
	}
	return found
}

// profileTexts are the profiles in files and in the cluster, by their names.
func profileTexts(ctx context.Context, settings policy.Nodes, config *rest.Config) (map[string][]byte, error) {
	texts := map[string][]byte{}
	if settings.ProfilesNamespace != "" {
		reader, err := client.New(config, client.Options{Mapper: cluster.Mapper()})
		if err != nil {
			return nil, err
		}
		kept, err := cluster.ReadProfiles(ctx, reader, settings.ProfilesNamespace)
		if err != nil {
			return nil, err
		}
		for name, text := range kept {
			texts[name] = text
		}
	}
	for _, file := range settings.Profiles {
		text, err := os.ReadFile(file) //nolint:gosec // the configuration names it
		if err != nil {
			return nil, err
		}
		texts[file] = text
	}
	return texts, nil
}

// checkProfiles says for which nodes there is no profile.
func checkProfiles(r *Record) Check {
	switch found := r.Profiles; {
	case r.Settings.Err != nil:
		return untold("the configuration is not known: %v", r.Settings.Err)
	case !found.Wanted:
		return fine("none is configured: nodes count as without mirrors and authorities of their own")
	case found.Err != nil:
		return untold("they cannot be read from %s: %v", r.From, found.Err)
	case len(found.Missing) > 0:
		return unprofiled(r)
	default:
		return fine("there is one for every node")
	}
}

// unprofiled says how a node gets its profile.
func unprofiled(r *Record) Check {
	all := strings.Join(r.Profiles.Missing, ", ")
	check := wrong(ProfileMissing, "there is no profile for %s: what its mirrors and authorities are is not known", all)
	if namespace := r.Settings.Value.Nodes.ProfilesNamespace; namespace != "" {
		set := r.Target.Service + "-node-profile"
		return check.look("see whether the DaemonSet's Pods run on those nodes", fmt.Sprintf("%s -n %s get pods -o wide -l %s=%s-node-profile", r.Kubectl, namespace, productLabel, product)).
			look("see what they said", fmt.Sprintf("%s -n %s logs daemonset/%s --all-pods --prefix --tail=20", r.Kubectl, namespace, set)).
			change("have the nodes read anew", fmt.Sprintf("%s -n %s rollout restart daemonset/%s", r.Kubectl, namespace, set))
	}
	node := r.Profiles.Missing[0]
	return check.change("print it, on that node", fmt.Sprintf("sudo pullgate node-profile --node %s > %s.yaml", node, node)).
		advise("then name the file in nodes.profiles of the configuration (docs/nodes.md)")
}
