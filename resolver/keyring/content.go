package keyring

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/resolver/cache"
	"github.com/pullgate/pullgate/resolver/keyring/dockerconfig"
)

// content is what nodes read in a pull secret.
type content struct {
	// ignored says why the kubelet reads nothing from it.
	ignored string
	// malformed is the kubelet's error about its content.
	malformed string
	config    dockerconfig.Config
	logins    dockerconfig.Logins
	legacy    bool
}

// parse takes from a Secret what the kubelet takes: only the two types, each
// with its own key, and only if there is something under it
// (pkg/credentialprovider/secrets, secretsToTrackedDockerConfigs).
func parse(object *corev1.Secret) (c content) {
	key := ""
	switch object.Type {
	case corev1.SecretTypeDockerConfigJson:
		key = corev1.DockerConfigJsonKey
	case corev1.SecretTypeDockercfg:
		key, c.legacy = corev1.DockerConfigKey, true
	default:
		c.ignored = fmt.Sprintf("is of type %s, and nodes read only %s and %s",
			dockerconfig.Quote(string(object.Type)), corev1.SecretTypeDockerConfigJson, corev1.SecretTypeDockercfg)
		return c
	}
	data := object.Data[key]
	if len(data) == 0 {
		c.ignored = fmt.Sprintf("is of type %s, but has nothing under the key %q", object.Type, key)
		return c
	}
	config, err := dockerconfig.Parse(data, c.legacy)
	if err != nil {
		c.malformed = dockerconfig.KubeletText(err)
		return c
	}
	c.config, c.logins = config, config.Logins()
	return c
}

const (
	// rememberedFor is how long what was parsed is kept: as long as sources
	// remember secrets.
	rememberedFor = 15 * time.Second
	// remembered is how much is kept, in secrets and in their bytes, and
	// maxRemembered how large one may be.
	remembered      = 1024
	rememberedBytes = 4 << 20
	maxRemembered   = 32 << 10
)

// contents remembers what secrets were parsed to, by a hash of their bytes: the
// same secret comes with each object of a rollout. The zero value is ready.
type contents struct {
	once sync.Once
	kept *cache.Cache[[sha256.Size]byte, content]
}

// of parses a Secret, unless the same was parsed a moment ago.
func (c *contents) of(object *corev1.Secret) content {
	config, legacy := object.Data[corev1.DockerConfigJsonKey], object.Data[corev1.DockerConfigKey]
	if size := len(config) + len(legacy); size == 0 || size > maxRemembered {
		return parse(object)
	}
	c.once.Do(func() {
		c.kept = cache.New(cache.Options[[sha256.Size]byte, content]{Entries: remembered, Age: rememberedFor, Bytes: rememberedBytes, Size: sizeOf})
	})
	key := hashOf(object.Type, config, legacy)
	if known, ok := c.kept.Get(key); ok {
		return known
	}
	parsed := parse(object)
	c.kept.Put(key, parsed)
	return parsed
}

// sizeOf is about what is kept of a secret.
func sizeOf(_ [sha256.Size]byte, kept content) int64 {
	const each = 512
	return int64(len(kept.malformed)) + each*int64(1+len(kept.config))
}

// hashOf is what a type and two texts are known by.
func hashOf(kind corev1.SecretType, config, legacy []byte) [sha256.Size]byte {
	all := make([]byte, 0, len(kind)+len(config)+len(legacy)+2*binary.MaxVarintLen64)
	all = append(binary.AppendUvarint(all, uint64(len(kind))), kind...)
	all = append(binary.AppendUvarint(all, uint64(len(config))), config...)
	return sha256.Sum256(append(all, legacy...))
}
