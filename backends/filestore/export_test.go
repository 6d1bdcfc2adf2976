//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package filestore

import (
	"context"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// The limits of the meta record that tests reach.
const (
	HeaderLen    = headerLen
	RoomyJournal = roomyJournal
	MetaName     = metaName
)

var (
	FolderName = folderName
	Location   = location
)

// Dir is the folder of the namespace.
func (s *Store) Dir() string { return s.dir }

// Path is the file of a key.
func (s *Store) Path(key driver.Key) string { return s.place(key).path }

// SetBoot has the store take the system for one that was booted anew.
func (s *Store) SetBoot(boot [16]byte) { s.meta.boot = boot }

// SetMaxTags makes the meta record hold fewer tags.
func (s *Store) SetMaxTags(n int) { s.meta.maxTags = n }

// SetLeftoverAge makes temporary files leftovers sooner. Call it before others
// use the store.
func (s *Store) SetLeftoverAge(d time.Duration) { s.leftoverAge = d }

// Tags is how many invalidated tags this process knows.
func (s *Store) Tags() int {
	r := s.meta.current.Load()
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.tags)
}

// SweepNow walks the namespace in this goroutine.
func (s *Store) SweepNow(ctx context.Context) { s.sweepAll(ctx) }

// Known is how many entries and bytes the meta record counts.
func (s *Store) Known(ctx context.Context) (files, bytes int64) {
	v, _ := s.meta.read(ctx)
	return v.kept.files, v.kept.bytes
}

// DieBeforeAdvance stores e as a process does that ends just before it advances.
func (s *Store) DieBeforeAdvance(ctx context.Context, key driver.Key, e *driver.Entry) error {
	l, err := s.meta.lock(ctx)
	if err != nil {
		return err
	}
	defer l.unlock()
	if e.Stamp, err = l.intend(); err != nil {
		return err
	}
	e.Token = driver.NewToken()
	at := s.place(key)
	stood := l.stat(at)
	return s.replace(l, at, key, e, &stood)
}

// Hold takes the lock of the namespace until the function that it returns is
// called.
func (s *Store) Hold(ctx context.Context) (release func(), err error) {
	l, err := s.meta.lock(ctx)
	if err != nil {
		return nil, err
	}
	return l.unlock, nil
}

// ParseFile is what a file is taken for: its payload, whether it is an entry,
// and whether it is of no use.
func ParseFile(b []byte, key driver.Key, now int64) (e *driver.Entry, token driver.Token, waste bool) {
	s := parseSlot(b, key, now)
	return s.entry, s.token, s.waste
}

// Placeholder is the file of one.
var Placeholder = placeholder

// ParseMeta reports whether b is a whole meta file.
func ParseMeta(b []byte) bool {
	if len(b) < headerLen {
		return false
	}
	h, ok := parseHeader(b[:headerLen])
	return ok && h.length <= uint64(len(b)-headerLen) && parseTags(b[headerLen:headerLen+h.length], func(string, uint64) {})
}

// NewEpoch starts a new epoch in the same file.
func (s *Store) NewEpoch(ctx context.Context) error {
	l, err := s.meta.lock(ctx)
	if err != nil {
		return err
	}
	defer l.unlock()
	return l.renew()
}

// View returns a function that judges entries by the clock as it is now.
func (s *Store) View(ctx context.Context) (allows func(*driver.Entry) bool, err error) {
	v, err := s.meta.read(ctx)
	return v.allows, err
}
