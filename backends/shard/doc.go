// Package shard spreads keys over several stores, each a namespace on a server
// of its own.
//
//	store, err := shard.New([]shard.Shard{
//		{Name: "a", Store: redisA},
//		{Name: "b", Store: redisB},
//		{Name: "c", Store: redisC},
//	}, nil)
//
// # Keys
//
// A key lives on exactly one shard, which rendezvous hashing of its bytes and
// the shards' names chooses: neither the order of shards nor their addresses
// matter. A shard that is added takes its share from all others and moves no
// other key; one that is removed leaves its keys to all others.
//
// # Clocks
//
// Each shard has a clock of its own, and stamps of keys of different shards do not compare.
// What package cache does with one key needs no more; its near tiers rest on
// one clock for all keys and cannot be in front of several ([Store.Clocks]).
//
// # Wrappers
//
// A store that wraps another (a breaker, or one that compresses or encrypts)
// belongs around each shard and not around all of them: it would hide that there
// are several clocks, and move entries as if there were one.
//
// # Tags
//
// Any shard may hold an entry of a tag, so tags, and Clear with them, go to all
// shards at the same time. An Invalidate that went to several shards returns no clock.
// It must have reached all of them within two seconds, else it is an error, and
// to be repeated: see Moving. Keys go to their own shards only.
//
// # Many keys
//
// GetMany and PutMany ask all shards that have any of the keys at the same time.
// A shard that fails is an error of its own keys.
//
// # Moving
//
// Within a shard Move is as atomic as the shard's own. Between shards it takes
// four round trips: readers in between see both names, what is written under the
// old name meanwhile is lost, and what is written under the new one meanwhile
// stays, and nothing is moved. Of several moves of one entry one succeeds.
//
// An entry that moves to another shard gets a stamp of that shard. With the
// present one it could escape an invalidation of its tag that has been on the new
// shard already and comes to the old one when the entry has gone. So the stamp is
// one that was read more than two seconds before the entry was found valid, and
// an invalidation that takes longer than two seconds on all shards together
// has failed. A Move that has no such reading at hand, because nothing was read on
// the new shard so long ago, or because the entry's tag was invalidated since,
// waits for one.
//
// This is the one place where time counts, as measured by the monotonic clocks
// of the two processes. A process that is suspended with its clock stopped in
// the middle of an invalidation can let a moved entry escape it.
//
// # When a shard is down
//
// Its keys are errors, which cost GetOrSet a load and nothing else; the others
// are served. No other shard takes its place: an entry that another one kept
// meanwhile would be left behind there. Give each shard a breaker.
//
// Tags cannot be invalidated while a shard is down, because it may come back
// with entries that have them. The error names the shards that failed. The others have
// done it, and repeating all of it is harmless and needed: an invalidation has
// happened only when it returned no error. Ping and Close ask all shards and
// name those that failed.
//
// # Changing the set
//
// What a key leaves behind on a shard that is no longer asked for it hears of no
// invalidation of that key, and must never be asked again. So a key must not
// come back to a shard that it has left:
//
//   - Adding an empty shard is safe, and so is removing one that was there from
//     the beginning. The keys that move are misses.
//   - Removing one that was added, bringing one back that was removed, and
//     changing weights are not safe. With a higher Options.Generation they are: no
//     key of an earlier one is asked again, at the price of a cold cache.
//
// Nothing checks this. And while some programs have another set, or another
// Generation, than others, they do not see each other's invalidations: change it
// when no program runs, or clear the cache when the last one with the old set
// has ended.
//
// # Restarts
//
// Each shard's store is responsible for what its server has forgotten: a new
// epoch there makes that shard empty, and no other.
//
// # Concurrency
//
// All methods are safe for concurrent use. What goes to several shards takes a
// goroutine for each, which ends before the call does.
package shard
