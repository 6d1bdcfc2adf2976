package outbox_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/internal/servertest"
	"github.com/stratacache/strata/invalidate"
	"github.com/stratacache/strata/invalidate/outbox"
	"github.com/stratacache/strata/invalidate/outbox/pgnotify"
)

// Rows are delivered in order, whole, when they are due, to their cache; what
// nobody can use keeps nobody else in.
func TestDeliver(t *testing.T) {
	onDatabases(t, func(t *testing.T, d *database) {
		store, c := memory(t)
		var told []error
		opts := d.options(map[string]cache.Cache{"main": c})
		opts.Batch, opts.OnError = 3, func(err error) { told = append(told, err) }
		box := d.open(t, opts)
		add := func(name string, n invalidate.Names, delay time.Duration) {
			t.Helper()
			if err := box.Add(t.Context(), d.DB, name, n, delay); err != nil {
				t.Fatal(err)
			}
		}
		binary := "\xff\x01é"
		if err := c.Set(t.Context(), binary, []byte("x")); err != nil {
			t.Fatal(err)
		}
		add("main", named("1"), 0)
		add("main", named(binary), 0)
		add("elsewhere", named("never"), 0)
		add("main", named("later"), time.Hour)
		add("main", named("3", strings.Repeat("long", 100)), 0)
		add("main", invalidate.Names{Keys: []string{binary}}, 0)
		add("main", invalidate.Names{Expire: []string{"soft", binary}, Tags: []string{"hard"}}, 0)
		for _, want := range []int{3, 2, 0} {
			if n, err := box.Deliver(t.Context()); n != want || err != nil {
				t.Errorf("got %d, %v, want %d", n, err, want)
			}
		}
		if got := store.seen(); !slices.Equal(got, []string{"1", binary, "3", "hard", "expire:soft", "expire:" + binary}) {
			t.Errorf("got tags %q", got)
		}
		if has, err := c.Has(t.Context(), binary); has || err != nil {
			t.Errorf("the key is still there: %v, %v", has, err)
		}
		if d.rows(t) != 2 || len(told) != 1 || !errors.Is(told[0], cache.ErrKey) {
			t.Errorf("%d rows left, told %v; want 2 and ErrKey", d.rows(t), told)
		}
	})
}

// Several relays deliver what several writers leave, each row once where rows
// can be held.
func TestSeveralRelays(t *testing.T) {
	onDatabases(t, func(t *testing.T, d *database) {
		store, c := memory(t)
		opts := d.options(map[string]cache.Cache{"main": c})
		opts.Batch, opts.Poll = 4, 5*time.Millisecond
		var all []string
		for i := range 60 {
			all = append(all, invalidate.Tag("t", 100+i))
		}
		opts.OnError = func(err error) { t.Error(err) }
		box := d.open(t, opts)
		ctx, stop := context.WithCancel(t.Context())
		var relays, writers sync.WaitGroup
		for range 3 {
			relays.Go(func() {
				if err := box.Run(ctx); !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
		}
		for part := range slices.Chunk(all, 20) {
			writers.Go(func() {
				for _, tag := range part {
					if err := box.Add(t.Context(), d.DB, "main", named(tag), 0); err != nil {
						t.Error(err)
					}
				}
			})
		}
		writers.Wait()
		eventually(t, func() bool { return d.rows(t) == 0 })
		stop()
		relays.Wait()
		got := store.seen()
		slices.Sort(got)
		if d.dialect == outbox.SQLite {
			got = slices.Compact(got)
		}
		if !slices.Equal(got, all) {
			t.Errorf("got %d tags, want each of %d once", len(got), len(all))
		}
	})
}

// A row whose transaction commits after that of a later one is not passed over.
func TestLateCommit(t *testing.T) {
	onDatabases(t, func(t *testing.T, d *database) {
		if d.dialect == outbox.SQLite {
			t.Skip("SQLite has one writer at a time: ids are in the order of the commits")
		}
		store, c := memory(t)
		box := d.open(t, d.options(map[string]cache.Cache{"main": c}))
		late, err := d.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer late.Rollback()
		for _, add := range []struct {
			on  invalidate.Conn
			tag string
		}{{late, "late"}, {d.DB, "later"}} {
			if err := box.Add(t.Context(), add.on, "main", named(add.tag), 0); err != nil {
				t.Fatal(err)
			}
		}
		deliver := func(want ...string) {
			t.Helper()
			if _, err := box.Deliver(t.Context()); err != nil {
				t.Error(err)
			}
			if got := store.seen(); !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		}
		deliver("later")
		if err := late.Commit(); err != nil {
			t.Fatal(err)
		}
		deliver("later", "late")
		if n := d.rows(t); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

// A relay that waits for its cache, in the middle of a batch, keeps neither the
// other relays nor the writers in, and what it holds is delivered if it dies.
func TestStuckRelay(t *testing.T) {
	onDatabases(t, func(t *testing.T, d *database) {
		store, c := memory(t)
		opts := d.options(map[string]cache.Cache{"main": c})
		opts.Batch = 1
		box := d.open(t, opts)
		patient, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		add := func(tag string) {
			t.Helper()
			if err := box.Add(patient, d.DB, "main", named(tag), 0); err != nil {
				t.Fatal(err)
			}
		}
		add("1")
		stuck, release := make(chan struct{}), make(chan struct{})
		store.stick(func() { close(stuck); <-release })
		ctx, die := context.WithCancel(t.Context())
		var relay sync.WaitGroup
		relay.Go(func() {
			if n, err := box.Deliver(ctx); err == nil {
				t.Errorf("a relay that died: got %d, %v", n, err)
			}
		})
		<-stuck
		add("2") // a writer
		if d.dialect != outbox.SQLite {
			if n, err := box.Deliver(patient); n != 1 || err != nil {
				t.Errorf("another relay: got %d, %v, want 1", n, err)
			}
			if got := store.seen(); !slices.Equal(got, []string{"2"}) {
				t.Errorf("delivered %v, want 2", got)
			}
		}
		die()
		close(release)
		relay.Wait()
		eventually(t, func() bool {
			_, err := box.Deliver(t.Context())
			return err == nil && d.rows(t) == 0
		})
		if got := store.seen(); !slices.Contains(got, "1") || !slices.Contains(got, "2") {
			t.Errorf("delivered %v, want 1 and 2", got)
		}
	})
}

// On PostgreSQL the relay is woken by the commit, also by that of a program that
// only inserts a row.
func TestWokenByNotify(t *testing.T) {
	t.Parallel()
	url := servertest.SharedPostgres(t)
	d := &database{kind: kindOf("pgx"), suffix: "_notify"}
	var err error
	if d.DB, err = openSQL(t, d.driver, url); err != nil {
		t.Fatal(err)
	}
	listener, err := pgnotify.New(url, d.table())
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	store, c := memory(t)
	opts := d.options(map[string]cache.Cache{"main": c})
	opts.Poll, opts.Wake = time.Hour, listener.Wait
	box := d.open(t, opts)
	ctx, stop := context.WithCancel(t.Context())
	var relay sync.WaitGroup
	defer relay.Wait()
	defer stop()
	relay.Go(func() { _ = box.Run(ctx) })
	for i := range 3 {
		if _, err := d.ExecContext(t.Context(), "INSERT INTO "+d.table()+` (cache, names) VALUES ('main', '{"tags": ["t"]}')`); err != nil {
			t.Fatal(err)
		}
		eventually(t, func() bool { return len(store.seen()) == i+1 })
	}
	if _, err := pgnotify.New("postgres://u:secret@[::1:x", "c"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v, want an error without the password", err)
	}
}
