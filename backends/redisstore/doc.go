// Package redisstore keeps entries in Redis, or in a server that speaks its
// protocol and runs its scripts (Valkey, KeyDB): one primary, a primary that
// sentinels watch, or a Redis Cluster.
//
//	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
//	store, err := redisstore.New(rdb, &redisstore.Options{Namespace: "shop"})
//
// [Open] takes a URL instead, and makes the client itself.
//
// # Keys
//
// A namespace is all keys that begin with "<namespace>:", and the hash
// "<namespace>!meta", in a cluster "{<namespace>}!meta". Stores of different
// namespaces share a database without seeing each other. Nothing is ever flushed
// or scanned. A value of somebody else under such a key, of whatever type, is a
// miss, and driver.Reading.Odd says so; a load replaces it.
//
// # Round trips
//
// On one primary each method is one round trip: a script, called by its hash,
// and sent whole once to a server that does not know it. Exceptions:
//
//   - GetMany and a PutMany that only sets are one pipeline of plain commands,
//     to which PutMany adds a script while somebody reads the log. GetMany takes a
//     second one for tags that the entries of its last call did not have, and for
//     placeholders; PutMany, when what it sets was invalidated since the last
//     clock that it saw.
//   - Move takes two.
//   - Who finds no meta record, or something corrupt, takes one or two more.
//
// A script costs the server 4 to 8 µs, and 1.2 ns for each byte of a value that
// passes through it, because Redis hashes every string that Lua makes.
//
// # Cluster
//
// Entries are spread over all slots, whatever braces their keys have; the meta
// record is in one. No script touches both, so steps take more round trips, in
// parallel over the shards: a hit one, or two if it has tags that the last hit had
// not; a miss two (the clock beside the key, and the placeholder); a load's store
// two; a Set two, a fenced one three; a removal two, of tags alone one; Incr two,
// Touch and Add three, Move four. Many keys take as many as one.
//
// A step in several trips leaves its parts where it fails: an error of a write
// means that it may have been done. In one respect the entries differ: the stamp
// of an explicit Set is a clock from before it was advanced. While an entry is
// moved, there is a moment at which neither name has it.
//
// Every call asks the shard of the meta record: a namespace that is too busy for
// one shard must be split. Slots may be moved at any time. When a
// shard fails over, calls of its keys fail until the cluster has promoted a
// replica, and until the client has heard of it: the store has it ask after each
// error. Replicas of a cluster are not read, and connections to them are refused.
//
// A primary that lost its slots and got them back in two forced fail-overs,
// while a connection to it stayed open, is not noticed.
//
// # Replicas
//
// With Options.Replicas hits are read from replicas: from one that follows its
// primary, is in the epoch of the primary, and has reached the last write of
// this store. Everything else is asked of the primary: what is no hit there, and
// what changes anything. So a store reads what it wrote and never what it
// invalidated, however far the replicas lag. Loads and counts do not advance the
// clock: of those it knows for Options.PinAfterWrite, 1 second by default.
//
// What another process wrote or invalidated is seen with the replicas' lag. That
// is less than a millisecond on a quiet network, and has no bound on a broken
// one: a replica is believed for up to 15 seconds after its primary fell silent.
// Who cannot have that reads from the primary.
//
// # Expiration
//
// The server counts an entry's life, in milliseconds, rounded up, from when the
// entry reaches it: clocks of clients that disagree do no harm. Any eviction
// policy is safe. Under one that also evicts keys without expiry, losing the
// meta record means losing the whole namespace, so "volatile-lru" and its kind
// are better: they never take it.
//
// # Logging
//
// This package logs nothing. go-redis logs what it also returns, to standard
// error; its package logging turns that off.
//
// # When the server is down
//
// Every method returns an error and has changed nothing, or, if only the reply
// was lost, has done all of it. go-redis repeats what is safe to repeat; Add,
// Incr, Touch and Move are never sent twice. A Delete whose reply was lost and
// that was repeated may say that nothing was there.
//
// What a server says instead of doing something is one of the errors of this
// package, such as [ErrLoading] or [ErrOutOfMemory], each of which says whether
// calling again makes sense. Without memory reading and removing still work, and
// nothing is stored.
//
// A call ends at the deadline of its context, also when the server hangs. One
// whose context is canceled while it waits for an answer ends with the client's
// ReadTimeout at the latest, which should therefore be short ([Open] takes 0.3
// seconds). There are no goroutines but go-redis's own.
//
// # Restarts and fail-over
//
// A server that comes back with old data, or a replica that is promoted and has
// lagged, has forgotten invalidations. Before the first command on each new
// connection the store asks the server for its run id and replication id, and
// starts a new epoch, in which no old entry is valid, when they are not in the
// meta record. That costs one cold namespace for each restart and fail-over, and
// in a cluster for each shard that is added.
//
// Where the server does not tell (INFO is refused, or a proxy hides the ids),
// this check is off: after a restart from an old snapshot, or a fail-over to a
// replica that lags, entries may be served that were invalidated before it,
// until they expire. Two primaries at once, on two sides of a broken network, are
// beyond any check: min-replicas-to-write keeps the older one from writing.
//
// # The log
//
// Near tiers of other processes follow a log of changes: a stream beside the meta
// record, of the last ten thousand messages or so. It exists only while somebody
// reads it, and ends ten minutes later. It may be trimmed, evicted or lost, and a
// PutMany may not know yet that it has begun: its readers see a hole in the
// numbers. Before Redis 6.2 there is none, and near tiers are emptied by each
// change.
//
// # Users
//
// A user of the server needs no more than this (INFO is for the check of the
// last section, and may be left out):
//
//	ACL SETUSER app on >password ~shop:* ~shop!meta* -@all +evalsha +eval
//	  +script|load +get +mget +getrange +set +psetex +setrange +incrby +exists
//	  +unlink +pttl +pexpire +persist +hget +hmget +hset +hincrby +hlen +hdel +ping
//	  +info +xadd +xread +xrevrange +expire
//
// In a cluster the second pattern is ~{shop}!meta*, and +cluster|slots and
// +asking are needed too.
//
// # Limits
//
// The meta record holds one field (about 60 bytes) for each tag that was ever
// invalidated; above one million the namespace starts anew, empty. An entry has
// at most 4096 tags and 512 MiB. A ring is refused.
package redisstore
