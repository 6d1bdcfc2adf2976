package filestore

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"time"
)

// locked is the right to change the namespace, which one goroutine of one
// process has: the lock of the meta file. What it sees of the clock is what
// there is.
//
// A process that ends in any way gives the lock back. It may leave what it did
// before its last advance: readers see that state of every step, too.
type locked struct {
	view
	meta *meta
	// unsaved says that the header here counts other entries than the one in the
	// file.
	unsaved bool
}

const (
	firstWait = 20 * time.Microsecond
	maxWait   = time.Millisecond
)

// lock waits for the lock until ctx ends, and starts a new epoch if the record
// is not to be trusted.
func (m *meta) lock(ctx context.Context) (*locked, error) {
	select {
	case m.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	l, err := m.lockFile(ctx)
	if err != nil {
		<-m.turn
		return nil, err
	}
	return l, nil
}

// tryLock is lock without waiting: nil if somebody has it, or it cannot be had.
func (m *meta) tryLock() *locked {
	select {
	case m.turn <- struct{}{}:
	default:
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // ends the wait before it begins
	l, err := m.lockFile(ctx)
	if err != nil {
		<-m.turn
		return nil
	}
	return l
}

// lockFile locks the file of that name, in this process's turn.
func (m *meta) lockFile(ctx context.Context) (*locked, error) {
	m.closeRetired()
	for {
		r, err := m.open()
		if err != nil {
			return nil, err
		}
		if err := m.waitFor(ctx, r); errors.Is(err, os.ErrClosed) || errors.Is(err, errStale) {
			continue
		} else if err != nil {
			return nil, err
		}
		l := &locked{meta: m, view: view{record: r}}
		if err := l.begin(); err == nil {
			return l, nil
		} else if _ = unlock(r.file); !errors.Is(err, errStale) {
			return nil, err
		}
	}
}

// closeRetired closes the files that nobody locks any more.
func (m *meta) closeRetired() {
	m.mu.Lock()
	old := m.retired
	m.retired = nil
	m.mu.Unlock()
	for _, f := range old {
		_ = f.Close()
	}
}

// waitFor asks again and again, because a system call that waits for a lock
// does not end with a context. The lock of a file that has lost its name is
// errStale: who has it may be in no hurry.
func (m *meta) waitFor(ctx context.Context, r *record) error {
	for wait := firstWait; ; wait = min(2*wait, maxWait) {
		if ok, err := tryLock(r.file); ok || err != nil {
			return err
		}
		if id, err := idOf(m.path); err != nil || id != r.id {
			return errStale
		}
		timer := time.NewTimer(wait/2 + rand.N(wait))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
	}
}

// begin reads the record that was just locked. The lock is worth nothing if the
// file has lost its name meanwhile: that is errStale.
func (l *locked) begin() error {
	id, err := idOf(l.meta.path)
	if err != nil || id != l.record.id {
		return errStale
	}
	h, err := l.meta.header(l.record)
	if err == nil {
		err = l.record.catchUp(&h)
	}
	switch {
	case errors.Is(err, errMeta):
		return l.renew()
	case err != nil:
		return err
	case h.pending > h.n: // somebody ended before his advance: it is made for him
		h.n = h.pending
		return l.write(&h)
	}
	l.header = h
	return nil
}

func (l *locked) unlock() {
	if l.unsaved { // should it not come to it, a later count puts it right
		_, _ = l.record.file.WriteAt(l.header.append(nil), 0)
	}
	_ = unlock(l.record.file) // a file that was closed has no lock
	<-l.meta.turn
}
