// Package outbox keeps invalidations in the database until they have been
// delivered: what a transaction invalidates is written in that transaction, and
// so stands or falls with it, whatever dies in between.
//
//	box, err := outbox.New(db, outbox.Options{Dialect: outbox.PostgreSQL, Caches: map[string]cache.Cache{"main": c}})
//	writes := invalidate.NewDB(db, &invalidate.Options{Journal: box})
//	go box.Run(ctx) // in any process that has db and the cache
//
// A writer still invalidates by itself right after its commit, so that its
// readers see the write, and then removes the row. A row that it leaves behind,
// because it died or the cache was down, is delivered by the relay, which is Run.
//
// # The table
//
// [Schema] is the table, for the tool that makes yours; CreateTable makes it. Any
// program, in any language, may insert rows: the name of a cache, and its tags
// and keys as JSON. So may a trigger on a table, which sees what is written past
// the program: see the example.
//
// # Delivery
//
// At least once: a relay that dies after it has sent and before it has deleted
// sends again, which costs loads and no truth. In the order of the ids, which is
// that of the inserts; databases do not tell that of the commits. It matters
// little, because invalidations have no order among each other. A row that
// commits late is not passed over, because rows are deleted, not counted.
//
// Rows are deleted as they are delivered, and so the table is as long as what is
// under way. Rows of caches that no relay knows stay.
//
// # Several relays
//
// On PostgreSQL and MySQL each takes rows that no other has (SKIP LOCKED: MySQL
// 8.0, MariaDB 10.6) and holds them until they are sent. On SQLite nothing is held
// while the cache is waited for, because a lock there keeps all writers out; two
// relays may send the same row.
//
// # Latency and cost
//
// A transaction that invalidates has one INSERT more, and one DELETE after it. The
// relay looks every [Options].Poll with one small query, and when a row is due. On
// PostgreSQL it can be woken by NOTIFY: see package pgnotify.
package outbox
