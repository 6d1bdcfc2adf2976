package faulttest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// database is the truth that stores cache: rows with a version each. A row's
// floor is the highest version whose invalidation was acknowledged: no reading
// that begins afterwards may show an older one.
type database struct {
	rows [24]row

	reads, fills, acks, outages atomic.Int64

	mu    sync.Mutex
	wrong []string
}

type row struct {
	version atomic.Int64
	floor   atomic.Int64
}

// name and tag of a row. Three rows share a tag.
func name(i int) string { return "row-" + strconv.Itoa(i) }
func tag(i int) string  { return "tag-" + strconv.Itoa(i/3) }

// read looks a row up as a cache does: a hit must not be older than the floor, a
// miss is loaded and stored under its fence.
func (d *database) read(ctx context.Context, s driver.Store) {
	i := rand.IntN(len(d.rows))
	row := &d.rows[i]
	floor := row.floor.Load()
	r, err := s.Get(ctx, keyOf(name(i)), time.Minute)
	if err != nil {
		d.outages.Add(1)
		return
	}
	d.reads.Add(1)
	if r.Entry != nil {
		if v, err := strconv.ParseInt(string(r.Entry.Payload), 10, 64); err != nil || v < floor {
			d.report("%s: got %q, but version %d was invalidated before the read began", name(i), r.Entry.Payload, floor)
		}
		return
	}
	version := row.version.Load()
	if rand.IntN(4) == 0 {
		time.Sleep(rand.N(2 * time.Millisecond)) // so that invalidations come in between
	}
	put, err := s.Put(ctx, keyOf(name(i)), entryOf(i, version, r.Fence), driver.Fill, r.Fence.Token)
	switch {
	case err != nil:
		d.outages.Add(1)
	case put.Done:
		d.fills.Add(1)
	}
}

// entryOf is a version of a row, read after fence was taken.
func entryOf(i int, version int64, fence driver.Fence) *driver.Entry {
	return &driver.Entry{
		Payload: strconv.AppendInt(nil, version, 10), Life: long(), Stamp: fence.Stamp, Tags: []string{tag(i)},
	}
}

// write commits new versions of a row, of all rows of a tag or, rarely, of all
// there are, and invalidates them; or it writes one row through.
func (d *database) write(ctx context.Context, s driver.Store) {
	i := rand.IntN(len(d.rows))
	rows := []int{i}
	what := driver.Invalidation{Keys: []driver.Key{keyOf(name(i))}}
	switch n := rand.IntN(40); {
	case n == 0:
		rows = rows[:0]
		for i := range d.rows {
			rows = append(rows, i)
		}
		what = driver.Invalidation{Tags: []string{driver.TagAll}}
	case n < 14:
		first := i / 3 * 3
		rows = []int{first, first + 1, first + 2}
		what = driver.Invalidation{Tags: []string{tag(i)}}
	case n < 28:
		if d.writeThrough(ctx, s, i) {
			return
		}
	}
	d.invalidate(ctx, s, rows, what)
}

// writeThrough commits a version of a row and stores it under a fence that was
// taken before. It reports whether that is known to be done.
func (d *database) writeThrough(ctx context.Context, s driver.Store, i int) bool {
	call, cancel := brief(ctx)
	defer cancel()
	r, err := s.Get(call, keyOf(name(i)), time.Minute)
	if err != nil {
		d.outages.Add(1)
		return false
	}
	version := d.rows[i].version.Add(1)
	if _, err := s.Put(call, keyOf(name(i)), entryOf(i, version, r.Fence), driver.SetFenced, r.Fence.Token); err != nil {
		d.outages.Add(1)
		return false
	}
	d.acks.Add(1)
	raise(&d.rows[i].floor, version)
	return true
}

// invalidate commits new versions of rows, and invalidates until that is
// acknowledged.
func (d *database) invalidate(ctx context.Context, s driver.Store, rows []int, what driver.Invalidation) {
	committed := make([]int64, len(rows))
	for j, i := range rows {
		committed[j] = d.rows[i].version.Add(1)
	}
	for ctx.Err() == nil {
		call, cancel := brief(ctx)
		_, err := s.Invalidate(call, what)
		cancel()
		if err == nil {
			d.acks.Add(1)
			for j, i := range rows {
				raise(&d.rows[i].floor, committed[j])
			}
			return
		}
		d.outages.Add(1)
		time.Sleep(time.Millisecond)
	}
}

// raise makes a at least v.
func raise(a *atomic.Int64, v int64) {
	for old := a.Load(); old < v && !a.CompareAndSwap(old, v); old = a.Load() {
	}
}

func (d *database) report(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wrong = append(d.wrong, fmt.Sprintf(format, args...))
}

// judge fails t if anything wrong was read.
func (d *database) judge(t testing.TB) {
	t.Helper()
	for i, w := range d.wrong {
		if i == 5 {
			t.Errorf("and %d more", len(d.wrong)-i)
			break
		}
		t.Error(w)
	}
	t.Logf("%d reads, %d fills, %d invalidations, %d calls failed", d.reads.Load(), d.fills.Load(), d.acks.Load(), d.outages.Load())
}

// load has readers and writers work on both stores until ctx ends.
func (d *database) load(ctx context.Context, stores ...driver.Store) *sync.WaitGroup {
	var wg sync.WaitGroup
	for _, s := range stores {
		for range 3 {
			wg.Go(func() {
				for ctx.Err() == nil {
					call, cancel := brief(ctx)
					d.read(call, s)
					cancel()
				}
			})
		}
		wg.Go(func() {
			for ctx.Err() == nil {
				d.write(ctx, s)
				time.Sleep(rand.N(2 * time.Millisecond))
			}
		})
	}
	return &wg
}
