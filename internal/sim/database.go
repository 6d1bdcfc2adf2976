package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/stratacache/strata/cache"
)

// database is the truth: a version for each row, and what was invalidated when.
type database struct {
	mu     sync.Mutex // of rows: actors look at them
	rows   []int
	set    []int // the last number that each node's own key was set to
	loads  int   // gives each reading a number
	floors map[string][]floor
}

// floor is a version that was committed before an invalidation which has done
// its effect: nothing older may be read from then on.
type floor struct {
	version int
	by      *process
	at      time.Time
	expired bool // only: older may still be served as stale
}

// Versions that a row does not exist in are as good as others: the loader says
// that there is nothing.
func exists(version int) bool { return version%4 != 3 }

func rowKey(row int) string { return "k" + strconv.Itoa(row) }

// tagsOf are the tags of a row's value. The last is found out by the loader.
func tagsOf(row int) []string { return []string{"t" + strconv.Itoa(row), "all"} }

// ownKey is the key that only one node sets, and only one actor of it.
func ownKey(node int) string { return "s" + strconv.Itoa(node) }

var (
	errNoVersion = errors.New("sim: no version")
	errDatabase  = errors.New("sim: the database does not answer")
)

// value is what a reading of a row is stored as: key, version, and who read it.
func value(key string, version, load int) string {
	return fmt.Sprintf("%s=%d#%d", key, version, load)
}

// versionOf is the version in a value, which must be whole and the key's own.
func versionOf(key string, b []byte) (int, error) {
	rest, own := strings.CutPrefix(string(b), key+"=")
	number, load, whole := strings.Cut(rest, "#")
	version, err := strconv.Atoi(number)
	_, lerr := strconv.Atoi(load)
	if !own || !whole || err != nil || lerr != nil {
		return 0, fmt.Errorf("%w: %q under %s", errNoVersion, b, key)
	}
	return version, nil
}

// db makes a call to the database.
func (w *world) dbCall(ctx context.Context, what string, args []any, do func()) error {
	return w.park(ctx, &call{what: what, args: args, steps: []func(){do}})
}

// read reads a row: its version, and the number of the reading.
func (w *world) read(ctx context.Context, row int) (version, load int, err error) {
	var at, number int // not the results: what is late may still be done
	err = w.dbCall(ctx, "read row %d", []any{row}, func() {
		w.db.loads++
		at, number = w.db.rows[row], w.db.loads
	})
	if err != nil {
		return 0, 0, err
	}
	return at, number, nil
}

// commit writes rows in one transaction, and returns their versions.
func (w *world) commit(ctx context.Context, rows []int) (versions []int, err error) {
	var written []int
	err = w.dbCall(ctx, "commit rows %v", []any{rows}, func() {
		w.db.mu.Lock()
		defer w.db.mu.Unlock()
		for _, r := range rows {
			w.db.rows[r]++
			written = append(written, w.db.rows[r])
		}
	})
	if err != nil {
		return nil, err
	}
	return written, nil
}

// committed is what the rows are now.
func (d *database) committed() []int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.rows)
}

// floor is the oldest version under key that a read of p may return which
// begins now: none that p itself has invalidated, and none that somebody else
// has longer ago than bound. A read that may have what is stale may have what only
// expired.
func (w *world) floor(p *process, key string, bound time.Duration, stale bool) int {
	least := 0
	for _, f := range w.db.floors[key] {
		if (f.by == p || bound == 0 || time.Since(f.at) > bound) && !(stale && f.expired) {
			least = max(least, f.version)
		}
	}
	return least
}

// raise notes that p has invalidated what is older, or has it expired.
func (w *world) raise(p *process, key string, version int, expired bool) {
	w.db.floors[key] = append(w.db.floors[key], floor{version, p, time.Now(), expired})
}

// loaderOf loads a row in one of several ways, drawn beforehand.
type loaderOf struct {
	w           *world
	p           *process
	fails, slow bool
	renews      bool
}

func (l loaderOf) load(ctx context.Context, row int) ([]byte, error) {
	version, load, err := l.read(ctx, row)
	if err != nil {
		return nil, err
	}
	if err := cache.Loading(ctx).AddTags(tagsOf(row)[1]); err != nil {
		return nil, err
	}
	if !exists(version) {
		return nil, fmt.Errorf("row %d: %w", row, cache.ErrNotFound)
	}
	if b, ok := cache.Previous[[]byte](ctx); ok && l.renews {
		if v, err := versionOf(rowKey(row), b); err == nil && v == version {
			return nil, cache.ErrNotModified
		}
	}
	made := value(rowKey(row), version, load)
	l.p.made(ctx, made)
	return []byte(made), nil
}

func (l loaderOf) read(ctx context.Context, row int) (version, load int, err error) {
	version, load, err = l.w.read(ctx, row)
	if err == nil && l.slow {
		err = l.w.dbCall(ctx, "goes on loading row %d", []any{row}, func() {})
	}
	if err == nil && l.fails {
		err = errDatabase
	}
	return version, load, err
}

// loadMany loads rows one after another.
func (l loaderOf) loadMany(ctx context.Context, keys []string) (map[string][]byte, error) {
	out := make(map[string][]byte)
	for row := range l.w.rows {
		if !slices.Contains(keys, rowKey(row)) {
			continue
		}
		version, load, err := l.read(ctx, row)
		if err != nil {
			return nil, err
		}
		if err := cache.Loading(ctx).AddTags(tagsOf(row)[0]); err != nil {
			return nil, err
		}
		if exists(version) {
			made := value(rowKey(row), version, load)
			l.p.made(ctx, made)
			out[rowKey(row)] = []byte(made)
		}
	}
	return out, nil
}
