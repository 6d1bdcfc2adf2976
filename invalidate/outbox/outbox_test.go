package outbox_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/servertest"
	"github.com/stratacache/strata/invalidate"
	"github.com/stratacache/strata/invalidate/outbox"
	"github.com/stratacache/strata/invalidate/outbox/pgnotify"
)

// switched is a store that can be out of reach, and that remembers tags.
type switched struct {
	driver.Store
	down atomic.Bool

	mu   sync.Mutex
	tags []string
}

var errDown = errors.New("connection refused")

func (s *switched) Invalidate(ctx context.Context, what driver.Invalidation) (driver.Invalidated, error) {
	if s.down.Load() {
		return driver.Invalidated{}, errDown
	}
	s.mu.Lock()
	s.tags = append(s.tags, what.Tags...)
	s.mu.Unlock()
	return s.Store.Invalidate(ctx, what)
}

func (s *switched) seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.tags)
}

func memory(t *testing.T) (*switched, *cache.Client) {
	t.Helper()
	s := &switched{Store: locmem.New(nil)}
	c, err := cache.New(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return s, c
}

func named(tags ...string) invalidate.Names { return invalidate.Names{Tags: tags} }

// The row is the writer's, in its transaction: it is gone when the writer has
// delivered it, or rolled back, and stays when the writer could not.
func TestJournal(t *testing.T) {
	onDatabases(t, func(t *testing.T, d *database) {
		store, c := memory(t)
		opts := d.options(map[string]cache.Cache{"main": c})
		opts.Grace = time.Millisecond
		box := d.open(t, opts)
		writes := invalidate.NewDB(d.DB, &invalidate.Options{Journal: box})
		if err := write(t.Context(), d, writes, 1, 1, invalidate.Scoped{Cache: c, Names: named("a")}); err != nil {
			t.Fatal(err)
		}
		if got := store.seen(); !slices.Equal(got, []string{"a"}) || d.rows(t) != 0 {
			t.Errorf("got tags %v, %d rows, want a and none", got, d.rows(t))
		}
		no := errors.New("no")
		err := writes.InTx(t.Context(), nil, func(ctx context.Context, _ *invalidate.Tx) error {
			return errors.Join(no, invalidate.Drop(ctx, c, named("rolled back")))
		})
		if !errors.Is(err, no) || d.rows(t) != 0 {
			t.Errorf("got %v, %d rows, want none", err, d.rows(t))
		}

		store.down.Store(true)
		var pending *invalidate.PendingError
		err = write(t.Context(), d, writes, 1, 2, invalidate.Scoped{Cache: c, Names: named("b")})
		if !errors.As(err, &pending) || !pending.Recorded || d.rows(t) != 1 {
			t.Errorf("got %v, %d rows, want it pending and recorded", err, d.rows(t))
		}
		eventually(t, func() bool { // the writer's grace ends
			_, err = box.Deliver(t.Context())
			return err != nil
		})
		if !errors.Is(err, errDown) || d.rows(t) != 1 {
			t.Errorf("while the cache is down: got %v, %d rows", err, d.rows(t))
		}
		store.down.Store(false)
		if n, err := box.Deliver(t.Context()); n != 1 || err != nil || d.rows(t) != 0 {
			t.Errorf("got %d, %v, %d rows", n, err, d.rows(t))
		}
		if got := store.seen(); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("got tags %v, want a and b", got)
		}
		_, other := memory(t)
		err = write(t.Context(), d, writes, 1, 3, invalidate.Scoped{Cache: other, Names: named("c")})
		if !errors.Is(err, outbox.ErrUnknownCache) {
			t.Errorf("got %v, want ErrUnknownCache", err)
		}
	})
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not happen")
		}
	}
}

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
		for _, want := range []int{3, 1, 0} {
			if n, err := box.Deliver(t.Context()); n != want || err != nil {
				t.Errorf("got %d, %v, want %d", n, err, want)
			}
		}
		if got := store.seen(); !slices.Equal(got, []string{"1", binary, "3"}) {
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

// With replicas that lag a row is left that is due later.
func TestReplicaLag(t *testing.T) {
	onDatabases(t, func(t *testing.T, d *database) {
		store, c := memory(t)
		box := d.open(t, d.options(map[string]cache.Cache{"main": c}))
		writes := invalidate.NewDB(d.DB, &invalidate.Options{Journal: box, ReplicaLag: 50 * time.Millisecond})
		if err := write(t.Context(), d, writes, 1, 1, invalidate.Scoped{Cache: c, Names: named("a")}); err != nil {
			t.Fatal(err)
		}
		if got := store.seen(); len(got) != 1 || d.rows(t) != 1 {
			t.Errorf("got tags %v and %d rows, want one of each", got, d.rows(t))
		}
		eventually(t, func() bool {
			_, err := box.Deliver(t.Context())
			return err == nil && d.rows(t) == 0
		})
		if got := store.seen(); !slices.Equal(got, []string{"a", "a"}) {
			t.Errorf("got tags %v, want a twice", got)
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
	relay.Go(func() { _ = box.Run(ctx) })
	for i := range 3 {
		if _, err := d.ExecContext(t.Context(), "INSERT INTO "+d.table()+` (cache, names) VALUES ('main', '{"tags": ["t"]}')`); err != nil {
			t.Fatal(err)
		}
		eventually(t, func() bool { return len(store.seen()) == i+1 })
	}
	stop()
	relay.Wait()
	if _, err := pgnotify.New("postgres://u:secret@[::1:x", "c"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v, want an error without the password", err)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	db, err := openSQL(t, "sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	_, c := memory(t)
	caches := map[string]cache.Cache{"main": c}
	for want, opts := range map[string]outbox.Options{
		"dialect":    {Caches: caches},
		"Caches":     {Dialect: outbox.SQLite},
		"is not nil": {Dialect: outbox.SQLite, Caches: map[string]cache.Cache{"x": nil}},
		"Table":      {Dialect: outbox.SQLite, Caches: caches, Table: "x; DROP TABLE y"},
		"Poll":       {Dialect: outbox.SQLite, Caches: caches, Poll: -1},
		"Batch":      {Dialect: outbox.SQLite, Caches: caches, Batch: -1},
	} {
		if _, err := outbox.New(db, opts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	if _, err := outbox.New(nil, outbox.Options{Dialect: outbox.SQLite, Caches: caches}); err == nil {
		t.Error("without a database: got no error")
	}
}
