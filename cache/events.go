package cache

import "context"

// Event is something that happened to the client, beside the outcomes of calls.
type Event uint8

const (
	// StoreTimedOut: a call to a tier was given up after its timeout.
	StoreTimedOut Event = iota
	// StoreSlow: a read went on without the store after StoreSoftTimeout.
	StoreSlow
	// LoadTimedOut: a caller was given ErrLoadTimeout.
	LoadTimedOut
	// LogGap: changes in the store's log were missed. The near tiers hold nothing
	// that can be trusted until it is read anew.
	LogGap
	// Queued: invalidations that the store did not take are remembered.
	Queued
	// Replayed: the store has taken invalidations that were remembered.
	Replayed
	// Overflowed: there were more than Options.Recovery; one Clear stands for all.
	Overflowed

	events = iota
)

var eventNames = [events]string{
	"store timed out", "store slow", "load timed out", "log gap", "queued", "replayed", "overflowed",
}

// String returns the event's name.
func (e Event) String() string {
	if int(e) < len(eventNames) {
		return eventNames[e]
	}
	return "unknown"
}

// EventInfo is one Event.
type EventInfo struct {
	Event Event
	// Prefix and Key are those of a LoadTimedOut.
	Prefix, Key string
	// Tier is that of a StoreTimedOut: the index in Options.Near, and after the last
	// of them the store.
	Tier int
	// Names is how many keys and tags were queued, replayed or given up for one
	// Clear.
	Names int
}

// event counts and tells what happened.
func (e *engine) event(ctx context.Context, info EventInfo) {
	n := uint64(1)
	if info.Event == Queued || info.Event == Replayed {
		n = uint64(info.Names)
	}
	e.count.events[info.Event].Add(n)
	if e.opts.Hooks.Event != nil {
		e.opts.Hooks.Event(ctx, info)
	}
}
