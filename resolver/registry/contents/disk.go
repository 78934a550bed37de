package contents

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// KeptFor is how old content on disk may be. What is behind a digest never
// changes, but it may be deleted: of an index the registry is only asked
// whether it is there itself.
const KeptFor = 24 * time.Hour

// Disk keeps manifests and indexes in a folder, from one run of a
// program to the next. A nil one keeps nothing. That something cannot be kept
// is no error: it is read again.
type Disk struct {
	dir string
	// complain is told once that nothing can be kept; may be nil.
	complain func(error)
	once     sync.Once
}

// NewDisk clears what is too old from a folder that need not exist;
// nil without one. Complain, which may be nil, is told once that nothing can be
// kept in it.
func NewDisk(dir string, complain func(error)) *Disk {
	if dir == "" {
		return nil
	}
	c := &Disk{dir: filepath.Join(dir, "manifests"), complain: complain}
	entries, _ := os.ReadDir(c.dir) // a folder that cannot be read has nothing
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && time.Since(info.ModTime()) > KeptFor {
			_ = os.Remove(filepath.Join(c.dir, entry.Name())) // it is not read either way
		}
	}
	return c
}

// Of is the content of one repository: what one may read says nothing of
// another.
func (c *Disk) Of(repository string) *Repository {
	if c == nil {
		return nil
	}
	return &Repository{disk: c, dir: c.dir, repository: repository}
}

// Repository is the content of one repository; nil keeps nothing.
type Repository struct {
	disk            *Disk
	dir, repository string
}

func (r *Repository) file(desc ocispec.Descriptor) string {
	sum := sha256.Sum256([]byte(r.repository + "@" + desc.Digest.String()))
	return filepath.Join(r.dir, hex.EncodeToString(sum[:]))
}

// get returns content that is kept and is what its digest says.
func (r *Repository) get(ctx context.Context, desc ocispec.Descriptor) ([]byte, bool) {
	if r == nil {
		return nil, false
	}
	info, err := os.Stat(r.file(desc))
	if err != nil || info.Size() != desc.Size || time.Since(info.ModTime()) > KeptFor {
		return nil, false
	}
	blob, err := os.ReadFile(r.file(desc))
	return blob, err == nil && Verify(ctx, desc, blob) == nil
}

// put keeps content. The file appears at once and whole: others may be reading.
func (r *Repository) put(desc ocispec.Descriptor, blob []byte) {
	if r == nil {
		return
	}
	if err := r.keep(desc, blob); err != nil && r.disk.complain != nil {
		r.disk.once.Do(func() { r.disk.complain(err) })
	}
}

func (r *Repository) keep(desc ocispec.Descriptor, blob []byte) error {
	if err := os.MkdirAll(r.dir, 0o750); err != nil {
		return err
	}
	file, err := os.CreateTemp(r.dir, ".new-*")
	if err != nil {
		return err
	}
	_, err = file.Write(blob)
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), r.file(desc))
	}
	if err != nil {
		_ = os.Remove(file.Name()) // there is nothing more to be done
	}
	return err
}
