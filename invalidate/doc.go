// Package invalidate ties the writes of an application to the cache: a write
// names what it changes, and everything that showed the old state is dropped
// once the write is done.
//
// # Tags
//
// A tag names a thing that values, pages and fragments depend on, such as
// Tag("article", 42). There is one name space of tags in a client, whatever the
// prefix of what carries them. Invalidating a tag costs the same however many
// entries have it. There are two verbs: what depends on one of [Names].Tags is
// gone; what depends on one of Names.Expire may still be shown, where it was stored
// with a stale time, to those who would else wait for it to be made anew. A [Namespace] is a group of keys that are dropped together.
//
// # Writes
//
// [Write] and [Drop] invalidate what they are told. A [Hook] sits in a
// repository and runs its writes: it learns the old and the new state of the
// record, so that one that moves from owner 1 to owner 2 drops the lists of both.
// A [Repository] is a table behind a cache with such hooks.
//
// # Transactions
//
// In a transaction of a [DB], or in a [Unit] around that of any other library,
// invalidations are collected. They are sent after the commit, before AfterCommit
// functions and before the caller goes on, and dropped with what is rolled back.
//
// In the context of a transaction the caches store nothing: it may see what others
// must not, or no longer what others do. A value that is loaded there, a fragment
// or a page is the caller's alone; a loader runs in the transaction and may use
// [DB.Conn]. Once something was written they return nothing either, so that the
// transaction sees what it wrote. An explicit Set is refused with
// cache.ErrReadOnly, and not put off: after the commit it could put back what
// somebody else has invalidated. See cache.WithAccess, also for values that have
// nothing to do with the database.
//
// What other readers load meanwhile is the cache's concern: a value that was read
// before the commit is refused after it.
//
// # When the cache is down
//
// The write stands, and the caller gets a [*PendingError] that holds what was not
// invalidated. Until that has been done, readers may see the old state. With a
// [Journal], such as that of package outbox, it is kept in the database, in the
// transaction, and will be done even if this process dies.
//
// # Replicas
//
// A reader of a replica that lags may load, and store, the old state after the
// invalidation. With [Options].ReplicaLag it is invalidated once more when the
// replicas have caught up: for that long the cache may be as old as they are, and
// no longer.
package invalidate
