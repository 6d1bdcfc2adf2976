package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/sqlstore"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/servertest"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	db := databases[0].handle(t, ":memory:")
	if _, err := sqlstore.New(nil, sqlstore.SQLite, nil); err == nil {
		t.Error("no database: got no error")
	}
	if _, err := sqlstore.New(db, 0, nil); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("no dialect: got %v, want ErrUnsupported", err)
	}
	if _, err := sqlstore.New(db, sqlstore.SQLite, &sqlstore.Options{Unlogged: true}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("an UNLOGGED table in SQLite: got %v, want ErrUnsupported", err)
	}
	for _, opts := range []sqlstore.Options{
		{Namespace: "a b"},
		{Namespace: "\x00"},
		{Namespace: strings.Repeat("x", 65)},
		{MaxEntries: -1},
		{MaxBytes: -1},
		{MaxValue: -1},
		{SweepEvery: -1},
	} {
		if _, err := sqlstore.New(db, sqlstore.SQLite, &opts); err == nil {
			t.Errorf("%+v: got no error", opts)
		}
	}
}

// DB-009: a name that cannot be quoted away is refused, and never sent.
func TestTableNamesAreQuotedOrRefused(t *testing.T) {
	onAll(t, func(t *testing.T, d database) {
		source := d.source(t)
		db := d.handle(t, source)
		for _, name := range []string{
			`a"b`, "a`b", "a'b", "a;b", "a.b", "1a", " a", "a ", "a\x00", "ä", "a\nb", strings.Repeat("x", 55), `x"; DROP TABLE y; --`,
		} {
			if _, err := sqlstore.New(db, d.dialect, &sqlstore.Options{Table: name}); err == nil {
				t.Errorf("table %q: got no error", name)
			}
			if text, err := sqlstore.Schema(d.dialect, &sqlstore.Options{Table: name}); err == nil {
				t.Errorf("Schema with table %q: got %q", name, text)
			}
		}
		for _, name := range []string{"test cache table", "SELECT", "Mixed_Case", "_" + strings.Repeat("x", 53)} {
			s := over(t, db, d.dialect, &sqlstore.Options{Table: name})
			set(t, s, "k", value("v", "t"))
			want(t, s, "k", "v")
			invalidate(t, s, nil, []string{"t"})
			want(t, s, "k", "")
		}
	})
}

// DB-003, DB-004: the dry run is the text, and tables that exist are left alone.
func TestCreateTable(t *testing.T) {
	onAll(t, func(t *testing.T, d database) {
		opts := &sqlstore.Options{Table: fmt.Sprintf("create_%d", namespaces.Add(1))}
		text, err := sqlstore.Schema(d.dialect, opts)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{"CREATE TABLE", opts.Table + "_expires", opts.Table + "_meta", opts.Table + "_tag"} {
			if !strings.Contains(text, part) {
				t.Errorf("got the schema %s\nwant %s in it", text, part)
			}
		}
		source := d.source(t)
		s, err := sqlstore.New(d.handle(t, source), d.dialect, opts)
		if err != nil {
			t.Fatal(err)
		}
		defer closeStore(t, s)
		// DB-015: nothing was made, and that is an error of its own.
		for what, call := range map[string]func() error{
			"Get":     func() error { _, err := s.Get(t.Context(), key("k"), time.Minute); return err },
			"GetMany": func() error { _, err := s.GetMany(t.Context(), []driver.Key{key("k")}, 0); return err },
			"Set":     func() error { _, err := s.Put(t.Context(), key("k"), value("v"), driver.Set, 0); return err },
			"Add":     func() error { _, err := s.Put(t.Context(), key("k"), value("v"), driver.Add, 0); return err },
			"Invalidate": func() error {
				_, err := s.Invalidate(t.Context(), driver.Invalidation{Tags: []string{"t"}})
				return err
			},
		} {
			if err := call(); !errors.Is(err, sqlstore.ErrNoTable) {
				t.Errorf("%s without tables: got %v, want ErrNoTable", what, err)
			}
		}
		var wg sync.WaitGroup
		other := d.handle(t, source)
		for range 3 { // processes that start together
			wg.Go(func() {
				again, err := sqlstore.New(other, d.dialect, opts)
				if err == nil {
					err = again.CreateTable(context.Background())
				}
				if err != nil {
					t.Errorf("CreateTable: %v", err)
				}
			})
		}
		wg.Wait()
		set(t, s, "k", value("v"))
		if err := s.CreateTable(t.Context()); err != nil {
			t.Errorf("CreateTable again: %v", err)
		}
		want(t, s, "k", "v")
	})
}

func TestUnlogged(t *testing.T) {
	t.Parallel()
	d := databases[1]
	s := over(t, d.handle(t, d.source(t)), d.dialect, &sqlstore.Options{Table: "unlogged", Unlogged: true})
	got := make(map[string]string)
	for _, table := range []string{"unlogged", "unlogged_meta", "unlogged_tag", "unlogged_log"} {
		var kind string
		if err := s.DB().QueryRow("SELECT relpersistence FROM pg_class WHERE relname = $1", table).Scan(&kind); err != nil {
			t.Fatal(err)
		}
		got[table] = kind
	}
	if got["unlogged"] != "u" || got["unlogged_meta"] != "p" || got["unlogged_tag"] != "p" {
		t.Errorf("got %v, want the entries alone unlogged", got)
	}
}

// Namespaces of the same tables do not see each other, and Clear (DB-027) is of
// one.
func TestNamespacesAreApart(t *testing.T) {
	onAll(t, func(t *testing.T, d database) {
		db := d.handle(t, d.source(t))
		name := fmt.Sprintf("apart-%d", namespaces.Add(1))
		a := over(t, db, d.dialect, &sqlstore.Options{Namespace: name})
		b := over(t, db, d.dialect, &sqlstore.Options{Namespace: strings.ToUpper(name)})
		set(t, a, "k", value("A", "t"))
		set(t, b, "k", value("B", "t"))
		invalidate(t, a, nil, []string{"t", driver.TagAll})
		want(t, a, "k", "")
		want(t, b, "k", "B")
		if err := a.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		want(t, b, "k", "B")
	})
}

// Names are bytes: no collation, no padding, no encoding, whatever the length.
func TestHostileKeys(t *testing.T) {
	onAll(t, func(t *testing.T, d database) {
		s := d.open(t)
		names := map[string]bool{
			"": true, " ": true, "a": true, "A": true, "a ": true, "a\x00": true, "a\x00\x00": true, "\x00": true, "\r\n": true,
			"ä": true, "a\u0308": true, "\xff\xfe": true, "'": true, `"; DROP TABLE strata; --`: true, "%": true, "_": true, `\x61`: true,
			"?": true, "$1": true, "{entry}": true, "[[x]]": true,
		}
		for n := range 4 { // long ones, that differ at their ends only, and one of their lengths
			names[strings.Repeat("long", 300)+string(rune('a'+n))] = true
			names[strings.Repeat("x", 503+n)] = true
		}
		random := rand.New(rand.NewPCG(1, 2))
		for range 500 {
			b := make([]byte, random.IntN(12))
			for i := range b {
				b[i] = byte(random.IntN(256))
			}
			names[string(b)] = true
		}
		var items []driver.Item
		var keys []driver.Key
		for n := range names {
			keys = append(keys, key(n))
			items = append(items, driver.Item{Key: key(n), Entry: value("of " + n)})
		}
		for i, r := range s.PutMany(t.Context(), items) {
			if r.Err != nil || !r.Done {
				t.Fatalf("%q: got %+v", keys[i].Name, r)
			}
		}
		rs, err := s.GetMany(t.Context(), keys, 0)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range rs {
			if r.Entry == nil || string(r.Entry.Payload) != "of "+keys[i].Name {
				t.Errorf("%q: got %+v", keys[i].Name, r)
			}
		}
		for i, k := range keys[:50] {
			invalidate(t, s, []string{k.Name}, nil)
			want(t, s, k.Name, "")
			want(t, s, keys[i+50].Name, "of "+keys[i+50].Name)
		}
	})
}

// So are tags.
func TestHostileTags(t *testing.T) {
	onAll(t, func(t *testing.T, d database) {
		s := d.open(t)
		tags := []string{"", "a", "A", "a ", "a\x00", "\xff", `"`, `\`, "'", ",", "{}", "[]", "$[*]", strings.Repeat("x", 200)}
		for i, tag := range tags {
			set(t, s, fmt.Sprint(i), value("v", "other", tag))
		}
		for i, tag := range tags {
			want(t, s, fmt.Sprint(i), "v")
			invalidate(t, s, nil, []string{tag})
			want(t, s, fmt.Sprint(i), "")
		}
	})
}

// DB-021, DB-022: lives are exact to less than a second, whatever time zone a
// session has.
func TestTimeZones(t *testing.T) {
	t.Parallel()
	for _, d := range databases[1:] {
		t.Run(d.dialect.String(), func(t *testing.T) {
			t.Parallel()
			source := d.source(t)
			zones := []string{"&timezone=Asia/Kathmandu", "&timezone=America/Los_Angeles"}
			if d.dialect == sqlstore.MySQL {
				zones = []string{"?time_zone=%27%2B05%3A45%27", "?time_zone=%27-08%3A00%27"}
			}
			opts := &sqlstore.Options{Namespace: fmt.Sprintf("zones-%d", namespaces.Add(1))}
			a := over(t, d.handle(t, source+zones[0]), d.dialect, opts)
			b := over(t, d.handle(t, source+zones[1]), d.dialect, opts)
			short := func() *driver.Entry {
				end := time.Now().Add(400 * time.Millisecond).UnixNano()
				return &driver.Entry{Payload: []byte("v"), Life: driver.Life{Fresh: end, Expires: end}}
			}
			set(t, a, "k", value("v"))
			want(t, b, "k", "v")
			e := short()
			set(t, a, "short", e)
			if r := get(t, b, "short", 0); r.Entry == nil && time.Now().UnixNano() < e.Life.Fresh {
				t.Error("another zone's session does not see what was just set")
			}
			time.Sleep(405 * time.Millisecond)
			want(t, b, "short", "")
			want(t, a, "short", "")
		})
	}
}

// LL-080, DB-024: no increment is lost.
func TestIncrementsOfTwoProcesses(t *testing.T) {
	onAll(t, func(t *testing.T, d database) {
		source := d.source(t)
		opts := &sqlstore.Options{Namespace: fmt.Sprintf("incr-%d", namespaces.Add(1))}
		const each = 50
		var wg sync.WaitGroup
		var added sync.Map
		var last *sqlstore.Store
		for p := range 2 {
			s := over(t, d.handle(t, source), d.dialect, opts)
			last = s
			for g := range 2 {
				wg.Go(func() {
					for i := range each {
						if _, err := s.Incr(t.Context(), key("n"), 1, integer("1")); err != nil {
							t.Error(err)
						}
						// DB-013: of all that add one key, one does.
						r, err := s.Put(t.Context(), key(fmt.Sprint("add-", i)), value("v"), driver.Add, 0)
						if err != nil {
							t.Error(err)
						}
						if _, twice := added.LoadOrStore(i, p*10+g); r.Done && twice {
							t.Errorf("key %d was added twice", i)
						} else if !r.Done && !twice {
							added.Delete(i)
						}
					}
				})
			}
		}
		wg.Wait()
		want(t, last, "n", fmt.Sprint(4*each))
	})
}

// An increment is done once, whatever connections it meets: those of MySQL, when
// they are new, do not know the server's run yet.
func TestIncrementsOnNewConnections(t *testing.T) {
	onAll(t, func(t *testing.T, d database) {
		s := d.open(t)
		if d.dialect != sqlstore.SQLite {
			s.DB().SetMaxIdleConns(1)
		}
		const clients, each = 10, 40
		var wg sync.WaitGroup
		for range clients {
			wg.Go(func() {
				for range each {
					if _, err := s.Incr(t.Context(), key("counter"), 1, integer("1")); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		want(t, s, "counter", fmt.Sprint(clients*each))
		if d.dialect != sqlstore.SQLite {
			s.DB().SetMaxIdleConns(-1) // each statement on a connection of its own
		}
		everything(t, s)
	})
}

// InvalidateTx is the caller's transaction's.
func TestInvalidateTx(t *testing.T) {
	onAll(t, func(t *testing.T, d database) {
		s := d.open(t)
		fill := func() {
			set(t, s, "k", value("v"))
			set(t, s, "tagged", value("v", "t"))
		}
		fill()
		before := get(t, s, "k", 0).Fence.Stamp
		what := driver.Invalidation{Keys: []driver.Key{key("k")}, Tags: []string{"t"}}
		for _, commit := range []bool{false, true} {
			tx, err := s.DB().BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.InvalidateTx(t.Context(), tx, what)
			if err != nil || got.Removed != 1 || got.Clock.N != before.N+1 {
				t.Fatalf("got %+v, %v, want one removed at %d", got, err, before.N+1)
			}
			end := map[bool]func() error{false: tx.Rollback, true: tx.Commit}[commit]
			if err := end(); err != nil {
				t.Fatal(err)
			}
			stands := map[bool]string{false: "v", true: ""}[commit]
			want(t, s, "k", stands)
			want(t, s, "tagged", stands)
		}
	})
}

// Whoever waits for another's lock waits no longer than its context.
func TestLocked(t *testing.T) {
	onAll(t, func(t *testing.T, d database) {
		source := d.source(t)
		opts := &sqlstore.Options{Namespace: fmt.Sprintf("locked-%d", namespaces.Add(1))}
		s := over(t, d.handle(t, source), d.dialect, opts)
		set(t, s, "k", value("v"))
		tx, err := d.handle(t, source).BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec("UPDATE "+s.Table("meta")+" SET cleared = cleared WHERE namespace = "+s.Mark(1), opts.Namespace); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err = s.Invalidate(ctx, driver.Invalidation{Keys: []driver.Key{key("k")}})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want DeadlineExceeded", err)
		}
		want(t, s, "k", "v") // readers do not wait
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		invalidate(t, s, []string{"k"}, nil)
		want(t, s, "k", "")
	})
}

// A record that cannot be made while others write is made when they have done,
// however often it was tried in between.
func TestRecordIsMadeBehindALock(t *testing.T) {
	t.Parallel()
	d := databases[0] // where one writer keeps all others out
	source := d.source(t)
	s := over(t, d.handle(t, source), d.dialect, nil)
	set(t, s, "k", value("v"))
	exec(t, s, "DELETE FROM "+s.Table("meta"))
	tx, err := d.handle(t, source).BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec("UPDATE " + s.Table("meta") + " SET cleared = cleared"); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := s.GetMany(t.Context(), []driver.Key{key("k")}, 0)
		done <- err
	}()
	select {
	case err := <-done:
		t.Errorf("GetMany while another writes: got %v, want it to wait", err)
	case <-time.After(2 * time.Second): // more than a dozen attempts
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		err = <-done
	}
	if err != nil {
		t.Errorf("GetMany: %v", err)
	}
}

// A server that was killed remembers what it acknowledged, but nobody can be
// sure of that: the store begins anew.
func TestRestartBeginsAnew(t *testing.T) {
	t.Parallel()
	for _, d := range databases[1:] {
		t.Run(d.dialect.String(), func(t *testing.T) {
			t.Parallel()
			start, source := servertest.Postgres, servertest.PostgresURL
			if d.dialect == sqlstore.MySQL {
				start, source = servertest.MariaDB, servertest.MariaDBName
			}
			server := start(t)
			s := over(t, d.handle(t, source(server.Addr)), d.dialect, nil)
			set(t, s, "k", value("v", "t"))
			f := get(t, s, "load", time.Minute).Fence
			if d.dialect == sqlstore.MySQL { // whose servers count their starts in seconds
				time.Sleep(1100 * time.Millisecond)
			}
			server.Restart()
			s = over(t, d.handle(t, source(server.Addr)), d.dialect, nil)
			want(t, s, "k", "")
			e := value("old")
			e.Stamp = f.Stamp
			if put(t, s, "load", e, driver.Fill, f.Token).Done {
				t.Error("a load from before the restart was stored")
			}
			if now := get(t, s, "k", 0).Fence.Stamp; now.Epoch == f.Stamp.Epoch || now.N < f.Stamp.N {
				t.Errorf("got the clock %+v after %+v, want a new epoch", now, f.Stamp)
			}
			set(t, s, "k", value("w", "t"))
			want(t, s, "k", "w")
		})
	}
}

// So it does with a file that was last used before the machine was started.
func TestRebootBeginsAnew(t *testing.T) {
	t.Parallel()
	s := databases[0].open(t)
	set(t, s, "k", value("v"))
	exec(t, s, "UPDATE "+s.Table("meta")+" SET history = history + 1")
	want(t, s, "k", "")
	set(t, s, "k", value("w"))
	want(t, s, "k", "w")
}

// A full disk is an error, of deleting, too, and reading goes on.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	d := databases[0]
	s := over(t, d.handle(t, sqliteFile(filepath.Join(t.TempDir(), "full.db"))), d.dialect, nil)
	set(t, s, "k", value("v"))
	if _, err := s.DB().Exec("PRAGMA max_page_count = 40"); err != nil {
		t.Fatal(err)
	}
	var full error
	for i := range 100 {
		_, err := s.Put(t.Context(), key(fmt.Sprint("filler-", i)), value(strings.Repeat("x", 10_000)), driver.Set, 0)
		if err != nil {
			full = err
			break
		}
	}
	if full == nil || !strings.Contains(full.Error(), "full") {
		t.Fatalf("got %v, want the database's own error", full)
	}
	want(t, s, "k", "v")
	if _, err := s.DB().Exec("PRAGMA query_only = ON"); err != nil { // what deleting meets when no page can be written
		t.Fatal(err)
	}
	if _, err := s.Invalidate(t.Context(), driver.Invalidation{Keys: []driver.Key{key("k")}}); err == nil {
		t.Error("Invalidate where nothing can be written: got no error")
	}
	if _, err := s.Get(t.Context(), key("none"), time.Minute); err == nil {
		t.Error("a miss where no placeholder can be written: got no error")
	}
	want(t, s, "k", "v")
}

func TestTooLarge(t *testing.T) {
	onAll(t, func(t *testing.T, d database) {
		s := d.open(t, sqlstore.Options{MaxValue: 1000})
		set(t, s, "k", value("old"))
		_, err := s.Put(t.Context(), key("k"), value(strings.Repeat("x", 1001)), driver.Fill, 1)
		if !errors.Is(err, driver.ErrTooLarge) {
			t.Errorf("Fill: got %v, want ErrTooLarge", err)
		}
		want(t, s, "k", "old")
		rs := s.PutMany(t.Context(), []driver.Item{
			{Key: key("a"), Entry: value("1")}, {Key: key("k"), Entry: value(strings.Repeat("x", 1001))}, {Key: key("b"), Entry: value("2")},
		})
		if rs[0].Err != nil || !errors.Is(rs[1].Err, driver.ErrTooLarge) || rs[2].Err != nil {
			t.Errorf("PutMany: got %+v", rs)
		}
		want(t, s, "k", "")
		want(t, s, "b", "2")
	})
}

// Behind a pooler pgx must not prepare, and knows no types of the server then.
func TestUnpreparedPostgreSQL(t *testing.T) {
	t.Parallel()
	d := databases[1]
	for _, mode := range []string{"exec", "simple_protocol", "cache_describe"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			db := d.handle(t, d.source(t)+"&default_query_exec_mode="+mode)
			s := over(t, db, d.dialect, &sqlstore.Options{Namespace: "mode-" + mode})
			everything(t, s)
		})
	}
}

// everything calls each method once.
func everything(t *testing.T, s *sqlstore.Store) {
	t.Helper()
	var before driver.LogReading
	if s.KeepsLog() {
		before = readLog(t, s, driver.Stamp{}, 0)
	}
	set(t, s, "k", value("v\x00'", "t", "u"))
	want(t, s, "k", "v\x00'")
	f := get(t, s, "load", time.Minute).Fence
	e := value("loaded", "t")
	e.Stamp = f.Stamp
	if !put(t, s, "load", e, driver.Fill, f.Token).Done {
		t.Error("Fill: not done")
	}
	f = get(t, s, "load", 0).Fence
	e = value("through", "t")
	e.Stamp = f.Stamp
	if !put(t, s, "load", e, driver.SetFenced, f.Token).Done {
		t.Error("SetFenced: not done")
	}
	if put(t, s, "load", value("x"), driver.Add, 0).Done {
		t.Error("Add over what stands: done")
	}
	if sum, err := s.Incr(t.Context(), key("n"), -3, integer("-9000000000")); err != nil || sum.Value != -9_000_000_000 || !sum.Created {
		t.Errorf("Incr: got %+v, %v", sum, err)
	}
	if sum, err := s.Incr(t.Context(), key("n"), -3, nil); err != nil || sum.Value != -9_000_000_003 {
		t.Errorf("Incr: got %+v, %v", sum, err)
	}
	if r, err := s.Touch(t.Context(), key("n"), driver.Life{Fresh: driver.Forever, Expires: driver.Forever}); err != nil || !r.Done {
		t.Errorf("Touch: got %+v, %v", r, err)
	}
	if r, err := s.Move(t.Context(), key("n"), key("m")); err != nil || !r.Done {
		t.Errorf("Move: got %+v, %v", r, err)
	}
	for i, r := range s.PutMany(t.Context(), []driver.Item{
		{Key: key("a"), Entry: value("A", "t")},
		{Key: key("b"), Entry: integer("7")},
		{Key: key("c"), Entry: &driver.Entry{Kind: driver.Negative, Life: driver.Life{Fresh: driver.Forever, Expires: driver.Forever}}},
	}) {
		if r.Err != nil || !r.Done {
			t.Errorf("PutMany, item %d: got %+v", i, r)
		}
	}
	rs, err := s.GetMany(t.Context(), []driver.Key{key("a"), key("b"), key("c"), key("m"), key("none")}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for i, payload := range []string{"A", "7", "", "-9000000003"} {
		if e := rs[i].Entry; e == nil || string(e.Payload) != payload {
			t.Errorf("GetMany, reading %d: got %+v, want %q", i, e, payload)
		}
	}
	if !rs[4].Planted {
		t.Error("GetMany planted nothing")
	}
	if got := invalidate(t, s, []string{"a", "none"}, []string{"t"}); got.Removed != 1 {
		t.Errorf("Invalidate: got %d removed, want 1", got.Removed)
	}
	want(t, s, "load", "")
	if s.KeepsLog() {
		if r := readLog(t, s, before.Clock, 0); !r.Complete || len(r.Changes) != 9 {
			t.Errorf("ReadLog: got %d changes, complete: %v, want 9", len(r.Changes), r.Complete)
		}
	}
	sweep(t, s)
}

func TestEverything(t *testing.T) {
	onAll(t, func(t *testing.T, d database) { everything(t, d.open(t)) })
}
