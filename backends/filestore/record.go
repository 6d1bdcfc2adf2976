package filestore

import (
	"errors"
	"io"
	"os"
	"sync"

	"github.com/stratacache/strata/cache/driver"
)

// record is a meta file, open, and what is known of its journal.
type record struct {
	file *os.File
	id   fileID

	mu     sync.RWMutex
	epoch  uint64
	length uint64
	tags   map[string]uint64
	live   uint64 // the length of a journal that has each tag once
}

// view is the clock as it was read, and the record that judges entries by it.
type view struct {
	header
	record *record
}

// catchUp takes in what was added to the journal up to h.
func (r *record) catchUp(h *header) error {
	r.mu.RLock()
	epoch, from := r.epoch, r.length
	r.mu.RUnlock()
	if epoch != h.epoch {
		from = 0
	}
	if epoch == h.epoch && from >= h.length {
		return nil
	}
	b := make([]byte, h.length-from)
	switch _, err := r.file.ReadAt(b, headerLen+int64(from)); {
	case errors.Is(err, os.ErrClosed):
		return errStale
	case errors.Is(err, io.EOF):
		return errMeta
	case err != nil:
		return err
	}
	added := make(map[string]uint64)
	if !parseTags(b, func(tag string, n uint64) { added[tag] = n }) {
		return errMeta
	}
	// The journal grows within an epoch and begins anew with the next one: it was
	// that of h if the epoch still stands.
	var again [headerLen]byte
	if _, err := r.file.ReadAt(again[:], 0); err != nil {
		return errStale
	}
	if now, ok := parseHeader(again[:]); !ok || now.epoch != h.epoch {
		return errStale
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.epoch != epoch || r.epoch == h.epoch && r.length != from {
		return errStale // somebody else took it in
	}
	if r.epoch != h.epoch {
		r.epoch, r.tags, r.live = h.epoch, make(map[string]uint64, len(added)), 0
	}
	for tag, n := range added {
		if _, known := r.tags[tag]; !known {
			r.live += tagLen(tag)
		}
		r.tags[tag] = max(r.tags[tag], n)
	}
	r.length = h.length
	return nil
}

// allows reports whether e is of the view's epoch, and no tag of it has a
// greater stamp, as of the view or later.
func (v *view) allows(e *driver.Entry) bool { return v.judge(e) == driver.Valid }

// judge is allows for who reads.
func (v *view) judge(e *driver.Entry) driver.Verdict {
	if e.Stamp.Epoch != v.epoch {
		return driver.Invalid
	}
	r := v.record
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.epoch != v.epoch {
		return driver.Invalid
	}
	return e.Judge(func(tag string) uint64 { return r.tags[tag] })
}
