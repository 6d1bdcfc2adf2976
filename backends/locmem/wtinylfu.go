package locmem

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/metarecord"
)

// A wtinylfu is the table of all shards at once. Writers hold their shard's
// lock; readers need none. Otter may evict at any moment and calls back only
// what is below, which touches counters and nothing else.
type wtinylfu struct {
	cache            *otter.Cache[driver.Key, *record]
	tasks            *tasks
	bytes            atomic.Int64
	evicted, expired atomic.Uint64
}

func newWTinyLFU(o Options, c *clock) *wtinylfu {
	w := &wtinylfu{tasks: new(tasks)}
	opts := &otter.Options[driver.Key, *record]{
		Clock:    otterClock{c},
		Executor: w.tasks.run,
		// Otter keeps an entry for ever when told of no time at all.
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[driver.Key, *record]) time.Duration {
			if e.Value.entry.Life.Expires == driver.Forever {
				return math.MaxInt64
			}
			return max(1, time.Duration(e.Value.entry.Life.Expires-e.SnapshotAtNano))
		}),
		OnAtomicDeletion: func(e otter.DeletionEvent[driver.Key, *record]) {
			w.bytes.Add(-sizeOf(e.Key, e.Value.entry))
			switch e.Cause {
			case otter.CauseOverflow:
				w.evicted.Add(1)
			case otter.CauseExpiration:
				w.expired.Add(1)
			}
		},
	}
	if o.MaxBytes > 0 {
		opts.MaximumWeight = uint64(o.MaxBytes)
		opts.Weigher = func(k driver.Key, r *record) uint32 {
			return uint32(min(sizeOf(k, r.entry), math.MaxUint32))
		}
	} else {
		opts.MaximumSize = o.MaxEntries
	}
	w.cache = otter.Must(opts)
	return w
}

// get is read for a reader without the shard's lock.
func (w *wtinylfu) get(key driver.Key) (*record, bool) {
	return w.cache.GetIfPresent(key)
}

// read does not count as use: it is asked only where get has just counted.
func (w *wtinylfu) read(key driver.Key, now int64, m *metarecord.Record) (*record, driver.Verdict) {
	r := w.find(key, now)
	if r == nil {
		return nil, driver.Invalid
	}
	return r, m.Judge(r.entry, &r.checked)
}

func (w *wtinylfu) find(key driver.Key, _ int64) *record {
	e, _ := w.cache.GetEntryQuietly(key)
	return e.Value
}

func (w *wtinylfu) put(key driver.Key, e *driver.Entry, _ int64, _ bool, _ *shard) {
	r := &record{entry: e}
	r.checked.Store(e.Stamp.N)
	w.bytes.Add(sizeOf(key, e))
	w.cache.Set(key, r)
}

func (w *wtinylfu) remove(key driver.Key) { w.cache.Invalidate(key) }
func (w *wtinylfu) reset()                {}
func (w *wtinylfu) sweep(int64, int) bool { return false }
func (w *wtinylfu) next() int64           { return driver.Forever }
func (w *wtinylfu) close(ctx context.Context) error {
	w.cache.StopAllGoroutines()
	return w.tasks.close(ctx)
}

// otterClock makes otter end entries by the clock that their life is measured
// with.
type otterClock struct{ *clock }

func (c otterClock) NowNano() int64                        { return c.now() }
func (c otterClock) Tick(d time.Duration) <-chan time.Time { return time.Tick(d) }

// tasks runs otter's maintenance, and knows when it has ended.
type tasks struct {
	mu     sync.Mutex
	n      int
	closed bool
	idle   chan struct{} // made by close, closed with the last task
}

func (t *tasks) run(task func()) {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		task() // of a call that was under way when the store was closed
		return
	}
	t.n++
	t.mu.Unlock()
	go func() {
		defer t.end()
		task()
	}()
}

func (t *tasks) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n--
	if t.n == 0 && t.closed {
		close(t.idle)
	}
}

func (t *tasks) close(ctx context.Context) error {
	t.mu.Lock()
	if !t.closed {
		t.closed = true
		t.idle = make(chan struct{})
		if t.n == 0 {
			close(t.idle)
		}
	}
	idle := t.idle
	t.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
