// Package dummy is a store that keeps nothing and refuses what any store
// refuses. It turns caching off, in development or in a test, without a change
// to the program.
//
//	c, err := cache.New(dummy.New(), nil)
//
// # What a program sees
//
// It is the store whose entries are all evicted at once:
//
//   - Get, Has and GetMany find nothing, and Delete and Touch find nothing to
//     remove or to touch.
//   - Set and SetMany store nothing and succeed, and Add says that it stored.
//   - Incr and Decr miss, as does moving to another version; with cache.Initial
//     they return the first value each time.
//   - GetOrSet loads each time, and returns what it loaded. Callers at the same
//     time share a load, as with any store; one that comes after this process has
//     invalidated anything does not get what began to load before.
//   - What is wrong with a key, a tag or an option is the same error as elsewhere,
//     and after Close all is cache.ErrClosed.
//
// # The protocol
//
// It has a clock, which advances as that of any store. No token ever stands, so
// that no load and no fenced Set is stored, and a near tier in front of it stays
// empty. What another process invalidates it does not know of.
//
// # Errors
//
// There are no outages. A context that has ended returns its error.
//
// # URLs
//
// The schemes dummy and dummycache of cache.Open take nothing else: dummy://.
package dummy
