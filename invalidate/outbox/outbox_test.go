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
	"github.com/stratacache/strata/invalidate"
	"github.com/stratacache/strata/invalidate/outbox"
)

// switched is a store that can be out of reach, with the tags that its cache has
// invalidated; those that expire are "expire:…".
type switched struct {
	driver.Store
	down atomic.Bool

	mu    sync.Mutex
	tags  []string
	stuck func() // what the next invalidation waits for
}

func (s *switched) stick(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stuck = f
}

var errDown = errors.New("connection refused")

func (s *switched) Invalidate(ctx context.Context, what driver.Invalidation) (driver.Invalidated, error) {
	if s.down.Load() {
		return driver.Invalidated{}, errDown
	}
	s.mu.Lock()
	stuck := s.stuck
	s.stuck = nil
	s.mu.Unlock()
	if stuck != nil {
		stuck()
		if ctx.Err() != nil {
			return driver.Invalidated{}, ctx.Err()
		}
	}
	return s.Store.Invalidate(ctx, what)
}

func (s *switched) note(_ context.Context, info cache.InvalidateInfo) {
	if info.Err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range info.Tags {
		if info.Expire {
			t = "expire:" + t
		}
		s.tags = append(s.tags, t)
	}
}

func (s *switched) seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.tags)
}

func memory(t *testing.T) (*switched, *cache.Client) {
	t.Helper()
	s := &switched{Store: locmem.New(nil)}
	c, err := cache.New(s, &cache.Options{Hooks: cache.Hooks{Invalidate: s.note}})
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
