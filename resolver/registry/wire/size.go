package wire

import (
	"context"
	"net/http"
	"path"
	"strings"
)

// size takes note of how large a blob is that comes, whole and not in a coding:
// the library, which reads as much as the manifest says, hands no header on.
func (m *Memo) size(req *http.Request, resp *http.Response) {
	req = first(req)
	if req.Method != http.MethodGet || resp.StatusCode != http.StatusOK || resp.ContentLength < 0 ||
		resp.Header.Get("Content-Encoding") != "" || !strings.Contains(req.URL.Path, "/blobs/") {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sizes == nil {
		m.sizes = map[string]int64{}
	}
	m.sizes[path.Base(req.URL.Path)] = resp.ContentLength
}

// BlobSize is how large a registry said in this check that a blob is, in bytes,
// and whether it said so.
func BlobSize(ctx context.Context, digest string) (size int64, told bool) {
	m := memoOf(ctx)
	if m == nil {
		return 0, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	size, told = m.sizes[digest]
	return size, told
}
