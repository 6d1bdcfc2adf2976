// Package ristrettostore keeps entries in the memory of this process, in a
// cache of github.com/dgraph-io/ristretto.
//
//	s, err := ristrettostore.New(&ristrettostore.Options{MaxBytes: 256 << 20})
//	c, err := cache.New(s, nil)
//
// # Overview
//
// A [Store] is what backends/locmem is with another policy: a complete backend,
// and a near tier in front of another one. It returns the very entries it was
// given, so that a decoded value can stay beside the bytes, and a hit allocates
// nothing. Take it where ristretto's policy is the one that your traffic was
// measured with; where it was not, locmem is faster and gives memory back sooner.
//
// # What a reader may see
//
// Ristretto takes writes in later and drops some; this store does not let a
// reader see that:
//
//   - What was written, counted or removed is so for every read that begins
//     after. Nothing older is ever read under its key, and nothing that was
//     deleted.
//   - An entry may be gone at any moment. In a store that is full the policy may
//     refuse one that is asked for less often than others: it is read until
//     ristretto has taken it in, some microseconds or milliseconds later, and is a
//     miss from then on. As long as there is room everything stays.
//   - A write is never dropped because there are too many. Where ristretto would
//     drop it, the writer waits until 16384 others, or an eighth of
//     Options.MaxBytes, have been taken in.
//
// A miss costs a load, so this is right for what a loader refills, and wrong for
// what is only written here: sessions, counters, locks, rate limits. A counter
// that is thrown out starts anew.
//
// # Bounds
//
// [Options].MaxBytes bounds keys, payloads, tags and [EntryOverhead] for each
// entry. Up to an eighth of it may wait beside the bound for a moment, and
// entries that grew under their keys may be over it by a quarter until the next
// new one comes. The marks of loads in flight and the stamps of invalidated tags
// are not entries and are never thrown out to make room; both are bounded by
// number. Ristretto's counters and buffers take about 5 % of MaxBytes, and half
// a megabyte.
//
// # Expiration
//
// An entry is gone at the instant its life ends. Its memory is given back some
// ten seconds later.
//
// # Concurrency
//
// Keys are spread over stripes with a lock each, which writers hold alone and
// readers share: increments, adds and fills are atomic. Three goroutines run
// until Close.
//
// # Errors
//
// There are no outages. After Close all methods return [driver.ErrClosed]; a
// context that has ended returns its error and nothing is done.
//
// # URLs
//
// cache.Open knows ristretto://name?max_bytes=64000000&num_counters=1000000.
package ristrettostore
