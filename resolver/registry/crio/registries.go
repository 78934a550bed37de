package crio

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/distribution/reference"
	"github.com/pelletier/go-toml/v2"
	theirs "go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/pkg/sysregistriesv2"
	"go.podman.io/image/v5/types"
)

// onNodes is where nodes have the file, and how they speak of it.
const onNodes = "/etc/containers/registries.conf"

// Registries is a registries.conf with the folder of more beside it, FILE.d, as
// the library reads them. A nil one says nothing of any registry.
type Registries struct {
	system types.SystemContext

	mu      sync.RWMutex
	aliases map[string]string
}

// ErrUnread is that registries.conf says nothing, since it cannot be read.
var ErrUnread = errors.New("registries.conf cannot be read")

// NewRegistries reads a registries.conf; nil for no file.
func NewRegistries(file string) (*Registries, error) {
	if file == "" {
		return nil, nil //nolint:nilnil // none is a value
	}
	absolute, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	made := &Registries{system: types.SystemContext{SystemRegistriesConfPath: absolute, SystemRegistriesConfDirPath: absolute + ".d"}}
	return made, made.Reload()
}

// Reload reads the files again. Where they cannot be read, what was read before
// stays.
func (r *Registries) Reload() error {
	if r == nil {
		return nil
	}
	if _, err := sysregistriesv2.TryUpdatingCache(&r.system); err != nil {
		return err
	}
	aliases, err := r.readAliases()
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.aliases = aliases
	return nil
}

// Place is where an image is looked for: a mirror, or the registry.
type Place struct {
	// Image is how it is called there.
	Image reference.Named
	// Insecure is that whoever answers is trusted, by HTTP, too.
	Insecure bool
	// Blocked says that it must not be asked; empty: it may.
	Blocked string
}

// Places returns where an image is looked for, in this order (docker/
// docker_image_src.go, newImageSource).
func (r *Registries) Places(image reference.Named) ([]Place, error) {
	named, err := theirs.ParseNormalizedNamed(image.String())
	if err != nil {
		return nil, err
	}
	found, err := sysregistriesv2.FindRegistry(&r.system, named.Name())
	if err != nil {
		return nil, fmt.Errorf("loading registries configuration: %w", err)
	}
	loopback := isLoopback(reference.Domain(image))
	if found == nil {
		return []Place{{Image: image, Insecure: loopback}}, nil
	}
	sources, err := found.PullSourcesFromReference(named)
	if err != nil {
		return nil, err
	}
	var places []Place
	for _, source := range sources {
		at, err := reference.ParseNormalizedNamed(source.Reference.String())
		if err != nil {
			return nil, err
		}
		place := Place{Image: at, Insecure: source.Endpoint.Insecure || loopback}
		blocking, err := sysregistriesv2.FindRegistry(&r.system, at.Name())
		if err != nil {
			return nil, err
		}
		if blocking != nil && blocking.Blocked {
			place.Blocked = fmt.Sprintf("registry %s is blocked in %s or %s.d", blocking.Prefix, onNodes, onNodes)
		}
		places = append(places, place)
	}
	return places, nil
}

// isLoopback tells whether CRI-O trusts whoever answers for an image's registry:
// 127.0.0.0/8 is among its insecure registries (internal/storage/image.go,
// GetImageService and isSecureIndex).
func isLoopback(domain string) bool {
	host, _, _ := strings.Cut(domain, ":")
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.Is4() && addr.IsLoopback()
}

// ErrUnqualified is a short name for which registries.conf has neither an alias
// nor a registry to look in.
var ErrUnqualified = errors.New("did not resolve to an alias and no unqualified-search registries are defined")

// Candidates returns what a short name may stand for, in the order in which it is
// tried (pkg/shortnames/shortnames.go, Resolve): that of its alias alone, else one
// in each of the registries to look in.
func (r *Registries) Candidates(short string) ([]reference.Named, error) {
	aliased, err := r.aliased(short)
	if err != nil {
		return nil, err
	}
	if aliased != nil {
		return []reference.Named{aliased}, nil
	}
	search, err := sysregistriesv2.UnqualifiedSearchRegistries(&r.system)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnread, err)
	}
	if len(search) == 0 {
		return nil, fmt.Errorf("short-name %q %w in %q", short, ErrUnqualified, onNodes)
	}
	var all []reference.Named
	for _, registry := range search {
		full, err := parsed(registry + "/" + short)
		if err != nil {
			return nil, fmt.Errorf("creating reference with unqualified-search registry %q: %w", registry, err)
		}
		all = append(all, full)
	}
	return all, nil
}

// parsed reads a reference as the library does, which has the same rules and other
// words.
func parsed(text string) (reference.Named, error) {
	if _, err := theirs.ParseNormalizedNamed(text); err != nil {
		return nil, err
	}
	return reference.ParseNormalizedNamed(text)
}

// aliased is what a short name is an alias of; nil: of nothing.
func (r *Registries) aliased(short string) (reference.Named, error) {
	named, err := reference.ParseNormalizedNamed("none.invalid/" + short)
	if err != nil {
		return nil, nil //nolint:nilerr,nilnil // such a name has no alias
	}
	r.mu.RLock()
	alias := r.aliases[reference.Path(named)]
	r.mu.RUnlock()
	if alias == "" {
		return nil, nil //nolint:nilnil // none
	}
	return parsed(alias + strings.TrimPrefix(short, reference.Path(named)))
}

// readAliases reads the tables of aliases. The library would look for those of a user,
// too, and lock them.
func (r *Registries) readAliases() (map[string]string, error) {
	more, err := filepath.Glob(filepath.Join(r.system.SystemRegistriesConfDirPath, "*.conf"))
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for _, file := range append([]string{r.system.SystemRegistriesConfPath}, more...) {
		data, err := os.ReadFile(file) //nolint:gosec // a file that the configuration names
		if err != nil {
			return nil, err
		}
		read := struct {
			Aliases map[string]string `toml:"aliases"`
		}{all}
		if err := toml.Unmarshal(data, &read); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return all, nil
}
