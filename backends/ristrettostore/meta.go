package ristrettostore

import (
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/stratacache/strata/cache/driver"
)

// meta is the record that guards all entries of one epoch. A new epoch is a new
// meta, so that epoch, counter and tag stamps are always lost together. It is
// never among what ristretto may evict.
type meta struct {
	epoch uint64
	n     atomic.Uint64

	// last is the highest n that any tag was given, stored after the tag: a record
	// that was checked at last or later needs no look at its tags.
	last atomic.Uint64

	mu   sync.RWMutex
	tags map[string]uint64
}

func newMeta() *meta {
	return &meta{epoch: random(), tags: make(map[string]uint64)}
}

// random is a new epoch or token. They need to differ, not to be secret: they
// never leave the process.
func random() uint64 {
	for {
		if r := rand.Uint64(); r != 0 {
			return r
		}
	}
}

func (m *meta) stamp() driver.Stamp { return driver.Stamp{Epoch: m.epoch, N: m.n.Load()} }

func (m *meta) advance() driver.Stamp { return driver.Stamp{Epoch: m.epoch, N: m.n.Add(1)} }

// invalidate advances once and gives tags the new stamp, which the counter
// shows only after the tags have it. It does nothing and reports false when
// that would be too many tags.
func (m *meta) invalidate(tags []string) (driver.Stamp, bool) {
	if len(tags) == 0 {
		return m.advance(), true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.tags) > 0 && len(m.tags)+len(tags) > maxTags {
		return driver.Stamp{}, false
	}
	for {
		// A write may take n in between. Then the tags rise again: for a moment they
		// have the stamp of a write that this call overlaps, which hurts nobody.
		n := m.n.Load() + 1
		for _, t := range tags {
			if _, known := m.tags[t]; !known {
				t = strings.Clone(t) // it may be cut from something large
			}
			m.tags[t] = n
		}
		m.last.Store(n)
		if m.n.CompareAndSwap(n-1, n) {
			return driver.Stamp{Epoch: m.epoch, N: n}, true
		}
	}
}

// allows reports whether e has this epoch, and no tag of it a greater stamp.
func (m *meta) allows(e *driver.Entry) bool {
	if e.Stamp.Epoch != m.epoch {
		return false
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.tags[driver.TagAll] > e.Stamp.N {
		return false
	}
	for _, t := range e.Tags {
		if m.tags[t] > e.Stamp.N {
			return false
		}
	}
	return true
}

// valid is allows for a stored entry, which remembers when it was checked.
func (m *meta) valid(r *record) bool {
	if r.entry.Stamp.Epoch != m.epoch {
		return false
	}
	last := m.last.Load() // before the tags: what comes later is looked up again
	if r.checked.Load() >= last {
		return true
	}
	if !m.allows(r.entry) {
		return false
	}
	r.checked.Store(last)
	return true
}

func (m *meta) tagCount() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.tags)
}
