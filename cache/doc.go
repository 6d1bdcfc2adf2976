// Package cache is what applications hold: a cache over one store, or over
// memory in front of one, that does not serve what was invalidated.
//
//	c, err := cache.New(locmem.New(nil), nil)
//	users := cache.For[User](c)
//	u, err := users.GetOrSet(ctx, "user:42", loadUser)
//
// # Overview
//
// [New] makes a [Client] of a backend's store; [Open] makes one of a URL. A
// Client is a [Cache]; WithPrefix and WithVersion give views of it, and [For]
// gives a typed view. Whoever makes the Client closes it.
//
// # What is promised
//
// A value that was invalidated before a read began is not returned by that read
// in the process that invalidated it; in others that keep a near tier, or that
// cannot reach the store, not later than [Options].Staleness. This holds for a reader that was already loading
// the old value: its result is given to those who asked before the invalidation
// and to nobody else, and it is not stored. It holds whatever the backend
// forgets: an entry evicted, a server restarted, a reply lost.
//
// For this each load takes, before its first read of the database, the position
// of the namespace's invalidation counter and a token under the key; it is
// stored only if the token still stands, and it is valid, at every read, only if
// none of its tags was invalidated since that position.
//
// What no cache can see: a loader that reads from a replica that lags, or from a
// transaction that began before the load.
//
// # Keys, lifetimes, errors
//
// See [Cache].
//
// # Memory
//
// A memory store keeps the decoded value of a type that can be copied whole, or
// that was declared [Immutable]. A hit then neither decodes nor allocates.
//
// # Concurrency
//
// Everything is safe for concurrent use. Loaders run in goroutines of the
// client, one for each key at a time; [Client.Close] waits for them.
package cache
