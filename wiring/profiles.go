package wiring

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/nodeprofile"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver/nodes"
	"github.com/pullgate/pullgate/resolver/profiles"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry"
	"github.com/pullgate/pullgate/resolver/registry/crio"
)

// maxProfile bounds a file with a profile: that of a ConfigMap.
const maxProfile = 1 << 20

// nodeProfiles are the node profiles of a configuration.
type nodeProfiles struct {
	// roster tells whose they are.
	roster *roster
	asked  []profiles.Profile
	// credentials and providers are Pullgate's own, which answer for the nodes' that are
	// the same.
	credentials []nodeprofile.Credential
	providers   []nodeprofile.Provider
	// hidden are globs of images for which the nodes have credentials.
	hidden []string
	// dir holds their hosts.toml files; empty: there are none.
	dir string
	// unread is what is wrong with one of the cluster's, which was left out; nil:
	// nothing is.
	unread error
}

// readProfiles reads the files of nodes.profiles and what the cluster has, by
// name, and makes for each what asks registries as its nodes would, beside those
// without a profile. One of the cluster's that cannot be read is left out.
func readProfiles(configured policy.Nodes, cluster func() map[string][]byte, others *registry.Client) (read nodeProfiles, err error) {
	read.roster = &roster{kept: cluster}
	read.credentials, read.providers = nodeprofile.ReadDockerConfig(configured.DockerConfig), nodeprofile.ReadProviders(configured.CredentialProviders.Config)
	defer func() {
		if err != nil {
			err = errors.Join(err, read.close())
		}
	}()
	for i, file := range configured.Profiles {
		profile, err := readProfile(file)
		if err == nil {
			err = read.add(strconv.Itoa(i), file, profile, others)
			read.roster.files = append(read.roster.files, nodes.Profile{Name: file, Nodes: profile.Nodes, Runtimes: runtimesOf(profile.Runtime)})
		}
		if err != nil {
			return read, fmt.Errorf("nodes.profiles[%d]: %s: %w", i, file, err)
		}
	}
	kept := read.roster.reading()
	for _, name := range slices.Sorted(maps.Keys(kept)) {
		profile, err := nodeprofile.Parse(kept[name])
		if err == nil {
			err = read.add(name, name, profile, others)
		}
		if err != nil { // another version of Pullgate may have written it
			read.unread = fmt.Errorf("the node profile in ConfigMap %s/%s cannot be read: %w", configured.ProfilesNamespace, name, err)
		}
	}
	return read, nil
}

// doubt says why refusals prove nothing for nodes without a profile, and logs it;
// empty: they do.
func (n *nodeProfiles) doubt(log *slog.Logger) string {
	if n.unread == nil {
		return ""
	}
	log.Warn("a node profile is left out, and refusals prove nothing for nodes without one", "error", n.unread.Error())
	return n.unread.Error() + "; its nodes may have mirrors and credentials of their own"
}

// ofNodes says whose a profile of the cluster's is, which nobody has named.
func ofNodes(names []string) string {
	const told = 3
	if more := len(names) - told; more > 0 {
		return fmt.Sprintf(" (%s and %d more)", strings.Join(names[:told], ", "), more)
	}
	return " (" + strings.Join(names, ", ") + ")"
}

// readProfile reads one file.
func readProfile(name string) (*nodeprofile.Profile, error) {
	file, err := os.Open(name) //nolint:gosec // a file that the configuration names
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	data, err := io.ReadAll(io.LimitReader(file, maxProfile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxProfile {
		return nil, fmt.Errorf("is larger than %d KiB", maxProfile>>10)
	}
	return nodeprofile.Parse(data)
}

// add adds a profile by its name.
func (n *nodeProfiles) add(folder, name string, profile *nodeprofile.Profile, others *registry.Client) error {
	hosts, err := n.writeHosts(folder, profile)
	if err != nil {
		return err
	}
	registries, err := n.registries(folder, profile)
	if err != nil {
		return err
	}
	n.hidden = append(n.hidden, profile.Hidden(n.credentials, n.providers)...)
	n.asked = append(n.asked, profiles.Profile{
		Name: name, Runtimes: runtimesOf(profile.Runtime), Doubt: doubtOf(profile),
		Registry: others.Beside(hosts, registries, profile.Authorities),
	})
	return nil
}

// writeHosts writes a profile's mirrors to where the library that asks can read
// them.
func (n *nodeProfiles) writeHosts(folder string, profile *nodeprofile.Profile) (string, error) {
	if len(profile.Registries) == 0 {
		return "", nil
	}
	if err := n.makeDir(); err != nil {
		return "", err
	}
	return profile.WriteHosts(filepath.Join(n.dir, folder))
}

// registries writes a profile's registries.conf, and reads it as CRI-O would.
func (n *nodeProfiles) registries(folder string, profile *nodeprofile.Profile) (*crio.Registries, error) {
	if profile.Runtime.Name != nodeprofile.CRIO {
		return nil, nil //nolint:nilnil // it has none
	}
	if err := n.makeDir(); err != nil {
		return nil, err
	}
	file, err := profile.WriteRegistries(filepath.Join(n.dir, folder))
	if err != nil {
		return nil, err
	}
	return crio.NewRegistries(file)
}

// makeDir makes the folder for what is written: the first that there is not. So the
// next configuration has the folder of the one before last, whose time is over: the
// library that reads registries.conf keeps for ever what it has read, by the file's
// name (sysregistriesv2, configCache).
func (n *nodeProfiles) makeDir() error {
	if n.dir != "" {
		return nil
	}
	const most = 1000 // and no such name is somebody else's
	err := fs.ErrExist
	for i := 0; errors.Is(err, fs.ErrExist) && i < most; i++ {
		dir := filepath.Join(os.TempDir(), fmt.Sprintf("pullgate-hosts-%d-%d", os.Getpid(), i))
		if err = os.Mkdir(dir, 0o700); err == nil {
			n.dir = dir
		}
	}
	if err != nil {
		return fmt.Errorf("its mirrors need a folder to be written to, name one by TMPDIR or mount one: %w", err)
	}
	return nil
}

// close removes what was written, once: the folder may be another's from then on.
func (n *nodeProfiles) close() error {
	dir := n.dir
	if n.dir = ""; dir == "" {
		return nil
	}
	return os.RemoveAll(dir)
}

// runtimesOf is the kind of a profile's runtime. Where its path is not known,
// both of containerd's count.
func runtimesOf(runtime nodeprofile.Runtime) pull.Runtimes {
	switch {
	case runtime.Name == nodeprofile.CRIO:
		return pull.CRIO
	case runtime.Path == nodeprofile.Local:
		return pull.ContainerdLocal
	default:
		return pull.Containerd
	}
}

// doubtOf says of refusals why they prove nothing for the nodes of a profile.
func doubtOf(profile *nodeprofile.Profile) func(reference.Named) string {
	return func(image reference.Named) string { return profile.Doubt(reference.Domain(image), image.Name()) }
}
