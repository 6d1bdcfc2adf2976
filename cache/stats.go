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

	Loads       uint64 // loaders that were run
	LoadErrors  uint64 // of these, how many failed (ErrNotFound is not a failure)
	Awaited     uint64 // misses whose value somebody else had stored by the time it was to be loaded
	Stored      uint64 // results of loads that were stored
	Refused     uint64 // results that the protocol refused: something was invalidated meanwhile
	StoreErrors uint64 // results that an outage kept from being stored

	Writes        uint64 // keys set, added, touched, incremented or moved
	Invalidations uint64
	Odd           uint64 // entries that could not be used: corrupt, foreign, of another type
}

// Stats returns the totals. They are read one after another, so those of a busy
// client need not add up to the last unit.
func (c *Client) Stats() Stats { return c.engine.count.snapshot() }

// counters are striped: a single hot word would cost more than a hit in memory.
type counters struct {
	reads  [16]readCounters
	loads  atomic.Uint64
	failed atomic.Uint64
	stored, refused, storeErrors, awaited,
	writes, invalidations, odd atomic.Uint64
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
		Refused: c.refused.Load(), StoreErrors: c.storeErrors.Load(),
		Writes: c.writes.Load(), Invalidations: c.invalidations.Load(), Odd: c.odd.Load(),
	}
}
