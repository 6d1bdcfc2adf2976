package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/backends/sqlstore"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

// postgres is the dialect that keeps a log.
var postgres = databases[1]

func readLog(t testing.TB, s *sqlstore.Store, after driver.Stamp, wait time.Duration) driver.LogReading {
	t.Helper()
	r, err := s.ReadLog(t.Context(), after, wait)
	if err != nil {
		t.Fatalf("ReadLog: %v", err)
	}
	return r
}

// rows is how many changes are kept, and whether somebody is known to read them.
func logRows(t testing.TB, s *sqlstore.Store) (changes int, followed bool) {
	t.Helper()
	err := s.DB().QueryRowContext(t.Context(), "SELECT count(*) FILTER (WHERE epoch <> 0), coalesce(bool_or(until > now()), false) FROM "+
		s.Table("log")+" WHERE namespace = $1", s.Namespace()).Scan(&changes, &followed)
	if err != nil {
		t.Fatal(err)
	}
	return changes, followed
}

// listeners waits until the store listens, not on the connection that was lost,
// and returns the server's process.
func listeners(t testing.TB, s *sqlstore.Store, lost string) (pid string) {
	t.Helper()
	until(t, "a connection that listens", func() bool {
		err := s.DB().QueryRow("SELECT coalesce(max(pid::text), '') FROM pg_stat_activity WHERE query LIKE 'LISTEN%" + s.Channel() + "%'").Scan(&pid)
		return err == nil && pid != "" && pid != lost
	})
	return pid
}

// until waits for what another connection or process does.
func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long for %s", what)
		}
	}
}

// Where nothing could be told of a change, no near tier is promised that it will be.
func TestOtherDialectsKeepNoLog(t *testing.T) {
	onAll(t, func(t *testing.T, d database) {
		s := d.open(t)
		_, err := s.ReadLog(t.Context(), driver.Stamp{}, 0)
		_, keeps := driver.Log(s)
		if d.dialect == sqlstore.PostgreSQL != keeps || keeps == errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("it keeps a log: %v, and reading it: %v", keeps, err)
		}
	})
}

// Nobody pays for a log that nobody reads, and one that nobody reads any more
// ends and goes.
func TestLogExistsForItsReaders(t *testing.T) {
	t.Parallel()
	s := postgres.open(t)
	set(t, s, "k", value("v"))
	if n, followed := logRows(t, s); n > 0 || followed {
		t.Fatalf("without a reader: got %d rows, followed: %v", n, followed)
	}
	after := readLog(t, s, driver.Stamp{}, 0).Clock
	set(t, s, "k", value("v"))
	if n, followed := logRows(t, s); n != 1 || !followed {
		t.Fatalf("with a reader: got %d rows, followed: %v", n, followed)
	}
	exec(t, s, "UPDATE "+s.Table("log")+" SET until = now() WHERE namespace = $1 AND epoch = 0", s.Namespace())
	set(t, s, "k", value("v"))
	if n, _ := logRows(t, s); n != 1 {
		t.Errorf("after the last reader: got %d rows, want the old one", n)
	}
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, followed := logRows(t, s); n > 0 || followed {
		t.Errorf("after a sweep: got %d rows, followed: %v", n, followed)
	}
	if r := readLog(t, s, after, 0); r.Complete {
		t.Errorf("a reader that comes back: got %+v, want it to be told that something is missing", r)
	}
}

// A log that is read for days has an end, too.
func TestLogIsBounded(t *testing.T) {
	t.Parallel()
	s := postgres.open(t)
	readLog(t, s, driver.Stamp{}, 0)
	for range 3 {
		set(t, s, "old", value("v"))
	}
	exec(t, s, "UPDATE "+s.Table("meta")+" SET clock = clock + 10000 WHERE namespace = $1", s.Namespace())
	set(t, s, "new", value("v"))
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, followed := logRows(t, s); n != 1 || !followed {
		t.Errorf("got %d rows, followed: %v, want the last one", n, followed)
	}
}

// Whatever is lost of the log is noticed, and from there on it is complete again.
func TestLogIsLost(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]string{
		"all of it":          "DELETE FROM log WHERE namespace = $1",
		"its old end":        "DELETE FROM log WHERE namespace = $1 AND epoch <> 0 AND n < 3",
		"one change":         "DELETE FROM log WHERE namespace = $1 AND n = 2",
		"its new end":        "DELETE FROM log WHERE namespace = $1 AND n = 3",
		"too much to tell":   "UPDATE log SET names = NULL WHERE namespace = $1 AND n = 3",
		"a number":           "UPDATE log SET count = 2 WHERE namespace = $1 AND n = 3",
		"what it belongs to": "UPDATE log SET epoch = epoch + 1 WHERE namespace = $1 AND n = 3",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := postgres.open(t)
			after := readLog(t, s, driver.Stamp{}, 0).Clock
			for _, k := range []string{"a", "b", "c"} {
				set(t, s, k, value("v"))
			}
			exec(t, s, strings.ReplaceAll(lose, " log ", " "+s.Table("log")+" "), s.Namespace())
			r := readLog(t, s, after, 0)
			if r.Complete || len(r.Changes) > 0 {
				t.Fatalf("got %+v, want it not complete", r)
			}
			set(t, s, "d", value("v"))
			if r = readLog(t, s, r.Clock, 0); !r.Complete || len(r.Changes) != 1 {
				t.Errorf("afterwards: got %+v, want one change", r)
			}
		})
	}
}

// The database knows long names by their sums alone.
func TestLogDoesNotGuessLongKeys(t *testing.T) {
	t.Parallel()
	s := postgres.open(t)
	after := readLog(t, s, driver.Stamp{}, 0).Clock
	set(t, s, strings.Repeat("k", 600), value("v"))
	if r := readLog(t, s, after, 0); r.Complete {
		t.Errorf("got %+v, want it not complete", r)
	}
}

// A number belongs to each item of a PutMany, and to a key that it names twice
// there are two.
func TestLogOfManyItems(t *testing.T) {
	t.Parallel()
	s := postgres.open(t)
	after := readLog(t, s, driver.Stamp{}, 0).Clock
	var items []driver.Item
	for _, k := range []string{"a", "b", "a"} {
		items = append(items, driver.Item{Key: key(k), Entry: value("v"), Mode: driver.Set})
	}
	for _, r := range s.PutMany(t.Context(), items) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	r := readLog(t, s, after, 0)
	want := fmt.Sprint([]driver.Change{
		{N: after.N + 1, Keys: []string{key("a").String()}}, {N: after.N + 2, Keys: []string{key("b").String()}}, {N: after.N + 3},
	})
	if got := fmt.Sprint(r.Changes); !r.Complete || got != want {
		t.Errorf("got %v, complete: %v, want %v", got, r.Complete, want)
	}
}

// What is invalidated in a transaction is in the log when that is committed, and
// what began later comes later.
func TestLogOfATransaction(t *testing.T) {
	t.Parallel()
	s := postgres.open(t)
	s.NeverLook()
	after := readLog(t, s, driver.Stamp{}, 0).Clock
	listeners(t, s, "")
	for _, commit := range []bool{false, true} {
		tx, err := s.DB().BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.InvalidateTx(t.Context(), tx, driver.Invalidation{Tags: []string{"t"}}); err != nil {
			t.Fatal(err)
		}
		if r := readLog(t, s, after, 0); !r.Complete || len(r.Changes) > 0 {
			t.Errorf("before the end: got %+v, want nothing", r)
		}
		if !commit {
			if err := tx.Rollback(); err != nil {
				t.Fatal(err)
			}
			if r := readLog(t, s, after, 0); !r.Complete || len(r.Changes) > 0 {
				t.Errorf("rolled back: got %+v, want nothing", r)
			}
			continue
		}
		told := make(chan driver.LogReading, 1)
		go func() {
			r, _ := s.ReadLog(context.Background(), after, 20*time.Second) // that the commit wakes
			told <- r
		}()
		time.Sleep(100 * time.Millisecond) // so that it waits, most of the time
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		if r := <-told; !r.Complete || len(r.Changes) != 1 || r.Changes[0].Tags[0] != "t" {
			t.Errorf("committed: got %+v, want the tag", r)
		}
	}
}

// Who waits is woken by a message, also after the connection was lost on which
// they come. It looks by itself only where there can be none.
func TestLogWakesItsReaders(t *testing.T) {
	t.Parallel()
	writer := postgres.open(t)
	reader := over(t, postgres.handle(t, postgres.source(t)), sqlstore.PostgreSQL, &sqlstore.Options{Namespace: writer.Namespace()})
	reader.NeverLook()
	after := readLog(t, reader, driver.Stamp{}, 0).Clock
	lost := ""
	for range 3 {
		lost = listeners(t, reader, lost)
		told := make(chan driver.LogReading, 1)
		go func() {
			r, err := reader.ReadLog(context.Background(), after, 20*time.Second)
			if err != nil {
				t.Errorf("ReadLog: %v", err)
			}
			told <- r
		}()
		set(t, writer, "k", value("v"))
		r := <-told
		if !r.Complete || len(r.Changes) != 1 {
			t.Fatalf("got %+v, want to be told of one change", r)
		}
		after = r.Clock
		exec(t, writer, "SELECT pg_terminate_backend("+lost+")")
	}
}

// A pool of one connection has none to listen on.
func TestLogIsReadWithoutMessages(t *testing.T) {
	t.Parallel()
	db := postgres.handle(t, postgres.source(t))
	db.SetMaxOpenConns(1)
	s := over(t, db, sqlstore.PostgreSQL, &sqlstore.Options{Namespace: fmt.Sprintf("test-%d", namespaces.Add(1))})
	after := readLog(t, s, driver.Stamp{}, 0).Clock
	told := make(chan driver.LogReading, 1)
	go func() {
		r, _ := s.ReadLog(context.Background(), after, 20*time.Second)
		told <- r
	}()
	set(t, s, "k", value("v"))
	if r := <-told; len(r.Changes) != 1 {
		t.Errorf("got %+v, want one change", r)
	}
}

// Two processes with memory tiers: what one writes leaves the other's memory, and
// what concerns others does not.
func TestNearTiersFollowTheLog(t *testing.T) {
	t.Parallel()
	first := postgres.open(t)
	process := func() *cache.Client {
		s := over(t, postgres.handle(t, postgres.source(t)), sqlstore.PostgreSQL, &sqlstore.Options{Namespace: first.Namespace()})
		c, err := cache.New(s, &cache.Options{Near: []cache.Tier{{Store: locmem.New(nil)}}, Staleness: 10 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close(context.Background()) })
		return c
	}
	a, b := process(), process()
	if err := a.Set(t.Context(), "k", []byte("old")); err != nil {
		t.Fatal(err)
	}
	near := func() bool {
		before := b.Stats().NearHits
		if _, err := b.Get(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
		return b.Stats().NearHits > before
	}
	until(t, "a copy that is trusted", near)
	for range 20 {
		if err := a.Invalidate(t.Context(), "other"); err != nil {
			t.Fatal(err)
		}
		if err := a.Set(t.Context(), "other", []byte("v")); err != nil {
			t.Fatal(err)
		}
	}
	if !near() {
		t.Error("what concerns other keys cost a near copy")
	}
	if err := a.Set(t.Context(), "k", []byte("new")); err != nil {
		t.Fatal(err)
	}
	until(t, "the new value", func() bool {
		v, err := b.Get(t.Context(), "k")
		return err == nil && string(v) == "new"
	})
}
