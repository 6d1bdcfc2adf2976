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
	// it then returns: Reading.Fence is where a load begins. With hold = 0 it
	// writes nothing, and on a miss Fence.Token is whatever token stands, or 0.
	Get(ctx context.Context, key Key, hold time.Duration) (Reading, error)

	// Put stores e under the condition of mode. For Fill and SetFenced, token is
	// the fence's and e.Stamp its stamp; for Set and Add the store itself stamps
	// the entry with the clock that it advances. e.Token is ignored: the store
	// gives each stored entry a new one. The store owns e from the call on.
	Put(ctx context.Context, key Key, e *Entry, mode Mode, token Token) (Result, error)

	// Touch gives a live entry a new life and advances the clock. An absent,
	// ended, invalid or negative entry is not touched: Result.Done is false.
	Touch(ctx context.Context, key Key, life Life) (Result, error)

	// Incr atomically adds delta to a live Integer entry, keeps its life, gives
	// it a new token and returns the sum. Without a live entry it stores initial
	// (an Integer, stamped by the store) and returns its value; with initial nil
	// it fails with ErrMiss. It fails with ErrNotInteger and ErrOverflow, and
	// changes nothing then. It does not advance the clock: counters are read
	// from the authoritative store only.
	Incr(ctx context.Context, key Key, delta int64, initial *Entry) (int64, error)

	// Invalidate removes what stands under keys (entries and placeholders),
	// advances the clock once, and gives each tag the new stamp. All of it
	// happens before it returns. A store that cannot do it in one step removes
	// first and advances last.
	Invalidate(ctx context.Context, keys []Key, tags []string) (Invalidated, error)

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
	// Fence is the token that stands under the key (with an Entry, its own) and
	// the clock, read with or before the key. Stamp.N is thus also the highest
	// invalidation that the reading is sure to reflect.
	Fence Fence
	// Odd says why something that stands under the key was not returned:
	// ErrCorrupt, ErrForeign or ErrNewer; nil for a plain hit or miss.
	Odd error
}

// Mode is the condition of a Put.
type Mode uint8

const (
	// Set stores whatever stands: the last arrival wins. It advances the clock.
	Set Mode = iota
	// Add is Set if no live entry stands (a placeholder or a negative entry does
	// not count). It advances the clock only if it stores.
	Add
	// Fill stores the result of a load if exactly its token stands, its epoch is
	// the current one and no tag of e has a greater stamp. It does not advance
	// the clock: nothing that anyone could have read has changed.
	Fill
	// SetFenced is Fill for a writer: it advances the clock, and where Fill would
	// refuse it removes what stands.
	SetFenced
)

// Result is what a Put or Touch did.
type Result struct {
	Done bool
	// Clock is the clock after the step.
	Clock Stamp
}

// Invalidated is what an Invalidate did.
type Invalidated struct {
	// Removed counts the keys under which a live, valid entry stood.
	Removed int
	Clock   Stamp
}
