// Package metarecord is the meta record of a store that keeps its entries in
// this process: epoch, counter and the stamps of tags, in memory, and the log of
// changes while somebody reads it.
package metarecord

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/stratacache/strata/cache/driver"
)

// A Record guards all entries of one epoch. A new epoch is a new Record, so that
// epoch, counter and tag stamps are always lost together. It is safe for
// concurrent use.
type Record struct {
	epoch   uint64
	n       atomic.Uint64
	maxTags int

	// last is the highest n that any tag was given, stored after the tag: an entry
	// that was checked at last or later needs no look at its tags.
	last atomic.Uint64
	all  atomic.Uint64 // the stamp of driver.TagAll

	mu   sync.RWMutex
	tags map[string]uint64

	log atomic.Pointer[changes] // nil: nobody reads it
}

// New begins an epoch whose Record holds at most maxTags tags.
func New(maxTags int) *Record {
	return &Record{epoch: uint64(driver.NewToken()), maxTags: maxTags, tags: make(map[string]uint64)}
}

// Stamp is the clock.
func (r *Record) Stamp() driver.Stamp { return driver.Stamp{Epoch: r.epoch, N: r.n.Load()} }

// Advance moves the clock on by one, for what changes these keys.
func (r *Record) Advance(keys ...driver.Key) driver.Stamp {
	n := r.n.Add(1)
	if r.log.Load() != nil {
		r.note(n, keys, nil)
	}
	return driver.Stamp{Epoch: r.epoch, N: n}
}

// Invalidate advances once, for what removes these keys, and gives tags the new
// stamp. The counter shows it
// only after the tags have it: a reader that saw the counter never misses the
// tag. It does nothing and reports false when that would be too many tags: then
// it is time for a new epoch.
func (r *Record) Invalidate(tags []string, keys ...driver.Key) (driver.Stamp, bool) {
	if len(tags) == 0 {
		return r.Advance(keys...), true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.tags) > 0 && len(r.tags)+len(tags) > r.maxTags {
		return driver.Stamp{}, false
	}
	for {
		// A write may take n in between. Then the tags rise again: for a moment they
		// have the stamp of a write that this call overlaps, which hurts nobody.
		n := r.n.Load() + 1
		for _, t := range tags {
			if t == driver.TagAll {
				r.all.Store(n)
				continue
			}
			if _, known := r.tags[t]; !known {
				t = strings.Clone(t) // it may be cut from something large
			}
			r.tags[t] = n
		}
		r.last.Store(n)
		if r.n.CompareAndSwap(n-1, n) {
			r.note(n, keys, tags)
			return driver.Stamp{Epoch: r.epoch, N: n}, true
		}
	}
}

// Allows reports whether e has this epoch, and no tag of it a greater stamp.
func (r *Record) Allows(e *driver.Entry) bool {
	return e.Stamp.Epoch == r.epoch && r.judge(e) == driver.Valid
}

func (r *Record) judge(e *driver.Entry) driver.Verdict {
	all := r.all.Load()
	if len(e.Tags) > 0 {
		r.mu.RLock()
		defer r.mu.RUnlock()
	}
	return e.Judge(func(tag string) uint64 {
		if tag == driver.TagAll {
			return all
		}
		return r.tags[tag]
	})
}

// Valid is Allows for a stored entry. checked, which lies with the entry and is 0
// at first, remembers up to which stamp its tags are known to be fine.
func (r *Record) Valid(e *driver.Entry, checked *atomic.Uint64) bool {
	return r.Judge(e, checked) == driver.Valid
}

// Judge is Valid for who reads.
func (r *Record) Judge(e *driver.Entry, checked *atomic.Uint64) driver.Verdict {
	if e.Stamp.Epoch != r.epoch {
		return driver.Invalid
	}
	last := r.last.Load() // before the tags: what comes later is looked up again
	if checked.Load() >= last {
		return driver.Valid
	}
	v := r.judge(e)
	if v == driver.Valid {
		checked.Store(last)
	}
	return v
}

// Tags is how many tags have a stamp, without driver.TagAll.
func (r *Record) Tags() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.tags)
}
