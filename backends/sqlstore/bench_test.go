package sqlstore_test

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/sqlstore"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/turns"
)

// BenchmarkStore measures each step beside the least that the same driver can
// do on the same tables: a prepared statement that reads or upserts a body, with
// no clock, no tags and no fence. Beside what sets there is another floor: the
// upsert and an advance of a clock, in one transaction, which no Set can do without;
// and beside a Get the clock and the body, read in one statement.
func BenchmarkStore(b *testing.B) {
	for _, d := range databases {
		b.Run(d.dialect.String(), func(b *testing.B) { d.bench(b, d.open(b)) })
	}
	b.Run("sqlite opened", func(b *testing.B) { // by the store itself, which has the file's connection to itself
		path := filepath.Join(b.TempDir(), "cache.db")
		s := opened(b, path, "")
		s.Beside(databases[0].handle(b, sqliteFile(path)))
		b.Cleanup(func() { closeStore(b, s) })
		databases[0].bench(b, s)
	})
}

func (d database) bench(b *testing.B, s *sqlstore.Store) {
	ctx := b.Context()
	const many = 100
	sets := make([][]driver.Key, 16) // of each goroutine its own
	for g := range sets {
		for i := range many {
			sets[g] = append(sets[g], key(fmt.Sprintf("key-%02d-%03d", g, i)))
		}
	}
	keys := sets[0]
	store := func(g int) error {
		items := make([]driver.Item, many)
		for i, k := range sets[g] {
			items[i] = driver.Item{Key: k, Entry: fresh()} // which are the store's then
		}
		for _, r := range s.PutMany(ctx, items) {
			if r.Err != nil {
				return r.Err
			}
		}
		return nil
	}
	if err := store(0); err != nil {
		b.Fatal(err)
	}
	f := d.floor(b, s)
	one := keys[7]
	turns.AtOnce(b, "get", turns.By("floor", func(g int) error { return f.get(ctx, keys[g]) }),
		turns.By("rows", func(g int) error { return f.getBoth(ctx, keys[g]) }), turns.By("strata", func(g int) error {
			r, err := s.Get(ctx, keys[g], 0)
			if err == nil && r.Entry == nil {
				return errors.New("nothing read")
			}
			return err
		}))
	if s.KeepsLog() { // what a client asks for that follows it
		turns.AtOnce(b, "peek", turns.By("floor", func(g int) error { return f.get(ctx, keys[g]) }), turns.By("strata", func(g int) error {
			e, err := s.Peek(ctx, keys[g])
			if err == nil && e == nil {
				return errors.New("nothing read")
			}
			return err
		}))
	}
	turns.AtOnce(b, "set", turns.By("floor", func(g int) error { return f.set(ctx, sets[g][:1]) }),
		turns.By("rows", func(g int) error { return f.setBoth(ctx, sets[g][:1]) }),
		turns.By("strata", func(g int) error {
			_, err := s.Put(ctx, sets[g][0], fresh(), driver.Set, 0)
			return err
		}))
	turns.AtOnce(b, "get 100", turns.By("floor", func(int) error { return f.getMany(ctx, keys) }), turns.By("strata", func(int) error {
		rs, err := s.GetMany(ctx, keys, 0)
		if err == nil && rs[many-1].Entry == nil {
			return errors.New("nothing read")
		}
		return err
	}))
	turns.AtOnce(b, "set 100", turns.By("floor", func(g int) error { return f.set(ctx, sets[g]) }),
		turns.By("rows", func(g int) error { return f.setBoth(ctx, sets[g]) }), turns.By("strata", store))
	b.Run("fill", func(b *testing.B) { // what a load does: it refills what it saw
		b.ReportAllocs()
		fence := get(b, s, one.Name, 0).Fence
		for b.Loop() {
			e := fresh()
			e.Stamp = fence.Stamp
			r, err := s.Put(ctx, one, e, driver.Fill, fence.Token)
			if err != nil || !r.Done {
				b.Fatal(r, err)
			}
			b.StopTimer()
			fence = get(b, s, one.Name, 0).Fence
			b.StartTimer()
		}
	})
	turns.AtOnce(b, "delete", turns.By("floor", func(g int) error { return f.remove(ctx, sets[g][0]) }),
		turns.By("strata", func(g int) error {
			_, err := s.Invalidate(ctx, driver.Invalidation{Keys: sets[g][:1]})
			return err
		}))
}

// floor is prepared statements on the table of s.
type floor struct {
	b       *testing.B
	s       *sqlstore.Store
	one     *sql.Stmt
	clock   *sql.Stmt // one, and the clock
	upserts map[int]*sql.Stmt
	many    *sql.Stmt
	advance *sql.Stmt // the second row that a Set has to write
	both    *sql.Stmt // the two in one statement, where there is such a thing
	delete  *sql.Stmt
	array   bool
}

func (d database) floor(b *testing.B, s *sqlstore.Store) *floor {
	b.Helper()
	prepare := func(text string) *sql.Stmt {
		stmt, err := s.DB().PrepareContext(b.Context(), text)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = stmt.Close() })
		return stmt
	}
	f := &floor{b: b, s: s, array: d.dialect == sqlstore.PostgreSQL, upserts: map[int]*sql.Stmt{}}
	later := map[sqlstore.Dialect]string{ // never the same: what is indexed changes
		sqlstore.PostgreSQL: "now() + interval '1 hour'", sqlstore.MySQL: "UTC_TIMESTAMP(6) + INTERVAL 1 HOUR",
		sqlstore.SQLite: "CAST(unixepoch('subsec') * 1000000 AS INTEGER) + 3600000000",
	}[d.dialect]
	now := map[sqlstore.Dialect]string{
		sqlstore.PostgreSQL: "now()", sqlstore.MySQL: "UTC_TIMESTAMP(6)", sqlstore.SQLite: "1700000000000000",
	}[d.dialect]
	table := s.Table("entry")
	f.one = prepare("SELECT body FROM " + table + " WHERE namespace = " + s.Mark(1) + " AND name = " + s.Mark(2) + " AND expires > " + now)
	meta := s.Table("meta")
	f.clock = prepare("SELECT m.clock, e.body FROM " + meta + " m LEFT JOIN " + table + " e ON e.namespace = m.namespace AND e.name = " + s.Mark(1) +
		" AND e.expires > " + now + " WHERE m.namespace = " + s.Mark(2))
	const columns = "(namespace, name, token, epoch, stamp, kind, fresh, ends, size, expires, body)"
	columnList := strings.Split(strings.Trim(columns, "()"), ", ")[2:]
	var sets []string
	for _, c := range columnList {
		if d.dialect == sqlstore.MySQL {
			sets = append(sets, c+" = VALUES("+c+")")
		} else {
			sets = append(sets, c+" = excluded."+c)
		}
	}
	conflict := " ON CONFLICT (namespace, name) DO UPDATE SET " + strings.Join(sets, ", ")
	if d.dialect == sqlstore.MySQL {
		conflict = " ON DUPLICATE KEY UPDATE " + strings.Join(sets, ", ")
	}
	if _, err := s.DB().ExecContext(b.Context(), "INSERT INTO "+meta+" (namespace, epoch, clock, cleared, history) SELECT 'floor', epoch, 1, 0, history FROM "+
		meta+" WHERE namespace = "+s.Mark(1)+" AND NOT EXISTS (SELECT 1 FROM "+meta+" WHERE namespace = 'floor')", s.Namespace()); err != nil {
		b.Fatal(err)
	}
	f.delete = prepare("DELETE FROM " + table + " WHERE namespace = 'floor' AND name = " + s.Mark(1))
	f.advance = prepare("UPDATE " + meta + " SET clock = clock + 1 WHERE namespace = 'floor'")
	if f.array {
		f.many = prepare("SELECT name, body FROM " + table + " WHERE namespace = $1 AND name = ANY ($2::bytea[]) AND expires > now()")
		f.upserts[1] = prepare("INSERT INTO " + table + " " + columns +
			" SELECT 'floor', name, 1, 1, 1, 0, 1, 1, 1, " + later + ", body FROM unnest($1::bytea[], $2::bytea[]) AS x (name, body)" + conflict)
		f.upserts[100] = f.upserts[1]
		f.both = prepare("WITH m AS (UPDATE " + meta + " SET clock = clock + 1 WHERE namespace = 'floor' RETURNING clock) INSERT INTO " + table + " " + columns +
			" SELECT 'floor', name, 1, 1, m.clock, 0, 1, 1, 1, " + later + ", body FROM m, unnest($1::bytea[], $2::bytea[]) AS x (name, body)" + conflict)
		return f
	}
	in := strings.TrimSuffix(strings.Repeat("?, ", 100), ", ")
	f.many = prepare("SELECT name, body FROM " + table + " WHERE namespace = ? AND name IN (" + in + ") AND +expires > " + now) // by name
	row := "('floor', ?, 1, 1, 1, 0, 1, 1, 1, " + later + ", ?)"
	for _, n := range []int{1, 100} {
		f.upserts[n] = prepare("INSERT INTO " + table + " " + columns + " VALUES " +
			strings.TrimSuffix(strings.Repeat(row+", ", n), ", ") + conflict)
	}
	return f
}

func (f *floor) get(ctx context.Context, k driver.Key) error {
	var body []byte
	return f.one.QueryRowContext(ctx, f.s.Namespace(), []byte(k.String())).Scan(&body)
}

func (f *floor) getBoth(ctx context.Context, k driver.Key) error {
	var clock int64
	var body []byte
	return f.clock.QueryRowContext(ctx, []byte(k.String()), f.s.Namespace()).Scan(&clock, &body)
}

func (f *floor) getMany(ctx context.Context, keys []driver.Key) error {
	names := make([][]byte, len(keys))
	args := []any{f.s.Namespace()}
	for i, k := range keys {
		names[i] = []byte(k.String())
		if !f.array {
			args = append(args, names[i])
		}
	}
	if f.array {
		args = append(args, names)
	}
	rows, err := f.many.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	out := make(map[string][]byte, len(keys))
	for rows.Next() {
		var name, body []byte
		if err := rows.Scan(&name, &body); err != nil {
			return err
		}
		out[string(name)] = body
	}
	if len(out) != len(keys) {
		return fmt.Errorf("%d rows", len(out))
	}
	return rows.Err()
}

func (f *floor) remove(ctx context.Context, k driver.Key) error {
	_, err := f.delete.ExecContext(ctx, []byte(k.String()))
	return err
}

func (f *floor) set(ctx context.Context, keys []driver.Key) error {
	_, err := f.upserts[len(keys)].ExecContext(ctx, f.rows(keys)...)
	return err
}

// setBoth also advances a clock, in the same transaction, as a Set must.
func (f *floor) setBoth(ctx context.Context, keys []driver.Key) error {
	args := f.rows(keys)
	if f.both != nil {
		_, err := f.both.ExecContext(ctx, args...)
		return err
	}
	tx, err := f.s.DB().BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.StmtContext(ctx, f.advance).ExecContext(ctx); err != nil {
		return err
	}
	if _, err := tx.StmtContext(ctx, f.upserts[len(keys)]).ExecContext(ctx, args...); err != nil {
		return err
	}
	return tx.Commit()
}

func (f *floor) rows(keys []driver.Key) []any {
	var names, bodies [][]byte
	var args []any
	for _, k := range keys {
		body := payload()
		names, bodies = append(names, []byte(k.String())), append(bodies, body)
		args = append(args, []byte(k.String()), body)
	}
	if f.array {
		args = []any{names, bodies}
	}
	return args
}

// payload is 500 bytes that are like no others: a database does less for a row that
// stays what it is.
func payload() []byte {
	return binary.NativeEndian.AppendUint64(make([]byte, 0, 500), uint64(payloads.Add(1)))[:500]
}

var payloads atomic.Int64

// fresh is an entry of such a payload.
func fresh() *driver.Entry { return &driver.Entry{Life: long(), Payload: payload()} }

// long is a life that no test outlives.
func long() driver.Life {
	end := time.Now().Add(time.Hour).UnixNano()
	return driver.Life{Fresh: end, Expires: end}
}
