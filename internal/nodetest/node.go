package nodetest

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

// runNode is one of the processes.
func runNode(t *testing.T, dir string, s driver.Store) {
	c, err := cache.New(s, &cache.Options{Near: []cache.Tier{{Store: locmem.New(nil)}}, Staleness: bound})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	r := &run{dir: dir, cache: c, values: cache.For[record](c)}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { r.read(ctx) })
	}
	for commands := bufio.NewScanner(os.Stdin); commands.Scan(); {
		var verb string
		var row int
		if _, err := fmt.Sscan(commands.Text(), &verb, &row); err != nil {
			t.Fatal(err)
		}
		for err := r.write(ctx, verb, row); err != nil; err = r.write(ctx, verb, row) {
			time.Sleep(5 * time.Millisecond) // the server is down
		}
		r.check(ctx, row)
		fmt.Println("done")
	}
	stop()
	wg.Wait()
	for _, wrong := range r.wrong {
		fmt.Println(wrong)
	}
	fmt.Printf("reads: %d, near: %d\n", r.reads, c.Stats().NearHits)
}

// record is no number: those are not copied into memory.
type record struct{ Version int }

// run is what a process knows.
type run struct {
	dir    string
	cache  cache.Cache
	values cache.Typed[record]

	mu    sync.Mutex
	own   [rows]int // acknowledged to this process
	reads int
	wrong []string
}

func (r *run) version(row int) (int, error) {
	text, err := os.ReadFile(rowFile(r.dir, row))
	if os.IsNotExist(err) {
		return 0, nil
	}
	var version int
	_, err = fmt.Sscan(string(text), &version)
	return version, err
}

func (r *run) write(ctx context.Context, verb string, row int) error {
	key := fmt.Sprint("row-", row)
	version, err := r.version(row)
	switch {
	case err != nil:
		return err
	case verb == "set":
		err = r.values.Set(ctx, key, record{version}, cache.TTL(time.Minute))
	case verb == "delete":
		_, err = r.values.Delete(ctx, key)
	default:
		err = r.cache.Invalidate(ctx, "tag of "+key)
	}
	if err == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.own[row] = max(r.own[row], version)
	}
	return err
}

func (r *run) read(ctx context.Context) {
	for row := 0; ctx.Err() == nil; row = (row + 1) % rows {
		r.check(ctx, row)
		time.Sleep(time.Millisecond)
	}
}

// check reads a row.
func (r *run) check(ctx context.Context, row int) {
	all := floors(r.dir)[row]
	r.mu.Lock()
	own := r.own[row]
	r.mu.Unlock()
	key := fmt.Sprint("row-", row)
	load := func(context.Context) (record, error) {
		v, err := r.version(row)
		return record{v}, err
	}
	v, err := r.values.GetOrSet(ctx, key, load, cache.TTL(time.Minute), cache.Tags("tag of "+key))
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		return // it says nothing
	}
	r.reads++
	if v.Version < all || v.Version < own {
		r.wrong = append(r.wrong, fmt.Sprintf("row %d: got version %d, but %d was acknowledged here and %d longer ago than the bound", row, v.Version, own, all))
	}
}
