package cache

import (
	"context"

	"github.com/stratacache/strata/cache/driver"
)

// Cache is what an application holds: values as bytes under string keys,
// within one prefix and version. [For] gives a typed view of it.
//
// A [*Client] is a Cache, and so is each view made by WithPrefix and
// WithVersion; all views of a client share its stores. All methods are safe for
// concurrent use. They end soon after their context's deadline; a cancellation
// may take until the backend's own timeout where a call waits for a server.
//
// # Keys
//
// A key may hold any bytes, and be empty. Prefix, version and key are composed
// so that two different triples never meet; a composed key longer than
// [Options].MaxKey bytes is stored under its SHA-256.
//
// # Lifetimes
//
// Without [TTL] an entry lives [Options].TTL. TTL(Forever) never expires;
// TTL(0) and negative ones end at once: a write with them stores nothing and
// removes what stood there.
//
// # Errors
//
// A miss is [ErrMiss]. "There is no such thing", remembered from a loader that
// said so, is [ErrNotFound]. An outage is neither: it is [ErrUnavailable], a
// [*Error] around the backend's own.
//
// # When the backend is down
//
// Reads and writes return the outage. GetOrSet runs the loader instead and
// returns its value, which then is not stored.
//
// # In a transaction
//
// In a context of [WithAccess], such as that of a transaction of package
// invalidate, nothing is stored, and what must not be seen is not read.
//
// The interface may grow: only this package implements it. For tests use a
// Client over memory, and [Hooks] to see what it was asked.
type Cache interface {
	// Get returns the bytes stored under key: for a value that was stored through
	// a typed view, its encoded form. The caller owns them.
	Get(ctx context.Context, key string) ([]byte, error)

	// GetMany returns what of keys is there, in one round trip where the backend
	// can. Missing keys are left out. If some keys could not be read it returns
	// the others with an error that wraps a [ManyError].
	GetMany(ctx context.Context, keys ...string) (map[string][]byte, error)

	// GetOrSet returns the value under key, or calls load and stores what it
	// returns. Callers of one key at one time share one call of load, in a
	// goroutine of its own, whose context has the first caller's values, ends
	// when the last waiting caller has gone or after [Options].LoadTimeout, and
	// belongs to no single caller.
	//
	// What load returns is stored only if nothing was invalidated meanwhile that
	// concerns it, and only then given to callers that came after the
	// invalidation. An error of load is returned to all and not stored, but
	// ErrNotFound, which is remembered for [Options].NegativeTTL. A panic or
	// runtime.Goexit in load becomes a [*PanicError]. A load that asks for its
	// own key fails with ErrRecursiveLoad.
	GetOrSet(ctx context.Context, key string, load func(context.Context) ([]byte, error), opts ...Option) ([]byte, error)

	// GetOrSetMany returns the values under keys, read in one round trip where the
	// backend can, and calls load once with those that are missing, each once. It
	// shares flights with GetOrSet and with other batches, key by key: what is
	// being loaded elsewhere is waited for and not loaded again; what another
	// process loads and does not bring in time goes into one more call. Keys that load
	// leaves out do not exist, which is remembered, and are left out of the
	// result; keys that it was not asked for are ignored. If some keys could not be
	// had it returns the others with an error that wraps a [ManyError].
	GetOrSetMany(ctx context.Context, keys []string, load func(ctx context.Context, missing []string) (map[string][]byte, error), opts ...Option) (map[string][]byte, error)

	// Set stores value: the last arrival wins. It is right for values that have
	// one writer and depend on nothing else; one with [Tags] is refused with
	// ErrUnfenced, because what it was computed from may have been invalidated
	// since. Use GetOrSet for those, or take a [Fence] first and pass [Fenced]:
	// then value is stored if nothing came in between, and otherwise the key is
	// removed, both with a nil error.
	//
	// The bytes are copied or encoded before Set returns.
	Set(ctx context.Context, key string, value []byte, opts ...Option) error

	// SetMany stores all values, each as Set would, in one round trip where the
	// backend can. Its error, if any, is or wraps a [ManyError].
	SetMany(ctx context.Context, values map[string][]byte, opts ...Option) error

	// Add stores value only if key is absent, and reports whether it did. Of
	// several concurrent Adds exactly one stores. With a TTL of 0 or less it
	// stores nothing and reports whether key is absent. Tags are refused, as by
	// Set.
	Add(ctx context.Context, key string, value []byte, opts ...Option) (bool, error)

	// Fill stores the result of a load that the caller made itself, after it took
	// f, under the rules of GetOrSet. It reports whether value was stored: false
	// is the protocol at work and no fault.
	Fill(ctx context.Context, key string, value []byte, f Fence, opts ...Option) (bool, error)

	// Fence marks the beginning of a load or a write-through of key. Take it
	// before the first read of what the value is made from. It stands for
	// [Options].LoadTimeout, or until the entry that it found has ended.
	Fence(ctx context.Context, key string) (Fence, error)

	// Lease asks that this process alone does the work that name stands for, such
	// as a load that the caller makes itself: it is held by one of the processes
	// that share a store, and the others may wait for it. It only saves work. What
	// is stored is right without it, by its [Fence]; look for the result again once
	// the lease is held. Names are apart from keys. Release it when the work is
	// done; a lease that is not released ends like a fence.
	//
	// It tells processes from one another: what one process does at once in several
	// goroutines is for it to join first.
	Lease(ctx context.Context, name string) (*Lease, error)

	// Touch gives a live entry a new lifetime, and reports whether there was one.
	// With a TTL of 0 or less it removes the entry.
	Touch(ctx context.Context, key string, opts ...Option) (bool, error)

	// Has reports whether Get would return a value.
	Has(ctx context.Context, key string) (bool, error)

	// Delete removes key, and refuses what loads in flight would store there. It
	// reports whether a live entry stood there.
	Delete(ctx context.Context, key string) (bool, error)

	// DeleteMany is Delete for many keys in one step; it returns how many live
	// entries it removed.
	DeleteMany(ctx context.Context, keys ...string) (int, error)

	// Incr atomically adds delta to the integer under key, keeps its lifetime and
	// returns the sum. An absent key is ErrMiss, unless [Initial] says what to
	// start from. A value that is no integer is ErrNotInteger, a sum outside of
	// int64 is ErrOverflow; both leave it as it was. Integers are stored with a
	// typed view of an integer type, or by Incr itself.
	Incr(ctx context.Context, key string, delta int64, opts ...Option) (int64, error)

	// Decr is Incr by -delta. It goes below zero. A delta of math.MinInt64 is
	// ErrOverflow.
	Decr(ctx context.Context, key string, delta int64, opts ...Option) (int64, error)

	// IncrVersion moves the entry under key from this view's version to the one
	// delta higher, with its remaining lifetime, and returns that version. What
	// stood there is replaced. An absent key is ErrMiss; delta 0 changes nothing.
	IncrVersion(ctx context.Context, key string, delta int) (int, error)

	// DecrVersion is IncrVersion by -delta. Versions may be 0 and negative.
	DecrVersion(ctx context.Context, key string, delta int) (int, error)

	// Invalidate drops every entry that has one of tags, in the whole client, and
	// what loads in flight would store with one of them. It costs the same
	// however many entries there are. When it returns, no read that begins later
	// sees them; in other processes that have a near tier, within
	// [Options].Staleness. After an error call it again.
	//
	// Call it after the commit, never before.
	Invalidate(ctx context.Context, tags ...string) error

	// Expire is Invalidate for those who may wait: entries that were stored with
	// [Stale], or with [Options].Stale, are from now on as stale as if their TTL had
	// passed, and may be served while they are loaded anew; all others are dropped.
	// What loads in flight would store is refused, as by Invalidate.
	Expire(ctx context.Context, tags ...string) error

	// Clear drops every entry under this view's prefix, in all versions, and
	// nothing else. It costs the same however many entries there are.
	Clear(ctx context.Context) error

	// WithPrefix returns a view whose keys are apart from all others'. Prefixes
	// nest: clearing a view clears those made from it. Tags are shared.
	WithPrefix(prefix string) Cache

	// WithVersion returns a view of the same prefix whose keys are apart from
	// those of other versions.
	WithVersion(version int) Cache

	// base keeps the interface open for new methods, and gives typed views the
	// entries behind the bytes.
	base() *view
}

// Fence is the position from which a load began: see [Cache].Fence. It holds
// for its key and client alone.
type Fence struct {
	fence driver.Fence
	owner uint64 // of client and key; no pointer, so that options stay on the stack
}
