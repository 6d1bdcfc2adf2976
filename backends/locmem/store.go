package locmem

import (
	"context"
	"hash/maphash"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/metarecord"
)

// A Store is a driver.Store in memory. Make one with [New].
type Store struct {
	opts   Options
	clock  *clock
	meta   atomic.Pointer[metarecord.Record]
	shards []shard
	seed   maphash.Seed
	room   *room     // of LRU
	otter  *wtinylfu // nil for LRU
	busy   writers
	sweep  *sweeper
	closed atomic.Bool
}

var (
	_ driver.Store       = (*Store)(nil)
	_ driver.ManyGetter  = (*Store)(nil)
	_ driver.Mover       = (*Store)(nil)
	_ driver.LogReader   = (*Store)(nil)
	_ driver.EntryKeeper = (*Store)(nil)
)

// New returns an empty store; opts may be nil. Options that contradict each
// other panic with the name of the field: they are a mistake in the program.
func New(opts *Options) *Store {
	o, err := opts.withDefaults()
	if err != nil {
		panic(err.Error())
	}
	s := &Store{opts: o, clock: newClock(), seed: maphash.MakeSeed()}
	s.meta.Store(metarecord.New(maxTags))
	s.sweep = newSweeper(s.sweepAll)
	s.shards = make([]shard, o.shards())
	if o.Policy == WTinyLFU {
		s.otter = newWTinyLFU(o, s.clock)
	} else {
		s.room = &room{maxEntries: int64(o.MaxEntries), maxBytes: o.MaxBytes, shards: s.shards}
	}
	for i := range s.shards {
		sh := &s.shards[i]
		sh.index = i
		sh.fences = make(map[driver.Key]*fence)
		if s.otter != nil {
			sh.table = s.otter
		} else {
			sh.table = newLRU(sh, s.room)
		}
	}
	return s
}

// shards is a power of two. Four locks for each processor keep two of them from
// meeting most of the time. But each shard of an LRU store has an order of its
// own, and only large shards throw out about what one order would: a store that
// is too small for that has a single one.
func (o *Options) shards() int {
	const (
		perProc    = 4
		minEntries = 1024
		minBytes   = 4 << 20
	)
	n := 1
	for n < perProc*runtime.GOMAXPROCS(0) && n < 256 {
		n *= 2
	}
	if o.Policy == WTinyLFU {
		return n // otter keeps one order for all
	}
	for n > 1 && (o.MaxEntries > 0 && o.MaxEntries/n < minEntries || o.MaxBytes > 0 && o.MaxBytes/int64(n) < minBytes) {
		n /= 2
	}
	return n
}

// shard is where key is kept. Hashing the name alone is half the work; scopes
// that share names are told apart by their length, well enough for a lock.
func (s *Store) shard(key driver.Key) *shard {
	if len(s.shards) == 1 {
		return &s.shards[0]
	}
	return &s.shards[(maphash.String(s.seed, key.Name)+uint64(len(key.Scope)))&uint64(len(s.shards)-1)]
}

func (s *Store) ready(ctx context.Context) error {
	if s.closed.Load() {
		return driver.ErrClosed
	}
	return ctx.Err()
}

// Get implements driver.Store. A hit allocates nothing.
func (s *Store) Get(ctx context.Context, key driver.Key, hold time.Duration) (out driver.Reading, err error) {
	if err := s.ready(ctx); err != nil {
		return out, err
	}
	if s.otter == nil || !s.readUnlocked(&out, key) {
		s.read(&out, key, s.clock.now(), hold)
	}
	return out, nil
}

// GetMany implements driver.ManyGetter.
func (s *Store) GetMany(ctx context.Context, keys []driver.Key, hold time.Duration) ([]driver.KeyReading, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	stamp := s.meta.Load().Stamp()
	now := s.clock.now()
	out := make([]driver.KeyReading, len(keys))
	for i, key := range keys {
		if s.otter == nil || !s.readUnlocked(&out[i].Reading, key) {
			s.read(&out[i].Reading, key, now, hold)
		}
		out[i].Fence.Stamp = stamp // the oldest of all is right for each
	}
	return out, nil
}

// readUnlocked is a hit that takes no lock, or false. The counter is read before
// the entry, and before the look for a writer: if there is none, every write
// that the counter shows is in the table.
func (s *Store) readUnlocked(out *driver.Reading, key driver.Key) bool {
	m := s.meta.Load()
	stamp := m.Stamp()
	if s.busy.of(key).Load() != 0 {
		return false
	}
	r, ok := s.otter.get(key)
	if !ok {
		return false
	}
	v := m.Judge(r.entry, &r.checked)
	if v == driver.Invalid {
		return false
	}
	out.Entry, out.Expired = r.entry, v == driver.Expired
	out.Fence = driver.Fence{Token: r.entry.Token, Stamp: stamp}
	return true
}

// read fills out, which is zero.
func (s *Store) read(out *driver.Reading, key driver.Key, now int64, hold time.Duration) {
	sh := s.shard(key)
	sh.mu.Lock()
	m := s.meta.Load()
	out.Fence.Stamp = m.Stamp()
	r, verdict := sh.table.read(key, now, m)
	switch {
	case verdict != driver.Invalid:
		out.Entry, out.Expired, out.Fence.Token = r.entry, verdict == driver.Expired, r.entry.Token
	case hold > 0:
		until := end(now, hold)
		out.Fence.Token, out.Planted = sh.hold(key, now, until)
		s.sweep.ends(until, now)
	case r != nil:
		out.Fence.Token = r.entry.Token
	default:
		out.Fence.Token = sh.fenced(key, now)
	}
	sh.mu.Unlock()
}

// end is now + d, as far as time goes.
func end(now int64, d time.Duration) int64 {
	if e := now + int64(d); e > now {
		return e
	}
	return driver.Forever
}

// ReadLog implements driver.LogReader, for clients of this process that share the
// store. The log exists while somebody reads it, and reaches back some 8000
// changes.
func (s *Store) ReadLog(ctx context.Context, after driver.Stamp, wait time.Duration) (driver.LogReading, error) {
	if err := s.ready(ctx); err != nil {
		return driver.LogReading{}, err
	}
	return metarecord.ReadLog(ctx, s.meta.Load, after, wait)
}

// KeepsEntries implements driver.EntryKeeper: entries come back as they were
// given.
func (s *Store) KeepsEntries() bool { return true }

// Ping implements driver.Store. There is no server to ask.
func (s *Store) Ping(ctx context.Context) error { return s.ready(ctx) }

// Close implements driver.Store. It drops all entries.
func (s *Store) Close(ctx context.Context) error {
	s.closed.Store(true)
	if err := s.sweep.close(ctx); err != nil {
		return err
	}
	s.reset()
	if s.otter != nil {
		return s.otter.close(ctx)
	}
	return nil
}

// reset drops what can be dropped at once.
func (s *Store) reset() {
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		sh.table.reset()
		sh.mu.Unlock()
	}
}

// sweepAll drops what has ended, in small steps, and returns when the next thing
// ends.
func (s *Store) sweepAll() int64 {
	next := driver.Forever
	now := s.clock.sync()
	for i := range s.shards {
		sh := &s.shards[i]
		for more := true; more; {
			sh.mu.Lock()
			more = sh.sweep(now, sweepBatch)
			if !more {
				next = min(next, sh.next())
			}
			sh.mu.Unlock()
		}
	}
	return next
}
