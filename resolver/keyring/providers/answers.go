package providers

import (
	"crypto/sha256"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/pullgate/pullgate/resolver/keyring/dockerconfig"
)

const (
	// everywhere is the key of answers that hold for every image.
	everywhere = "<global>"
	// maxAnswers bounds the answers of one provider that are kept. A Pod's
	// author chooses the images, and with them the keys.
	maxAnswers = 4096
)

// answers are a provider's answers that still hold, by for whom and what they
// do (plugin.go, provide).
type answers struct {
	now  func() time.Time
	lock sync.Mutex
	kept map[answerKey]kept
}

// answerKey is for whom an answer holds, as identity.whose tells, and for what:
// one repository, one registry or everything.
type answerKey struct {
	whose [sha256.Size]byte
	what  string
}

type kept struct {
	config dockerconfig.Config
	until  time.Time
}

// get finds the most particular answer for a repository.
func (a *answers) get(whose [sha256.Size]byte, repository string) (dockerconfig.Config, bool) {
	a.lock.Lock()
	defer a.lock.Unlock()
	registry, _, _ := strings.Cut(repository, "/")
	for _, what := range []string{repository, registry, everywhere} {
		if found, ok := a.kept[answerKey{whose, what}]; ok && !a.now().After(found.until) {
			return found.config, true
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
		a.keep(key, kept{config: answer.config(), until: a.now().Add(duration)})
	}
	return nil
}

func (a *answers) keep(key answerKey, answer kept) {
	a.lock.Lock()
	defer a.lock.Unlock()
	if a.kept == nil {
		a.kept = make(map[answerKey]kept)
	}
	if len(a.kept) >= maxAnswers {
		a.makeRoom()
	}
	a.kept[key] = answer
}

// makeRoom drops what no longer holds, and if nothing of the kind is there any
// one answer.
func (a *answers) makeRoom() {
	for key, answer := range a.kept {
		if a.now().After(answer.until) {
			delete(a.kept, key)
		}
	}
	for key := range a.kept {
		if len(a.kept) < maxAnswers {
			return
		}
		delete(a.kept, key)
	}
}
