//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package filestore_test

import (
	"testing"
	"time"

	"github.com/stratacache/strata/backends/filestore"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

// No bytes are a file that panics, and none is of use and waste at once.
func FuzzFile(f *testing.F) {
	now := time.Now().UnixNano()
	f.Add([]byte(nil))
	f.Add(filestore.Placeholder(7, now+1))
	f.Add(filestore.Placeholder(7, now-1))
	f.Add(envelope.Encode(nil, key("k"), &driver.Entry{Token: 7, Life: driver.Life{Fresh: driver.Forever, Expires: driver.Forever}, Payload: []byte("v"), Tags: []string{"t"}}))
	f.Add(envelope.Encode(nil, key("k"), &driver.Entry{Token: 7, Payload: []byte("v")}))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, token, waste := filestore.ParseFile(b, key("k"), now)
		if waste && (e != nil || token != 0) {
			t.Errorf("got %+v and token %d of what is of no use", e, token)
		}
		if e != nil && e.Life.Ended(time.Unix(0, now)) {
			t.Errorf("got %+v, which has ended", e)
		}
	})
}

// No bytes are a meta file that panics or takes more memory than it has bytes.
func FuzzMeta(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(make([]byte, filestore.HeaderLen))
	f.Add([]byte("STmeta1\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"))
	f.Fuzz(func(_ *testing.T, b []byte) { filestore.ParseMeta(b) })
}
