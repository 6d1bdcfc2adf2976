package redisstore

import (
	"errors"
	"regexp"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/stratacache/strata/cache/driver"
)

// space is a namespace on a server or a cluster: how things are called there,
// and what is remembered of them from one call to the next.
type space struct {
	prefix string
	meta   string
	// maxFields is maxTagFields, but in tests.
	maxFields int

	scripts scripts
	buffers sync.Pool // of *[]byte
	mgets   sync.Pool // of *mgetArgs
	// guess is the tags that are read beforehand.
	guess atomic.Pointer[[]string]
}

// init makes a space of the keys that begin with prefix, with the record at
// meta.
func (s *space) init(prefix, meta string) error {
	loaded, err := loadScripts()
	if err != nil {
		return err
	}
	s.prefix, s.meta, s.maxFields, s.scripts = prefix, meta, maxTagFields, loaded
	s.guess.Store(new([]string))
	return nil
}

func checkNamespace(ns string) error {
	if ok, _ := regexp.MatchString(`^[A-Za-z0-9._-]{1,64}$`, ns); !ok {
		return errors.New(`a namespace is 1 to 64 of A-Z, a-z, 0-9, ".", "_" and "-"`)
	}
	return nil
}

// name is the name under which the server knows key.
func (s *space) name(key driver.Key) string { return s.prefix + key.Scope + key.Name }

// fillNames makes out the names of as many keys, with one allocation for all of
// them.
func (s *space) fillNames(out []string, key func(int) driver.Key) {
	size := 0
	for i := range out {
		size += len(s.prefix) + key(i).Len()
	}
	text := make([]byte, 0, size)
	for i := range out {
		k, from := key(i), len(text)
		text = append(append(append(text, s.prefix...), k.Scope...), k.Name...)
		out[i] = unsafe.String(unsafe.SliceData(text[from:]), len(text)-from)
	}
}

// buffer returns an empty buffer for envelopes. go-redis has copied what it
// sends when a call returns, so that it can be freed then.
func (s *space) buffer() *[]byte {
	if b, ok := s.buffers.Get().(*[]byte); ok {
		return b
	}
	return new([]byte)
}

// maxBuffer is the largest that is kept.
const maxBuffer = 1 << 20

func (s *space) free(b *[]byte) {
	if cap(*b) <= maxBuffer {
		*b = (*b)[:0]
		s.buffers.Put(b)
	}
}
