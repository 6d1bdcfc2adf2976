package filestore

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"strings"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// What lies where in a directory:
//
//	<namespace>/meta.strata           the meta record, and the lock of all writers
//	<namespace>/sweep.strata-lock     the lock of the process that sweeps
//	<namespace>/ab/cdef….strata       an entry or a placeholder, by the SHA-256 of its key
//	….strata-tmp                      a file that is being written
//
// Nothing that has another suffix is ever touched.
const (
	suffix     = ".strata"
	tempSuffix = ".strata-tmp"
	metaName   = "meta" + suffix
	sweepName  = "sweep.strata-lock"
	folders    = 256
	hashLen    = 20 // bytes; 2^80 entries are a long way
)

func metaPath(dir string) string { return filepath.Join(dir, metaName) }

// place is where a key's file lies.
type place struct {
	folder int
	path   string
}

func (s *Store) place(key driver.Key) place {
	var buf [512]byte // enough for most, so that only the result is allocated
	sum := sha256.Sum256(append(append(buf[:0], key.Scope...), key.Name...))
	b := append(append(buf[:0], s.dir...), filepath.Separator)
	b = append(hex.AppendEncode(b, sum[:1]), filepath.Separator)
	b = append(hex.AppendEncode(b, sum[1:hashLen]), suffix...)
	return place{folder: int(sum[0]), path: string(b)}
}

func (s *Store) folder(i int) string {
	return filepath.Join(s.dir, hex.EncodeToString([]byte{byte(i)}))
}

// folderName is the folder of a namespace. File systems that do not tell A from
// a must not mix two namespaces.
func folderName(namespace string) string {
	var b strings.Builder
	for _, c := range namespace {
		if 'A' <= c && c <= 'Z' {
			b.WriteByte('=')
		}
		b.WriteRune(c)
	}
	return strings.ToLower(b.String())
}

// ends is the modification time of a file that ends at expires, in seconds
// rounded up: 0 for one that does not end, or that some file systems could not
// say the end of.
func ends(expires int64) int64 {
	const beyond = 1 << 31
	s := expires / int64(time.Second)
	if expires%int64(time.Second) > 0 {
		s++
	}
	if s >= beyond {
		return 0
	}
	return max(s, 1)
}

func now() int64 { return time.Now().UnixNano() }
