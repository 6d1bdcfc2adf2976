package driver

import (
	"context"
	"time"
)

// Store is the smallest thing that a backend can be. See the package comment
// for the rules that all methods keep together.
//
// All methods are safe for concurrent use. An error is an outage (or a
// sentinel of this package): the operation may or may not have taken effect.
type Store interface {
	// Get reads one key and, in the same step (or before it), the clock.
	//
	// With hold > 0 and nothing valid under the key, Get plants a placeholder
	// whose token stands for that long, unless one stands already, whose token
	// it then returns and which then stands for at least that long:
	// Reading.Fence is where a load begins. With hold = 0 it writes nothing that
	// a reader could see, and on a miss Fence.Token is whatever token stands, or
	// 0. A placeholder replaces what is corrupt or foreign; what is newer is left
	// alone, with Fence.Token 0.
	Get(ctx context.Context, key Key, hold time.Duration) (Reading, error)

	// Put stores e under the condition of mode. For Fill and SetFenced, token is
	// the fence's and e.Stamp its stamp (or an older one); for Set and Add the
	// store itself stamps the entry. e.Token is ignored: the store gives each
	// stored entry a new one. The store owns e from the call on.
	//
	// An entry whose life has ended when it arrives is stored nowhere, and is no
	// error. A Fill with one gives its fence back: nothing stands under the token
	// any more, and the next reader plants its own. A value over the store's own limit is ErrTooLarge: Set and SetFenced then
	// remove what stands, Add and Fill change nothing.
	Put(ctx context.Context, key Key, e *Entry, mode Mode, token Token) (Result, error)

	// Touch gives a live entry a new life. An absent, ended, invalid or negative
	// entry is not touched: Result.Done is false.
	Touch(ctx context.Context, key Key, life Life) (Result, error)

	// Incr atomically adds delta to a live Integer entry and keeps its life.
	// Without a live entry it stores initial (an Integer) as Add would, and
	// returns its value; with initial nil it fails with ErrMiss. It fails with
	// ErrNotInteger and ErrOverflow, and changes nothing then.
	//
	// Counting does not advance the clock: nobody may keep copies of Integers.
	Incr(ctx context.Context, key Key, delta int64, initial *Entry) (Sum, error)

	// Invalidate removes what stands under keys (entries and placeholders),
	// advances the clock once, and gives each tag the new stamp. All of it
	// happens before it returns.
	Invalidate(ctx context.Context, what Invalidation) (Invalidated, error)

	// Ping asks the server whether it would answer.
	Ping(ctx context.Context) error

	// Close releases what the store itself opened, and waits for its goroutines
	// until ctx ends. It is idempotent.
	Close(ctx context.Context) error
}

// Reading is what Get saw.
type Reading struct {
	// Entry is a valid entry that has not ended, or nil. It may have stopped
	// being fresh: that is for the reader to judge.
	Entry *Entry
	// Expired says that a tag of the Entry was invalidated after its stamp: it
	// is for whoever may have something stale. See [Entry.Judge].
	Expired bool
	// Fence is the token that stands under the key (with an Entry, its own) and
	// the clock, read with or before the key. Stamp.N is thus also the highest
	// invalidation that the reading is sure to reflect.
	Fence Fence
	// Planted: the token that stands was planted by this very call. On a miss
	// without it, somebody else is loading.
	Planted bool
	// Odd says why something that stands under the key was not returned:
	// ErrCorrupt, ErrForeign or ErrNewer; nil for a plain hit or miss.
	Odd error
}

// Live reports whether a value stands there for who writes: one that is neither
// expired nor negative.
func (r *Reading) Live() bool { return r.Entry != nil && !r.Expired && r.Entry.Kind != Negative }

// Mode is the condition of a Put.
type Mode uint8

const (
	// Set stores whatever stands: the last arrival wins.
	Set Mode = iota
	// Add is Set if no live entry stands (a placeholder or a negative entry does
	// not count).
	Add
	// Fill stores the result of a load if exactly its token stands, its epoch is
	// the current one and no tag of e, nor TagAll, has a greater stamp. Otherwise
	// it changes nothing.
	Fill
	// SetFenced is Fill for a writer: where Fill would refuse it removes what
	// stands, and it advances the clock either way.
	SetFenced
)

// Result is what a Put, Touch or Move did.
type Result struct {
	Done bool
	// Clock is the clock after the step. It says nothing of what other steps the
	// entry reflects.
	Clock Stamp
}

// Sum is what an Incr did.
type Sum struct {
	Value   int64
	Created bool
	Clock   Stamp
}

// Invalidation names what is to be dropped. A key that is named twice counts
// once.
type Invalidation struct {
	Keys []Key
	Tags []string
}

// Invalidated is what an Invalidate did.
type Invalidated struct {
	// Removed counts the keys under which a live, valid entry stood.
	Removed int
	Clock   Stamp
}
