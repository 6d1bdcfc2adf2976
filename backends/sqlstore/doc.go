// Package sqlstore keeps entries in PostgreSQL, MySQL, MariaDB or SQLite, over
// database/sql.
//
//	db, err := sql.Open("pgx", "postgres://app@db/shop")
//	store, err := sqlstore.New(db, sqlstore.PostgreSQL, nil)
//	err = store.CreateTable(ctx) // once, or by a migration: see Schema
//
// [Open] takes a URL instead, and makes the handle itself. This package imports
// no driver; the dialects' documentation names those that it is tested with.
// PostgreSQL works with pgx alone, because it is sent arrays; prepared statements
// are left to pgx, so that default_query_exec_mode=exec serves behind a pooler.
// MySQL must be 8.0.14 or later, MariaDB 10.6, SQLite 3.41.
//
// # Tables
//
// Three, named after [Options].Table: "strata" holds entries and placeholders,
// "strata_meta" a row for each namespace, "strata_tag" the stamps of invalidated
// tags. In PostgreSQL "strata_log" is a fourth: see Log. Several namespaces share them. The statements that make them are
// published by [Schema], and [Store.CreateTable] runs them. A missing table is
// [ErrNoTable].
//
// Names and tags are binary columns: no collation, no padding. A name of more
// than 512 bytes is kept as its beginning and its SHA-256.
//
// What the database works on lies in columns: token, epoch, stamp, life, the
// number of an integer. The rest is an envelope (package cache/driver/envelope), whose
// sums find a body that was changed, cut, or written by somebody else: never a
// wrong value, but a miss.
//
// # Round trips
//
// In PostgreSQL each method is one statement, GetMany and PutMany too. A miss that
// plants a placeholder takes a second one, and so does Move.
//
// Elsewhere what advances the clock is a transaction: of MySQL four or five
// round trips, of SQLite calls of a library. Get, GetMany, Fill and SQLite's
// Incr remain single statements; Incr of MySQL, and a Fill that is refused, ask
// for the clock in another one. MariaDB invalidates in one statement, sets many entries
// in one, and a single one if a row is there for it; if not, in three.
//
// Calls that come at once go together. While a Set is on its way further ones wait, for
// 10 ms at most, and are one statement then; so are invalidations, and Gets while four
// are on their way (but not those of a SQLite file that Open opened). A call alone never
// waits.
//
// A reading looks at tags, at the numbers of integers, and at lives that were touched only
// while it meets some: the first such entry after 64 without takes a second statement.
//
// A SQLite file that [Open] opened is worked on through one connection which is
// kept, and in turns. That is faster than a handle of one's own given to [New].
//
// All writes but Fill and Incr wait for each other at the namespace's row, which is
// what makes their numbers visible in order. The database syncs its log
// meanwhile: on a disk that takes a millisecond for that, a namespace does a
// thousand of them in a second. Loads are not among them, and PutMany counts as
// one.
//
// # Log
//
// In PostgreSQL near tiers follow a log: while somebody reads it, what advances the
// clock adds a row in the same statement, so that it is there when the call returns,
// and the order of numbers is that of commits. Nobody reading it, nothing is
// written: that costs a statement about 7 µs of the server's time. It begins
// with the first reading, ends ten minutes after the last, and sweeps keep its last
// 10 000 numbers. The table is UNLOGGED: whatever is lost of it is a hole in the
// numbers, by which its readers notice.
//
// A process that has changed something then notifies the readers, beside its
// writers and at most every 5 ms, and they read together what came together.
// A store whose log is read listens on one connection: after [Open] one more than
// those of the pool, after [New] one of the pool, if that has more than one. It
// connects again when that is lost. Without messages (another driver than pgx, or
// one behind something that wraps it; a pooler that gives a connection away after
// each transaction) readings look about twice a second. Near tiers ask more often
// than that anyway: four times within their Staleness.
//
// Names of more than 512 bytes, and of more than 1000 keys at once, are not told:
// readers then know only that something changed.
//
// A client that follows the log reads a hit from the entry's row alone, and judges it
// by what it knows.
//
// MySQL and SQLite keep no log, as it would cost each of their transactions a
// statement more. Near tiers in front of them go by the one number of the clock.
//
// # Transactions
//
// The store works on connections of its own, and never in a transaction of the
// caller, except in [Store.InvalidateTx]. It begins a step again when the
// database has undone it in favor of another one (deadlock, serialization failure,
// a locked SQLite file), and nothing else.
//
// # Expiration
//
// PostgreSQL and MySQL count an entry's life from when the entry reaches them, by
// their own clocks, in UTC and in microseconds. For SQLite, which is in this
// process, it is the machine's clock.
//
// # Eviction
//
// About every [Options].SweepEvery writes, a store removes in the background what
// has ended and, if there are bounds and an eighth of the namespace was written since
// it was last measured, what is too much of it: what ends soonest goes first. So a
// namespace may be larger than its bounds for a while, by what all processes write
// between their sweeps. Nobody's call waits for it. Without writes there is no
// goroutine and no sweep; [Store.Sweep] is for a schedule.
//
// # When the server is down
//
// Every method returns an error. A write whose answer was lost has happened or
// not, as a whole; nothing is sent twice. A call ends at its deadline also when
// the server hangs: the drivers give up the connection. Calls without a deadline
// wait, for locks up to the server's own limit.
//
// A SQLite file that others keep locked is waited for as its busy_timeout says,
// whatever the context: keep that short, as [Open] does (50 ms). The store asks
// again for five seconds, or until the context ends.
//
// On a full disk storing fails, and with SQLite deleting does too; the error is the
// caller's to know.
//
// # Restarts and fail-over
//
// A server that comes back may have forgotten what it acknowledged last:
// innodb_flush_log_at_trx_commit may not be 1, the replica that took over may have
// lagged. So the record of a namespace names the run of the server that it was
// made in (in PostgreSQL the time when it started, in MySQL that, in seconds, with
// the server's name and id, asked once for each connection). In any other run a new epoch
// begins, in which no old entry is valid. That costs one cold namespace for each
// restart and fail-over.
//
// With SQLite it is the run of the machine, where the system tells it (Linux): a
// power cut may undo the last commits, the end of a process does not. Elsewhere
// [Open] has each commit synced.
//
// What no run tells: PostgreSQL with synchronous_commit = off forgets its last
// commits, too, when only one of its processes crashes, and a database that is
// restored from a dump while the server runs on has forgotten what was
// invalidated since. Do not do the first; after the second, empty the meta table.
//
// An UNLOGGED table of entries ([Options].Unlogged) is safe: what is in it vanishes in
// a crash, and what guards it does not.
//
// # Limits
//
// One primary. Readings from a replica would not know of the last invalidations,
// and where a balancer changes between several primaries, each change begins a new
// epoch.
//
// A value, with its key and tags, has at most [Options].MaxValue bytes, and a tag
// 512. The table of tags holds one row for each that was invalidated since
// the last Clear; above one million the next sweep clears the namespace.
package sqlstore
