package cache

import (
	"context"
	"time"
)

// Hooks observe a client. Each field may be nil, and costs nothing then. They
// are called by the goroutine that did the work, concurrently, and must not
// block: hand over what takes time. They must not call the client they observe.
//
// Logging, tracing, metrics and the debug panel are all made of these.
type Hooks struct {
	// Read is called once for each key that a Get, GetMany, Has or GetOrSet read.
	Read func(context.Context, ReadInfo)
	// Load is called when a loader has ended.
	Load func(context.Context, LoadInfo)
	// Write is called for each key that was set, added, filled, touched,
	// incremented or moved.
	Write func(context.Context, WriteInfo)
	// Lease is called when this process has found another one at work, and has
	// waited for it or left it to it.
	Lease func(context.Context, LeaseInfo)
	// Invalidate is called for each Delete, DeleteMany, Invalidate, Expire and Clear.
	Invalidate func(context.Context, InvalidateInfo)
	// Event is called for what is no outcome of a call: see Event.
	Event func(context.Context, EventInfo)
}

// Outcome is what reading a key came to.
type Outcome uint8

const (
	// Miss: nothing valid is stored.
	Miss Outcome = iota
	// Hit: a value was returned from the store.
	Hit
	// NearHit: a value was returned from a near tier.
	NearHit
	// MemoHit: the request had read the value before, see WithMemo.
	MemoHit
	// NegativeHit: the remembered answer was "not found".
	NegativeHit
	// Joined: the value came from a load that another caller had begun.
	Joined
	// StaleHit: a value was returned that is past its TTL, see StaleReason.
	StaleHit
	// Failed: the store could not be asked.
	Failed
	// Bypassed: the context does not let the call read, see WithAccess.
	Bypassed
)

var outcomes = [...]string{"miss", "hit", "near hit", "memo hit", "negative hit", "joined", "stale hit", "failed", "bypassed"}

// String returns the outcome's name.
func (o Outcome) String() string {
	if int(o) < len(outcomes) {
		return outcomes[o]
	}
	return "unknown"
}

// StaleReason is why a stale value was returned, and not one that a loader made.
type StaleReason uint8

const (
	// Refreshing: the loader needs longer than the call waits, or runs in the
	// background.
	Refreshing StaleReason = iota
	// LoadFailed: the loader, or the line for it, ended with an error.
	LoadFailed
	// Throttled: the loader failed less than Options.RetryAfter ago.
	Throttled
	// Asked: the call was a GetStale.
	Asked
)

var staleReasons = [...]string{"refreshing", "load failed", "throttled", "asked"}

// String returns the reason's name.
func (r StaleReason) String() string {
	if int(r) < len(staleReasons) {
		return staleReasons[r]
	}
	return "unknown"
}

// ReadInfo is one key read.
type ReadInfo struct {
	Prefix  string // of the view
	Key     string
	Outcome Outcome
	// Tier had the value, or the negative: the index in Options.Near, and after the
	// last of them the store.
	Tier int
	// Suspect: a near tier had a copy, which could not be trusted.
	Suspect bool
	Bytes   int
	// Why is the reason of a StaleHit.
	Why StaleReason
	// Took is the time the store took; 0 for a hit in memory, which is not timed.
	// The time of a batch is with the first of its keys.
	Took time.Duration
	// Odd says why something that stood under the key could not be used.
	Odd error
	Err error
}

// LoadInfo is one loader that ended.
type LoadInfo struct {
	Prefix string
	Key    string
	Keys   []string // in place of Key: those of a GetOrSetMany that were missing
	Took   time.Duration
	// Stored tells whether the result, of several keys all of it, was stored.
	Stored bool
	// Refused: something was invalidated meanwhile, so that the store took the
	// result, of several keys some of it, as outdated. Neither stored nor refused
	// nor failed is what was not to be stored, or had no fence.
	Refused bool
	Err     error
	// StoreErr is the outage that kept the result from being stored.
	StoreErr error
}

// WriteInfo is one key written.
type WriteInfo struct {
	Prefix string
	Key    string
	Op     string // "set", "add", "fill", "touch", "incr", "move"
	Done   bool   // false: a condition did not hold
	Bytes  int
	Err    error
}

// InvalidateInfo is one invalidation.
type InvalidateInfo struct {
	Prefix  string
	Keys    []string
	Tags    []string
	Expire  bool // the Tags are expired, not removed
	Clear   bool
	Removed int
	Err     error
}

// LeaseEnd is what came of finding another process at work.
type LeaseEnd uint8

const (
	// LeaseServed: the value came from the other process.
	LeaseServed LeaseEnd = iota
	// LeaseGivenBack: the other process has ended, and there is no value of it that
	// this one can use.
	LeaseGivenBack
	// LeaseGivenUp: it was not waited for any longer.
	LeaseGivenUp
	// LeaseLeft: the refresh of a value was left to it.
	LeaseLeft
)

var leaseEnds = [...]string{"served", "given back", "given up", "left"}

// String returns the end's name.
func (e LeaseEnd) String() string {
	if int(e) < len(leaseEnds) {
		return leaseEnds[e]
	}
	return "unknown"
}

// LeaseInfo is one lease that another process had.
type LeaseInfo struct {
	Prefix string
	Key    string // of [Cache].Lease, the name
	End    LeaseEnd
	Took   time.Duration // until then
}
