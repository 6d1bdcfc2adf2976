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
	return context.WithValue(ctx, memoKey{}, &memo{entries: make(map[memoName]memoEntry)})
}

type memoKey struct{}

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

// fromMemo returns what the request of ctx has read under key, if this process
// has written nothing since.
func (e *engine) fromMemo(ctx context.Context, key driver.Key) *driver.Entry {
	m, _ := ctx.Value(memoKey{}).(*memo)
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if kept := m.entries[memoName{e, key}]; kept.entry != nil && kept.writes == e.writes.Load() {
		return kept.entry
	}
	return nil
}

// toMemo keeps an entry for the rest of the request of ctx. Counters are read
// where they are counted.
func (e *engine) toMemo(ctx context.Context, key driver.Key, entry *driver.Entry, writes uint64) {
	if !e.opts.RequestMemo || entry == nil || entry.Kind == driver.Integer {
		return
	}
	if m, _ := ctx.Value(memoKey{}).(*memo); m != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.entries[memoName{e, key}] = memoEntry{entry, writes}
	}
}
