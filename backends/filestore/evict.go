package filestore

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
)

const (
	// batch is how many files are thrown out at once, under the lock.
	batch = 64
	// sample is how many are looked at to choose them, or all.
	sample = 4 * batch
)

// makeRoom follows each write: now and then it counts a folder, and it throws
// out entries while there are too many. It is best effort, and never waits for
// another one in this process.
func (s *Store) makeRoom(ctx context.Context) {
	if folder, due := s.usage.wrote(); due {
		if v, err := s.meta.read(ctx); err == nil {
			s.sweepFolder(ctx, folder, &v)
		}
	}
	if s.usage.surplus() == (amount{}) || !s.usage.evicting.TryLock() {
		return
	}
	defer s.usage.evicting.Unlock()
	for need := s.usage.surplus(); need != (amount{}); need = s.usage.surplus() {
		if s.evict(ctx, need) == 0 {
			return
		}
	}
}

// evict throws out what has ended and then what is oldest among a sample of
// entries, until there is room for what is needed or a batch is full.
func (s *Store) evict(ctx context.Context, need amount) (removed int) {
	var found []file
	first := rand.N(folders)
	for i := range folders {
		folder := (first + i) % folders
		if s.usage.empty(folder) {
			continue
		}
		files, err := s.list(folder)
		if err != nil {
			continue
		}
		for _, f := range files {
			if !f.temp && weigh(f.size) != (amount{}) {
				found = append(found, f)
			}
		}
		if len(found) >= sample {
			break
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
	n := 0
	for n < min(len(found), batch) && (need.files > 0 || need.bytes > 0) {
		need.add(weigh(found[n].size), -1)
		n++
	}
	return s.discard(ctx, found[:n])
}
