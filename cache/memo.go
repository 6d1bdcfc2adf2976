package cache

import (
	"context"
	"sync"

	"github.com/stratacache/strata/cache/driver"
)

// WithMemo returns a context in which what was read once from clients with
// [Options].RequestMemo is read again without asking anybody: for one request,
// whose parts ask for the same values. What another process invalidates
// meanwhile is seen by the next request; whatever this process writes or
// invalidates ends the memo of all it holds.
func WithMemo(ctx context.Context) context.Context {
	r := request{memo: &memo{entries: make(map[memoName]memoEntry)}}
	if around := requestOf(ctx); around != nil {
		r.access = around.access
	}
	return context.WithValue(ctx, requestKey{}, &r)
}

// memo is what one request has read.
type memo struct {
	mu      sync.Mutex
	entries map[memoName]memoEntry
}

type memoName struct {
	engine *engine
	key    driver.Key
}

type memoEntry struct {
	entry  *driver.Entry
	writes uint64 // engine.writes before it was read
}

// fromMemo returns what the request has read under key, if this process has
// written nothing since.
func (e *engine) fromMemo(r *request, key driver.Key) *driver.Entry {
	if r == nil || r.memo == nil || !e.opts.RequestMemo {
		return nil
	}
	m := r.memo
	m.mu.Lock()
	defer m.mu.Unlock()
	if kept := m.entries[memoName{e, key}]; kept.entry != nil && kept.writes == e.writes.Load() {
		return kept.entry
	}
	return nil
}

// toMemo keeps an entry for the rest of the request. Counters are read where
// they are counted.
func (e *engine) toMemo(r *request, key driver.Key, entry *driver.Entry, writes uint64) {
	if r == nil || r.memo == nil || !e.opts.RequestMemo || entry == nil || entry.Kind == driver.Integer {
		return
	}
	r.memo.mu.Lock()
	defer r.memo.mu.Unlock()
	r.memo.entries[memoName{e, key}] = memoEntry{entry, writes}
}
