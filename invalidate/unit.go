package invalidate

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/stratacache/strata/cache"
)

// Unit collects what one transaction invalidates, whoever runs the transaction.
// [DB] has one for each of its own; for another library, give the context of
// Collect to what runs in the transaction, and call Commit or Rollback
// afterwards. It is safe for concurrent use.
type Unit struct {
	load *cache.Load // within which the transaction began

	mu    sync.Mutex
	ended bool
	wrote bool
	what  []Scoped
	then  []func(context.Context)
}

type unitKey struct{}

// Collect begins a unit, and returns a context in which [Drop], hooks and
// repositories add to it, and in which the caches store nothing until it ends.
func Collect(ctx context.Context) (context.Context, *Unit) {
	u := &Unit{load: cache.Loading(ctx)}
	return u.Context(ctx), u
}

// Context returns ctx as one of the unit's transaction, for libraries that do
// not pass on the context of Collect.
func (u *Unit) Context(ctx context.Context) context.Context {
	if UnitOf(ctx) == u {
		return ctx
	}
	return cache.WithAccess(context.WithValue(ctx, unitKey{}, u), u.access)
}

// access is what the caches allow in the transaction. What it loads may be what
// others must not see, or what they have seen the last of, so nothing is stored;
// once it wrote, what is stored is not what it must see.
func (u *Unit) access() cache.Access {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case u.ended:
		return cache.ReadWrite
	case u.wrote:
		return cache.NoAccess
	}
	return cache.ReadOnly
}

// UnitOf returns the unit of the transaction of ctx, or nil.
func UnitOf(ctx context.Context) *Unit {
	u, _ := ctx.Value(unitKey{}).(*Unit)
	return u
}

// What returns what has been collected, each name once.
func (u *Unit) What() []Scoped {
	u.mu.Lock()
	defer u.mu.Unlock()
	return merge(u.what)
}

// merge puts together what is for the same cache.
func merge(what []Scoped) []Scoped {
	var out []Scoped
	for _, s := range what {
		i := slices.IndexFunc(out, func(o Scoped) bool { return o.Cache == s.Cache })
		if i < 0 {
			out = append(out, s)
			continue
		}
		out[i].Names = out[i].Names.And(s.Names)
	}
	for i := range out {
		out[i].Names = out[i].Names.distinct()
	}
	return out
}

// Commit is called with what the commit returned, and returns it: nil, and what
// was collected is sent and the functions of AfterCommit are called; or an error,
// after which nobody may know whether it happened: then it is sent, and they are
// not called. What could not be sent is a [*PendingError].
func (u *Unit) Commit(ctx context.Context, outcome error) error {
	return errors.Join(outcome, u.commit(ctx, outcome == nil, func(what []Scoped) error { return send(ctx, what, false) }))
}

func (u *Unit) commit(ctx context.Context, sure bool, send func([]Scoped) error) error {
	what, then := u.end()
	err := send(what)
	if sure {
		for _, f := range then {
			f(ctx)
		}
	}
	return err
}

// Rollback drops what was collected. A unit that is rolled back on purpose
// suspends invalidation, for an import after which all is cleared, say.
func (u *Unit) Rollback() { u.end() }

// end empties the unit. What is added later is not of the transaction.
func (u *Unit) end() ([]Scoped, []func(context.Context)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	what, then := merge(u.what), u.then
	u.ended, u.what, u.then = true, nil, nil
	return what, then
}

// Mark is a point in a unit.
type Mark struct{ what, then int }

// Mark returns the present point: take it where a savepoint is set.
func (u *Unit) Mark() Mark {
	u.mu.Lock()
	defer u.mu.Unlock()
	return Mark{len(u.what), len(u.then)}
}

// Revert drops what was collected since m: call it when the transaction went
// back to the savepoint. Reads go past the cache all the same.
func (u *Unit) Revert(m Mark) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.what = u.what[:min(m.what, len(u.what))]
	u.then = u.then[:min(m.then, len(u.then))]
}

// add reports whether the transaction is still open.
func (u *Unit) add(c cache.Cache, n Names) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.ended {
		return false
	}
	u.wrote, u.what = true, append(u.what, Scoped{c, n})
	return true
}

func (u *Unit) after(f func(context.Context)) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.ended {
		return false
	}
	u.then = append(u.then, f)
	return true
}

func (u *Unit) active() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return !u.ended
}
