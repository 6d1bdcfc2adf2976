package filestore

import "github.com/stratacache/strata/cache/driver"

const (
	// maxJournal is more than a journal that is cut in time ever has.
	maxJournal = 1 << 30
	// roomyJournal is the length up to which a journal is not written anew.
	roomyJournal = 64 << 10
)

// intend goes before the storing of an entry that carries the number of its own
// advance, which it returns. Should this process end in between, nobody else
// gets that number: an invalidation that had it would not count for the entry.
func (l *locked) intend() (driver.Stamp, error) {
	next := l.header
	next.pending = next.n + 1
	if err := l.write(&next); err != nil {
		return driver.Stamp{}, err
	}
	return driver.Stamp{Epoch: next.epoch, N: next.pending}, nil
}

// advance is the last thing that a step does: it moves the counter by one, and
// gives tags the new number, in one write.
func (l *locked) advance(tags []string) error {
	next := l.header
	next.n++
	next.boot = l.meta.written()
	if len(tags) == 0 {
		return l.write(&next)
	}
	var added []byte
	for _, t := range tags {
		added = appendTag(added, t, next.n)
		if t == driver.TagAll {
			next.cleared, next.kept = now(), amount{}
		}
	}
	known, live := l.record.with(tags)
	switch length := uint64(len(added)) + next.length; {
	case known > l.meta.maxTags:
		return l.renew()
	case length > roomyJournal && length > 4*live:
		return l.compact(next, tags)
	}
	if _, err := l.record.file.WriteAt(added, headerLen+int64(next.length)); noRoom(err) {
		return l.renew() // nothing is older than a new epoch, which needs no room
	} else if err != nil {
		return err
	}
	if err := l.flush(); err != nil {
		return err
	}
	next.length += uint64(len(added))
	if err := l.write(&next); err != nil {
		return err
	}
	_ = l.record.catchUp(&next) // or whoever reads next does it
	return nil
}

// with is how many tags there are with those that come, and how long a journal
// would be that has each once.
func (r *record) with(coming []string) (known int, length uint64) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	known, length = len(r.tags), r.live
	for _, t := range coming {
		if _, ok := r.tags[t]; !ok {
			known++
			length += tagLen(t)
		}
	}
	return known, length
}

// write replaces the header.
func (l *locked) write(h *header) error {
	var b [headerLen]byte
	if _, err := l.record.file.WriteAt(h.append(b[:0]), 0); err != nil {
		return err
	}
	if err := l.flush(); err != nil {
		return err
	}
	l.header, l.unsaved = *h, false
	return nil
}

func (l *locked) flush() error {
	if !l.meta.sync {
		return nil
	}
	return l.record.file.Sync()
}

// renew starts a new epoch in the same file. The clock then is one after its
// beginning, as if what was asked for had been the first thing in it.
func (l *locked) renew() error {
	h := l.meta.newEpoch(l.record.id.ino)
	h.n = 1
	if err := l.write(&h); err != nil {
		return err
	}
	_ = l.record.catchUp(&h) // until it is done, nothing is valid
	return nil
}

// compact puts a new file with each tag once in place of the old one. The lock
// is that of the old one: nothing may follow.
func (l *locked) compact(next header, tags []string) error {
	t, err := newTemp(l.meta.path)
	if noRoom(err) {
		return l.renew()
	} else if err != nil {
		return err
	}
	defer t.discard()
	info, err := t.file.Stat()
	if err != nil {
		return err
	}
	var journal []byte
	l.record.mu.RLock()
	for tag, n := range l.record.tags {
		journal = appendTag(journal, tag, n)
	}
	l.record.mu.RUnlock()
	for _, tag := range tags {
		journal = appendTag(journal, tag, next.n)
	}
	next.inode, next.length = idOfInfo(info).ino, uint64(len(journal))
	if _, err := t.file.Write(append(next.append(nil), journal...)); noRoom(err) {
		return l.renew()
	} else if err != nil {
		return err
	}
	if err := t.finish(0, l.meta.sync); err != nil {
		return err
	}
	if err := t.commit(l.meta.sync); err != nil {
		return err
	}
	l.header, l.unsaved = next, false
	return nil
}
