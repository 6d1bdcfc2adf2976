package cache

import (
	"context"
	"errors"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// peek reads a hit from the store as one reads it in memory: the entry alone,
// judged by what this process knows from the log. It reports false where that says
// too little, or where there is no fresh entry: then the store is to be asked, which
// alone knows where a load begins. A store that did not answer in time is not
// asked again.
func (e *engine) peek(ctx context.Context, f *found) (bool, error) {
	if e.peeker == nil || f.flags != 0 {
		return false, nil
	}
	before := e.node.load()
	if before.clock.Epoch == 0 || before.clock.N < before.need || time.Since(before.verified) > e.opts.Staleness {
		return false, nil
	}
	sent := time.Now()
	entry, err := e.peeker.Peek(ctx, f.key)
	if err != nil && (errors.Is(err, ErrStoreTimeout) || ctx.Err() != nil || isTimeout(err)) {
		f.outcome, f.took = Failed, time.Since(sent)
		return false, err
	}
	if err != nil || entry == nil || e.node.judge(before.clock.Epoch, f.key, entry) != driver.Valid ||
		unreadable(entry) || stale(entry) || e.owes(f.key, entry) {
		return false, nil
	}
	f.took = time.Since(sent)
	f.entry, f.outcome, f.tier = entry, hitOutcome(entry, Hit), len(e.near)
	e.toNear(ctx, f.key, &nearCopy{entry: entry, asOf: before.clock}, entry.Life, len(e.near))
	return true, nil
}

// isTimeout is for stores that have a timeout of their own.
func isTimeout(err error) bool {
	t, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && t.Timeout()
}

// judge judges an entry that was read from the store, if the node is still in the
// epoch that it was in before. What was forgotten is taken for the worst. A store
// that has just lost its last changes may hold what was deleted: the key is looked
// up too.
func (n *node) judge(epoch uint64, key driver.Key, e *driver.Entry) driver.Verdict {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if n.load().clock.Epoch != epoch || e.Stamp.Epoch != epoch || n.keys.last(key.String()) > e.Stamp.N {
		return driver.Invalid
	}
	return e.Judge(n.tags.last)
}
