package outbox_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/filestore"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/invalidate"
	"github.com/stratacache/strata/invalidate/outbox"
)

// Writers die between their commit and the invalidation, and relays in the
// middle of a batch: 200 processes, and nothing is lost.
func TestKilledWritersAndRelays(t *testing.T) {
	onDatabases(t, func(t *testing.T, d *database) {
		rounds := map[outbox.Dialect]int{outbox.SQLite: 40, outbox.PostgreSQL: 30, outbox.MySQL: 30}[d.dialect]
		if testing.Short() {
			rounds = 3
		}
		dir := t.TempDir()
		caches, clients := openCaches(t, dir, 0)
		defer closeCaches(t, clients)
		opts := d.options(caches)
		opts.Grace = time.Millisecond
		box := d.open(t, opts)
		const notes = 5
		for id := range notes {
			if _, err := d.ExecContext(t.Context(), d.query("INSERT INTO notes VALUES (?, 0)"), id); err != nil {
				t.Fatal(err)
			}
		}
		read := func(name string, id int) int {
			t.Helper()
			state, err := cache.For[int](caches[name]).GetOrSet(t.Context(), key(id), func(ctx context.Context) (n int, _ error) {
				return n, d.QueryRowContext(ctx, d.query("SELECT state FROM notes WHERE id = ?"), id).Scan(&n)
			}, cache.Tags(invalidate.Tag("note", id)), cache.TTL(cache.Forever))
			if err != nil {
				t.Error(err)
			}
			return state
		}
		kills := 0
		for round := 1; round <= rounds; round++ {
			id := round % notes
			for name := range caches {
				read(name, id) // the old state is cached
			}
			kill(t, d, dir, "writer", id, round, 1)
			// The relay has two caches with a tag and a key each to invalidate: it dies
			// before, between or after them.
			kill(t, d, dir, "relay", id, round, 1+round%5)
			kills += 2
			if round%3 > 0 {
				continue // what is left is delivered together with the next one's
			}
			for {
				n, err := box.Deliver(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if n == 0 && d.rows(t) == 0 {
					break
				}
			}
			for r := round - 2; r <= round; r++ {
				for name := range caches {
					if got := read(name, r%notes); got != r {
						t.Fatalf("after %d kills: cache %s has state %d of note %d, want %d", kills, name, got, r%notes, r)
					}
				}
			}
		}
		t.Logf("%d processes killed", kills)
	})
}

func key(id int) string { return "note" + strconv.Itoa(id) }

// kill runs a process that kills itself when it invalidates for the n-th time.
func kill(t *testing.T, d *database, dir, role string, id, state, n int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "OUTBOX_ROLE="+role, "OUTBOX_DRIVER="+d.driver, "OUTBOX_SOURCE="+d.source, "OUTBOX_SUFFIX="+d.suffix,
		"OUTBOX_DIR="+dir, fmt.Sprintf("OUTBOX_ARGS=%d %d %d", id, state, n))
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signal() == syscall.SIGKILL {
			return
		}
	}
	t.Fatalf("%s: got %v, want it killed\n%s", role, err, &said)
}

// victim is the program of the processes that are killed.
func victim() {
	var id, state, n int
	_, _ = fmt.Sscan(os.Getenv("OUTBOX_ARGS"), &id, &state, &n)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	fail := func(err error) {
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	d := &database{kind: kindOf(os.Getenv("OUTBOX_DRIVER")), suffix: os.Getenv("OUTBOX_SUFFIX")}
	var err error
	d.DB, err = sql.Open(d.driver, os.Getenv("OUTBOX_SOURCE"))
	fail(err)
	caches, _ := openCaches(nil, os.Getenv("OUTBOX_DIR"), n)
	opts := d.options(caches)
	opts.Grace = time.Millisecond
	box, err := outbox.New(d.DB, opts)
	fail(err)
	switch os.Getenv("OUTBOX_ROLE") {
	case "writer":
		names := invalidate.Names{Keys: []string{key(id)}, Tags: []string{invalidate.Tag("note", id)}}
		var drop []invalidate.Scoped
		for _, c := range caches {
			drop = append(drop, invalidate.Scoped{Cache: c, Names: names})
		}
		fail(write(ctx, d, invalidate.NewDB(d.DB, &invalidate.Options{Journal: box}), id, state, drop...))
	case "relay":
		for {
			_, err := box.Deliver(ctx)
			fail(err)
		}
	}
}

// openCaches opens two caches that all processes share. The process dies at its
// n-th invalidation, if n is positive: the first four before it is done, and the
// fifth, which is the fourth, afterwards.
func openCaches(t testing.TB, dir string, n int) (map[string]cache.Cache, []*cache.Client) {
	caches, clients := map[string]cache.Cache{}, []*cache.Client{}
	left := n
	for _, name := range []string{"main", "other"} {
		store, err := filestore.New(filepath.Join(dir, name), nil)
		if err == nil {
			var c *cache.Client
			if c, err = cache.New(&deadly{store, n, &left}, nil); err == nil {
				caches[name], clients = c, append(clients, c)
			}
		}
		if err != nil && t != nil {
			t.Fatal(err)
		} else if err != nil {
			panic(err)
		}
	}
	return caches, clients
}

func closeCaches(t testing.TB, clients []*cache.Client) {
	for _, c := range clients {
		if err := c.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

type deadly struct {
	driver.Store
	n    int
	left *int
}

func (s *deadly) Invalidate(ctx context.Context, what driver.Invalidation) (driver.Invalidated, error) {
	if s.n == 0 {
		return s.Store.Invalidate(ctx, what)
	}
	*s.left--
	if *s.left == 0 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	r, err := s.Store.Invalidate(ctx, what)
	if s.n == 5 && *s.left == 1 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	return r, err
}
