package providers

import (
	"crypto/sha256"
	"errors"
	"strings"
	"time"

	"github.com/pullgate/pullgate/resolver/cache"
	"github.com/pullgate/pullgate/resolver/keyring/dockerconfig"
)

const (
	// everywhere is the key of answers that hold for every image.
	everywhere = "<global>"
	// maxAnswers bounds the answers of one provider that are kept, to those that
	// were used last. A Pod's author chooses the images, and with them the keys.
	maxAnswers = 4096
	// maxAnswersBytes bounds what they take: those of the clouds' providers have
	// some kilobytes at most.
	maxAnswersBytes = 16 << 20
)

// answers are a provider's answers that still hold, by for whom and what they
// do (plugin.go, provide).
type answers struct {
	now  func() time.Time
	kept *cache.Cache[answerKey, dockerconfig.Config]
}

// answerKey is for whom an answer holds, as identity.whose tells, and for what:
// one repository, one registry or everything.
type answerKey struct {
	whose [sha256.Size]byte
	what  string
}

func newAnswers(now func() time.Time) *answers {
	return &answers{now: now, kept: cache.New(cache.Options[answerKey, dockerconfig.Config]{
		Entries: maxAnswers, Bytes: maxAnswersBytes, Size: sizeOf, Now: now,
	})}
}

// sizeOf is about how many bytes an answer takes.
func sizeOf(key answerKey, config dockerconfig.Config) int64 {
	const entry = 128
	size := len(key.what) + entry
	for address, login := range config {
		size += len(address) + len(login.Username) + len(login.Password) + entry
	}
	return int64(size)
}

// get finds the most particular answer for a repository.
func (a *answers) get(whose [sha256.Size]byte, repository string) (dockerconfig.Config, bool) {
	registry, _, _ := strings.Cut(repository, "/")
	for _, what := range []string{repository, registry, everywhere} {
		if found, ok := a.kept.Get(answerKey{whose, what}); ok {
			return found, true
		}
	}
	return nil, false
}

// put keeps an answer for as long as it says, or else by default. An answer
// that does not say for what it holds is not to be used.
func (a *answers) put(whose [sha256.Size]byte, repository string, answer *response, byDefault time.Duration) error {
	key := answerKey{whose: whose}
	switch answer.CacheKeyType {
	case "Image":
		key.what = repository
	case "Registry":
		key.what, _, _ = strings.Cut(repository, "/")
	case "Global":
		key.what = everywhere
	default:
		return errors.New("its answer has no valid cacheKeyType: want Image, Registry or Global")
	}
	duration := byDefault
	if answer.CacheDuration != nil {
		duration = answer.CacheDuration.Duration
	}
	if duration != 0 {
		a.kept.PutUntil(key, answer.config(), a.now().Add(duration))
	}
	return nil
}
