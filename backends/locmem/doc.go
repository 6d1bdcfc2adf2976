// Package locmem keeps entries in the memory of this process.
//
//	c, err := cache.New(locmem.New(nil), nil)
//
// # Overview
//
// A [Store] is exact: what was set is visible at once, increments and adds are
// atomic, and what was invalidated is never returned to a read that begins
// later. It is a complete backend of its own, and a near tier in front of
// another one. It returns the very entries it was given, so that a decoded
// value can stay beside the bytes, and a hit allocates nothing.
//
// Several clients of a process may share a Store, each with near tiers of its own
// in front of it: they follow a log of its changes, which exists only while they do.
//
// # Which policy
//
// What is thrown out when the store is full is a choice ([Options].Policy),
// because no policy is good at both uses:
//
//   - [LRU], the default, throws out what was not used for the longest time, and
//     keeps to its bounds at every moment. Everything freshly written stays until
//     as much again was written or read. Take it for what is only written here:
//     sessions, counters, locks, rate limits.
//   - [WTinyLFU] also counts how often keys are asked for, and has the better hit
//     ratio on most traffic. In return a full store throws out a freshly written
//     key that nobody asks for almost at once, and is over its bound for a moment
//     (up to a second, when a burst of writes is followed by silence). Take it for
//     what a loader refills: the results of GetOrSet, and near tiers.
//
// # Bounds
//
// [Options].MaxEntries and [Options].MaxBytes bound all entries together. Where
// LRU has to make room, ended entries go first. The marks of loads in flight
// and the stamps of invalidated tags are not entries and never thrown out to
// make room: the former end with the load or after the time that the reader
// asked for, the latter are bounded by maxTags.
//
// # Expiration
//
// An entry is gone at the instant its life ends, and its memory is given back
// about a second later, also without traffic.
//
// # Errors
//
// There are no outages. After Close all methods return [driver.ErrClosed]; a
// context that has ended returns its error and nothing is done.
//
// # Concurrency
//
// All methods are safe for concurrent use. Keys are spread over shards with a
// lock each; see [LRU] for what that means for its order. Between entries to
// sweep there is no goroutine under LRU; WTinyLFU has one until Close.
package locmem
