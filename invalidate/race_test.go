package invalidate_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/invalidate"
)

// A reader that has read the old row cannot store it after the commit, wherever
// it was when the writer committed. INV-012, INV-030, BUG-21.
func TestReaderWhileTheWriterCommits(t *testing.T) {
	onDatabases(t, nil, func(t *testing.T, d *database) {
		d.exec(t, d.sql, "INSERT INTO notes VALUES (1, 'ann')")
		var wg sync.WaitGroup
		read, committed := make(chan struct{}), make(chan struct{})
		wg.Go(func() {
			got, err := d.owners.GetOrSet(t.Context(), "1", func(ctx context.Context) (string, error) {
				owner, err := d.ownerIn(ctx, d.sql, 1)
				close(read)
				<-committed
				return owner, err
			}, cache.Tags(invalidate.Tag("note", 1)))
			if got != "ann" || err != nil { // it began before the write
				t.Errorf("the reader: got %s, %v, want ann", got, err)
			}
		})
		<-read
		err := d.InTx(t.Context(), nil, func(ctx context.Context, _ *invalidate.Tx) error {
			d.give(t, ctx, 1, "bob")
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		close(committed)
		wg.Wait()
		d.want(t, 1, "bob", false)
		d.want(t, 1, "bob", true)
	})
}

// A transaction whose view of the database is older than the last commit stores
// nothing of it.
func TestOldSnapshotIsNotStored(t *testing.T) {
	onDatabases(t, nil, func(t *testing.T, d *database) {
		d.exec(t, d.sql, "INSERT INTO notes VALUES (1, 'ann')")
		opts := &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
		err := d.InTx(t.Context(), opts, func(ctx context.Context, tx *invalidate.Tx) error {
			if got, err := d.ownerIn(ctx, tx, 1); got != "ann" || err != nil {
				t.Error(got, err)
			}
			err := d.InTx(t.Context(), nil, func(ctx context.Context, _ *invalidate.Tx) error {
				d.give(t, ctx, 1, "bob")
				return nil
			})
			if err != nil {
				return err
			}
			if got, err := d.owner(ctx, 1); got != "ann" || err != nil {
				t.Errorf("in the old snapshot: got %s, %v, want ann", got, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		d.want(t, 1, "bob", false)
	})
}

// Many writers, some of which change their minds, and many readers: whoever reads
// after a commit sees it, and nobody sees what was not committed.
func TestWritersAndReaders(t *testing.T) {
	onDatabases(t, nil, func(t *testing.T, d *database) {
		d.exec(t, d.sql, "INSERT INTO notes VALUES (1, '0'), (2, '0')")
		var committed [3]atomic.Int64
		var writers, readers sync.WaitGroup
		done := make(chan struct{})
		for id := 1; id <= 2; id++ {
			writers.Go(func() { // one for each note, so that its owner counts up
				for i := range int64(40) {
					err := d.InTx(t.Context(), nil, func(ctx context.Context, _ *invalidate.Tx) error {
						d.give(t, ctx, id, "-1")
						if got, err := d.owner(ctx, id); got != "-1" || err != nil {
							t.Errorf("inside: got %s, %v", got, err)
						}
						_ = d.InTx(ctx, nil, func(ctx context.Context, _ *invalidate.Tx) error {
							d.give(t, ctx, id, "-2")
							return errNo
						})
						if i%3 == 0 {
							return errNo
						}
						d.give(t, ctx, id, fmt.Sprint(i))
						return nil
					})
					if err == nil {
						committed[id].Store(i)
					} else if !errors.Is(err, errNo) {
						t.Error(err)
					}
				}
			})
		}
		for range 4 {
			readers.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
					}
					id := 1 + rand.IntN(2)
					least := committed[id].Load()
					got, err := d.owner(t.Context(), id)
					if n, _ := strconv.ParseInt(got, 10, 64); n < least || err != nil {
						t.Errorf("note %d: got %s, %v, want at least %d", id, got, err, least)
						return
					}
				}
			})
		}
		writers.Wait()
		close(done)
		readers.Wait()
	})
}

// With replicas that lag, what was written is invalidated twice.
func TestReplicaLag(t *testing.T) {
	onDatabases(t, &invalidate.Options{ReplicaLag: time.Minute}, func(t *testing.T, d *database) {
		d.exec(t, d.sql, "INSERT INTO notes VALUES (1, 'ann')")
		err := d.InTx(t.Context(), nil, func(ctx context.Context, _ *invalidate.Tx) error {
			d.give(t, ctx, 1, "bob")
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		replica := func(context.Context) (string, error) { return "ann", nil } // it lags
		if _, err := d.owners.GetOrSet(t.Context(), "1", replica, cache.Tags(invalidate.Tag("note", 1))); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // what remains is done at once
		if err := d.Close(ctx); err != nil {
			t.Fatal(err)
		}
		d.want(t, 1, "bob", false)
	})
}

// A write that stands while the cache is down says so, and names what is
// pending for each cache once.
func TestCommitWhileTheCacheIsDown(t *testing.T) {
	t.Parallel()
	down := &flaky{Store: locmem.New(nil), failures: 1e9}
	c, _ := cache.New(down, nil)
	defer c.Close(t.Context())
	ctx, unit := invalidate.Collect(t.Context())
	for range 3 {
		if err := invalidate.Drop(ctx, c, invalidate.Names{Keys: []string{"k", "k"}, Tags: []string{"b", "a"}, Expire: []string{"c", "a"}}); err != nil {
			t.Fatal(err)
		}
	}
	if got := unit.What(); len(got) != 1 || len(got[0].Names.Keys) != 1 || !slices.Equal(got[0].Names.Tags, []string{"a", "b"}) {
		t.Errorf("got %v, want each name once", got)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	var pending *invalidate.PendingError
	if err := unit.Commit(canceled, nil); !errors.As(err, &pending) || !strings.Contains(err.Error(), "1 keys and 3 tags") {
		t.Errorf("got %v, want a *PendingError", err)
	}
	down.failures = 0
	if err := pending.Retry(t.Context()); err != nil {
		t.Error(err)
	}
	if err := unit.Commit(t.Context(), nil); err != nil {
		t.Errorf("once more: %v", err)
	}
}
