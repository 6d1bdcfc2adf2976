package invalidate

import (
	"context"
	"errors"

	"github.com/stratacache/strata/cache"
)

// Drop invalidates n in c: when the transaction of ctx commits, or now if there
// is none. Now, it is not cut off by the end of ctx, and is tried again for up to
// 5 seconds; if it fails all the same the error is a [*PendingError].
func Drop(ctx context.Context, c cache.Cache, n Names) error {
	if n = n.distinct(); n.Empty() {
		return nil
	}
	if u := UnitOf(ctx); u != nil && u.add(c, n) {
		return nil
	}
	return send(ctx, []Scoped{{c, n}}, false)
}

// Write runs write, which returns after its commit or takes part in the
// transaction of ctx, and then drops n: a reader who begins when Write has
// returned sees the change. It is also for what changes many rows and so has no
// one record for a [Hook].
//
// If write fails n is dropped all the same: a commit whose answer was lost may
// have happened, and a transaction may keep what was done before the failure.
func Write(ctx context.Context, c cache.Cache, n Names, write func(context.Context) error) error {
	err := write(ctx)
	return errors.Join(err, Drop(ctx, c, n))
}

// AfterCommit calls f when the transaction of ctx has committed and what it
// invalidates is gone, or now if there is none. After a rollback f is not called.
func AfterCommit(ctx context.Context, f func(context.Context)) {
	if u := UnitOf(ctx); u != nil && u.after(f) {
		return
	}
	f(ctx)
}
