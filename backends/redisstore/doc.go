// Package redisstore keeps entries in Redis, or in a server that speaks its
// protocol and runs its scripts (Valkey, KeyDB).
//
//	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
//	store, err := redisstore.New(rdb, &redisstore.Options{Namespace: "shop"})
//
// [Open] takes a URL instead, and makes the client itself.
//
// # Keys
//
// A namespace is all keys that begin with "<namespace>:", and the hash
// "<namespace>!meta". Stores of different namespaces share a database without
// seeing each other. Nothing is ever flushed or scanned.
//
// # Round trips
//
// Each method is one round trip: a script, called by its hash, and sent whole
// once to a server that does not know it. Exceptions:
//
//   - GetMany and a PutMany that only sets are one pipeline of plain commands.
//     GetMany takes a second one for tags that the entries of its last call did
//     not have, and for placeholders; PutMany, when what it sets was invalidated
//     since the last clock that it saw.
//   - Move takes two.
//   - Who finds no meta record, or something corrupt, takes one or two more.
//
// A script costs the server 4 to 8 µs, and 1.2 ns for each byte of a value that
// passes through it, because Redis hashes every string that Lua makes.
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
// A call ends at the deadline of its context, also when the server hangs. One
// whose context is canceled while it waits for an answer ends with the client's
// ReadTimeout at the latest, which should therefore be short ([Open] takes 1
// second). There are no goroutines.
//
// Without memory (OOM) reading and removing still work, and nothing is stored.
//
// # Restarts and fail-over
//
// A server that comes back with old data has forgotten invalidations. Before
// the first command on each new connection the store asks the server for its
// run id and replication id, and starts a new epoch, in which no old entry is
// valid, when they are not those in the meta record. That costs one cold
// namespace for each restart and fail-over.
//
// Where the server does not tell (INFO is refused, or a proxy hides the ids),
// this check is off: after a restart from an old snapshot, or a fail-over to a
// replica that lags, entries may be served that were invalidated before it,
// until they expire.
//
// # Limits
//
// One primary only; a cluster or a ring is refused. The meta record holds one
// field (about 60 bytes) for each tag that was ever invalidated; above one
// million the namespace starts anew, empty. An entry has at most 4096 tags and
// 512 MiB.
package redisstore
