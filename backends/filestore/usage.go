package filestore

import "sync"

// usage is what this process knows of how much there is. It counts what it
// changes itself, and learns what other processes changed by counting the files
// of one folder after the other, every so many writes: nothing ever lists the
// whole directory for a write.
type usage struct {
	maxFiles, maxBytes int64 // 0: no bound

	mu      sync.Mutex
	folders [folders]amount
	counted int    // folders that were counted at least once, the first ones
	sum     amount // of those
	next    int    // to be counted
	writes  int    // since the last count

	evicting sync.Mutex
}

// amount is how many entries there are and how long their files are.
// Placeholders are none: they end soon, and are not thrown out to make room.
type amount struct{ files, bytes int64 }

func weigh(size int64) amount {
	if size == none || size == placeholderLen {
		return amount{}
	}
	return amount{1, size}
}

func (a *amount) add(b amount, sign int64) {
	a.files += sign * b.files
	a.bytes += sign * b.bytes
}

// minWrites is the least number of writes between two counts. A folder is
// counted every quarter of its length in writes, so that each pays for 4 files.
const minWrites = 32

func (u *usage) init(o *Options) { u.maxFiles, u.maxBytes = int64(o.MaxEntries), o.MaxBytes }

// replaced takes in that a file of one size, or none, took the place of
// another.
func (u *usage) replaced(folder int, was, is int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if folder >= u.counted {
		return // it is counted later
	}
	for _, a := range [...]*amount{&u.folders[folder], &u.sum} {
		a.add(weigh(was), -1)
		a.add(weigh(is), 1)
	}
}

// wrote counts one write, and says which folder is to be counted now, if any.
func (u *usage) wrote() (folder int, due bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.writes++
	if u.counted == folders && u.writes < max(minWrites, int(u.folders[u.next].files/4)) {
		return 0, false
	}
	folder = u.next
	u.next, u.writes = (u.next+1)%folders, 0
	return folder, true
}

// is takes in what a folder was counted to hold.
func (u *usage) is(folder int, a amount) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if folder > u.counted {
		return // a sweeper is ahead
	}
	u.counted = max(u.counted, folder+1)
	u.sum.add(u.folders[folder], -1)
	u.folders[folder] = a
	u.sum.add(a, 1)
}

// surplus is how much has to go, with a little more so that it is not asked for
// at each write; nothing if no bound is exceeded. What is not counted yet is
// taken to be like the rest.
func (u *usage) surplus() amount {
	const (
		enough = 16 // folders from which the others are judged
		little = 64 // the part of a bound that is thrown out beyond it
	)
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.counted < enough {
		return amount{}
	}
	over := func(sum, bound int64) int64 {
		if sum = sum * folders / int64(u.counted); bound == 0 || sum <= bound {
			return 0
		}
		return sum - bound + bound/little
	}
	return amount{over(u.sum.files, u.maxFiles), over(u.sum.bytes, u.maxBytes)}
}

// empty reports whether a folder is known to hold no entry.
func (u *usage) empty(folder int) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return folder < u.counted && u.folders[folder].files == 0
}
