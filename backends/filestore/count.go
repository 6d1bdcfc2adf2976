package filestore

import (
	"context"
	"sync"
)

// amount is how many entries there are and how long their files are. The meta
// record has it, so that all processes know what each of them adds. Placeholders
// are none: they end soon, and are not thrown out to make room. Neither is what
// was stored before all was last cleared: it goes anyway.
type amount struct{ files, bytes int64 }

func weigh(size int64) amount {
	if size == none || size == placeholderLen {
		return amount{}
	}
	return amount{1, size}
}

func (a amount) plus(b amount) amount  { return amount{a.files + b.files, a.bytes + b.bytes} }
func (a amount) minus(b amount) amount { return amount{a.files - b.files, a.bytes - b.bytes} }

// replaced counts that a file of one size, or none, took the place of another.
func (l *locked) replaced(was, is int64) {
	change := weigh(is).minus(weigh(was))
	if change != (amount{}) {
		l.kept, l.unsaved = l.kept.plus(change), true
	}
}

// over reports whether there is more than there should be.
func (o *Options) over(kept amount) bool {
	return o.MaxEntries > 0 && kept.files > int64(o.MaxEntries) || o.MaxBytes > 0 && kept.bytes > o.MaxBytes
}

// surplus is how much has to go then: a little more than what is over, so that
// not every write has to make room.
func (o *Options) surplus(kept amount) amount {
	const little = 64 // the part of a bound
	above := func(kept, bound int64) int64 {
		if bound == 0 {
			return 0
		}
		return max(0, kept-bound+bound/little)
	}
	return amount{above(kept.files, int64(o.MaxEntries)), above(kept.bytes, o.MaxBytes)}
}

// count is a walk through the folders, which finds out what there is, and so
// puts right what processes that were killed did not count. It goes on a folder
// every few writes, and with each of a process's first ones, so that nothing ever
// lists the whole directory for a write.
type count struct {
	mu     sync.Mutex
	writes int // since the last folder
	folder int // the next one
	rounds int // that were finished
	walk   walk
}

// walk is what a count has come to.
type walk struct {
	began   header // when it did
	found   amount
	removed amount // of that, by itself
}

// minWrites is the least number of writes from one folder to the next. Of long
// folders it is a quarter of their files: a write pays for four.
const minWrites = 32

// step goes on with the count of this process, if it is time. v is the clock.
func (s *Store) step(ctx context.Context, v *view) {
	c := &s.count
	if !c.mu.TryLock() {
		return
	}
	defer c.mu.Unlock()
	c.writes++
	if c.rounds > 0 && c.writes < max(minWrites, int(v.kept.files/folders/4)) {
		return
	}
	if c.folder == 0 {
		c.walk = walk{began: v.header}
	}
	s.sweepFolder(ctx, c.folder, v, &c.walk)
	c.writes, c.folder = 0, (c.folder+1)%folders
	if c.folder == 0 {
		c.rounds++
		s.endWalk(ctx, &c.walk)
	}
}

// endWalk takes in what a walk has found. Of what was written meanwhile it may have
// seen all or nothing, so that it says one half; what can be explained by that is
// left as it is.
func (s *Store) endWalk(ctx context.Context, w *walk) {
	l, err := s.meta.lock(ctx)
	if err != nil {
		return
	}
	defer l.unlock()
	if l.epoch != w.began.epoch || l.cleared != w.began.cleared {
		return
	}
	change := l.kept.minus(w.began.kept).plus(w.removed)
	kept := w.found.minus(w.removed).plus(amount{change.files / 2, change.bytes / 2})
	if off := kept.minus(l.kept); abs(off.files) <= abs(change.files) && abs(off.bytes) <= abs(change.bytes) {
		return
	}
	l.kept, l.unsaved = kept, true
}

func abs(n int64) int64 { return max(n, -n) }
