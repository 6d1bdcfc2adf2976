package filestore

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
)

const (
	// batch is how many files are removed at once, under the lock.
	batch = 64
	// maxBatches is how many one write removes, where a bound was lowered.
	maxBatches = 4
	// sample is how many are looked at for each one that goes, and minSample how
	// many at least, if there are so many.
	sample    = 8
	minSample = 64
)

// makeRoom follows each write: now and then it counts a folder, and it throws
// out entries while there are too many. It is best effort, and never waits for
// another one in this process.
func (s *Store) makeRoom(ctx context.Context) {
	v, err := s.meta.read(ctx)
	if err != nil {
		return
	}
	s.step(ctx, &v)
	if !s.opts.over(v.kept) || !s.evicting.TryLock() {
		return
	}
	defer s.evicting.Unlock()
	for range maxBatches {
		need := s.opts.surplus(v.kept)
		if need == (amount{}) || s.evict(ctx, &v, need) == (amount{}) {
			return
		}
		if v, err = s.meta.read(ctx); err != nil {
			return
		}
	}
}

// evict throws out what has ended and then what is oldest among a sample of
// entries, until there is room or a batch is full.
func (s *Store) evict(ctx context.Context, v *view, need amount) (removed amount) {
	// As many as are needed, if they are as long as most.
	length := max(1, v.kept.bytes/max(1, v.kept.files))
	enough := max(minSample, sample*min(batch, max(need.files, need.bytes/length+1)))
	var found []file
	w := walk{began: v.header}
	first := rand.N(folders)
	for i := 0; int64(len(found)) < enough; i++ {
		if i == folders { // that is all
			s.endWalk(ctx, &w)
			break
		}
		files, err := s.list((first + i) % folders)
		if err != nil {
			continue
		}
		for _, f := range files {
			if a := weigh(f.weight(&v.header)); a != (amount{}) {
				found = append(found, f)
				w.found = w.found.plus(a)
			}
		}
	}
	now := now()
	slices.SortFunc(found, func(a, b file) int {
		if a.ended(now) != b.ended(now) {
			if a.ended(now) {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.changed, b.changed)
	})
	return s.discard(ctx, found[:min(len(found), batch)], s.opts.surplus)
}
