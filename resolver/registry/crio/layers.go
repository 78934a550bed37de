package crio

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/opencontainers/go-digest"
)

const (
	// maxRead is up to which size a layer is read, not only asked for.
	maxRead = 32 << 10
	// tarBlock is what a tar file is made of: what is shorter is none.
	tarBlock = 512
)

// readLayer lets a layer go, but one that is small it reads: then it is known whether
// it is what it should be, and something to unpack. What the config says of it is left
// alone, since older versions do not compare that.
func readLayer(resp *http.Response, layer digest.Digest, unpacks bool) error {
	if resp.ContentLength <= 0 || resp.ContentLength > maxRead {
		return resp.Body.Close()
	}
	blob, err := atMost(resp, maxRead)
	if err != nil {
		return saying("writing blob: happened during read: ", err)
	}
	if actual := layer.Algorithm().FromBytes(blob); actual != layer { // copy/digesting_reader.go
		return &refusedError{
			words: fmt.Sprintf("writing blob: setting up to decompress blob: happened during read: Digest did not match, expected %s, got %s", layer, actual),
			means: fmt.Sprintf("the registry gives other bytes than those of the layer %s", layer),
		}
	}
	if !unpacks {
		return nil
	}
	if content, known := unpacked(blob); known && len(content) > 0 && len(content) < tarBlock {
		return &refusedError{
			words: fmt.Sprintf("writing blob: adding layer with blob %q/%q/%q: ApplyLayer stdout:  stderr: unexpected EOF exit status 1", layer, "", digest.FromBytes(content)),
			means: fmt.Sprintf("the layer %s is no tar file", layer),
		}
	}
	return nil
}

// unpacked is a layer without its compression, which its first bytes tell (pkg/
// compression/internal), and whether that is known. Of a large one it is the beginning.
func unpacked(blob []byte) (content []byte, known bool) {
	for _, magic := range []string{"BZh", "\xfd7zXZ\x00", "\x28\xb5\x2f\xfd"} {
		if strings.HasPrefix(string(blob), magic) {
			return nil, false
		}
	}
	if !bytes.HasPrefix(blob, []byte{0x1f, 0x8b, 0x08}) {
		return blob, true
	}
	reader, err := gzip.NewReader(bytes.NewReader(blob))
	if err != nil {
		return nil, false
	}
	content, err = io.ReadAll(io.LimitReader(reader, tarBlock))
	return content, err == nil
}
