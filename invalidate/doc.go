// Package invalidate ties the writes of an application to the cache: a write
// names what it changes, and everything that showed the old state is dropped
// once the write is done.
//
// # Tags
//
// A tag names a thing that values, pages and fragments depend on, such as
// Tag("article", 42). There is one name space of tags in a client, whatever the
// prefix of what carries them. Invalidating a tag costs the same however many
// entries have it.
//
// # Hooks
//
// A [Hook] sits in a repository and runs its writes. It learns the old and the
// new state of the record, so that one that moves from owner 1 to owner 2 drops
// the lists of both.
//
// # When the cache is down
//
// The write stands, and Write returns a [*PendingError] that holds what was not
// invalidated. Until that has been done, readers may see the old state.
package invalidate
