package cache

import (
	"sync/atomic"
	"unsafe"
)

// Stats are totals since the client was made. Each key that was read is counted
// in exactly one of the first nine.
type Stats struct {
	Hits         uint64 // from the authoritative store
	NearHits     uint64 // from a near tier
	MemoHits     uint64 // from what the same request had read before
	NegativeHits uint64 // the remembered answer was "not found"
	Misses       uint64
	Joins        uint64 // given the result of another caller's load
	StaleHits    uint64 // values past their TTL, returned while a loader was slow or failed
	Failures     uint64 // reads that the store did not answer
	Bypasses     uint64 // reads that did not ask, see WithAccess

	Loads      uint64 // loaders that were run, or did not get their turn in time
	LoadErrors uint64 // of these, how many failed (ErrNotFound is not a failure)
	Awaited    uint64 // misses whose value somebody else had stored by the time it was to be loaded
	// What the others returned, key by key, is in one of these four.
	Stored      uint64 // results of loads that were stored
	Refused     uint64 // results that the protocol refused: something was invalidated meanwhile
	Unstored    uint64 // results that were not to be stored, or had no fence
	StoreErrors uint64 // results that an outage kept from being stored

	LeasesLost    uint64 // times that another process was found at work on the same
	LoadTimeouts  uint64 // callers that were given ErrLoadTimeout
	StoreTimeouts uint64 // calls to a tier that were given up after its timeout
	StoreSlow     uint64 // reads that went on without the store after StoreSoftTimeout
	Suspects      uint64 // reads that found a near copy which could not be trusted
	Gaps          uint64 // times that changes in the store's log were missed

	Queued    uint64 // keys and tags whose invalidation the store did not take at once
	Replayed  uint64 // of these, how many it has taken since
	Overflows uint64 // times that they were too many, and became one Clear
	Owed      uint64 // how many there are now

	Writes        uint64 // keys set, added, touched, incremented or moved
	Invalidations uint64
	Odd           uint64 // entries that could not be used: corrupt, foreign, of another type
}

// Stats returns the totals. They are read one after another, so those of a busy
// client need not add up to the last unit.
func (c *Client) Stats() Stats {
	s := c.engine.count.snapshot()
	keys, tags := c.engine.recovery.left()
	s.Owed = uint64(keys + tags)
	return s
}

// counters are striped: a single hot word would cost more than a hit in memory.
type counters struct {
	reads  [16]readCounters
	loads  atomic.Uint64
	failed atomic.Uint64
	stored, refused, unstored, storeErrors, awaited, leasesLost, suspects,
	writes, invalidations, odd atomic.Uint64
	events [events]atomic.Uint64
}

type readCounters struct {
	by [Bypassed + 1]atomic.Uint64
	_  [128 - (Bypassed+1)*8]byte // a cache line, and the one that is fetched with it
}

// read counts one. Goroutines have stacks of their own, so where this one lies
// spreads them over the stripes, at less than a random number costs.
func (c *counters) read(o Outcome) {
	var here byte
	stripe := uintptr(unsafe.Pointer(&here)) >> 11 % uintptr(len(c.reads))
	c.reads[stripe].by[o].Add(1)
}

func (c *counters) snapshot() Stats {
	var by [Bypassed + 1]uint64
	for i := range c.reads {
		for o := range by {
			by[o] += c.reads[i].by[o].Load()
		}
	}
	return Stats{
		Hits: by[Hit], NearHits: by[NearHit], MemoHits: by[MemoHit], NegativeHits: by[NegativeHit],
		Misses: by[Miss], Joins: by[Joined], StaleHits: by[StaleHit], Failures: by[Failed], Bypasses: by[Bypassed],
		Awaited: c.awaited.Load(), Loads: c.loads.Load(), LoadErrors: c.failed.Load(), Stored: c.stored.Load(),
		Refused: c.refused.Load(), Unstored: c.unstored.Load(), StoreErrors: c.storeErrors.Load(),
		LeasesLost: c.leasesLost.Load(), Suspects: c.suspects.Load(),
		LoadTimeouts: c.events[LoadTimedOut].Load(), StoreTimeouts: c.events[StoreTimedOut].Load(),
		StoreSlow: c.events[StoreSlow].Load(), Gaps: c.events[LogGap].Load(),
		Queued: c.events[Queued].Load(), Replayed: c.events[Replayed].Load(), Overflows: c.events[Overflowed].Load(),
		Writes: c.writes.Load(), Invalidations: c.invalidations.Load(), Odd: c.odd.Load(),
	}
}
