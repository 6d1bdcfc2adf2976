package httpcache_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache/driver"
)

// broken is a store that can be told to fail or to hang.
type broken struct {
	driver.Store
	fail, hang atomic.Bool
	noFence    atomic.Bool  // fail where a load begins
	slow       atomic.Int64 // how long the next plain read takes to come back
}

func (b *broken) fault(ctx context.Context) error {
	if b.hang.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	if b.fail.Load() {
		return errors.New("connection refused")
	}
	return nil
}

func (b *broken) Get(ctx context.Context, key driver.Key, hold time.Duration) (driver.Reading, error) {
	if err := b.fault(ctx); err != nil {
		return driver.Reading{}, err
	}
	if hold > 0 && b.noFence.Load() {
		return driver.Reading{}, errors.New("read-only")
	}
	r, err := b.Store.Get(ctx, key, hold)
	if hold == 0 {
		time.Sleep(time.Duration(b.slow.Swap(0)))
	}
	return r, err
}

func (b *broken) Put(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) (driver.Result, error) {
	if err := b.fault(ctx); err != nil {
		return driver.Result{}, err
	}
	return b.Store.Put(ctx, key, e, mode, token)
}

func (b *broken) Invalidate(ctx context.Context, what driver.Invalidation) (driver.Invalidated, error) {
	if err := b.fault(ctx); err != nil {
		return driver.Invalidated{}, err
	}
	return b.Store.Invalidate(ctx, what)
}

// TestStoreDown: a store that fails or hangs costs a bounded time and nothing
// else; pages that travel as bytes come back whole.
func TestStoreDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &broken{Store: locmem.New(nil)}
		o := &origin{header: []string{"Content-Type", "text/plain", "X-A", "1", "X-A", "2"}}
		h := over(t, open(t, store), nil).View(time.Minute, nil).Handler(o)
		wantEqual(t, "first", get(t, h, "/", "/"), "run 1, run 1")
		wantEqual(t, "X-A from bytes", strings.Join(do(h, request("/")).Header["X-A"], ","), "1,2")

		store.fail.Store(true)
		resp := do(h, request("/"))
		wantEqual(t, "status", resp.StatusCode, 200)
		wantEqual(t, "body", bodyOf(t, resp), "run 2")
		wantStatus(t, resp, "Strata; fwd=bypass; detail=store")
		wantEqual(t, "POST", do(h, requestOf(http.MethodPost, "/")).StatusCode, 200)

		store.fail.Store(false)
		store.hang.Store(true)
		began := time.Now()
		wantEqual(t, "body", get(t, h, "/"), "run 4")
		wantEqual(t, "waited", time.Since(began), 500*time.Millisecond)

		store.hang.Store(false)
		wantEqual(t, "healed", get(t, h, "/"), "run 5") // what was stored is outdated since the POST, which the store could not be told
	})
}

// TestStoreHangsWhileFilling: the response is with the client all the same.
func TestStoreHangsWhileFilling(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &broken{Store: locmem.New(nil)}
		h := over(t, open(t, store), nil).View(time.Minute, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			store.hang.Store(true)
			_, _ = io.WriteString(w, "page")
		}))
		began := time.Now()
		wantEqual(t, "body", get(t, h, "/"), "page")
		wantEqual(t, "took", time.Since(began), 500*time.Millisecond)
	})
}

// TestStoreReadOnly: where nothing can be stored, nobody waits for it.
func TestStoreReadOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &broken{Store: locmem.New(nil)}
		store.noFence.Store(true)
		h := over(t, open(t, store), nil).View(time.Minute, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Second)
			_, _ = io.WriteString(w, "page")
		}))
		began := time.Now()
		for _, w := range together(h, 5, func(int) *http.Request { return request("/") }) {
			wantEqual(t, "body", w.Body.String(), "page")
		}
		wantEqual(t, "took", time.Since(began), time.Second)
	})
}

// TestLateLeader: a request whose first look came back before the page was
// stored, and who leads after it was, does not run the handler again; and one
// that finds another variant there stores its own beside it.
func TestLateLeader(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, vary, late string
		hit              bool
	}{
		{"the same page", "", "1", true},
		{"the same variant", "X-A", "1", true},
		{"another variant", "X-A", "2", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := &broken{Store: locmem.New(nil)}
				o := &origin{}
				if tt.vary != "" {
					o.header = []string{"Vary", tt.vary}
				}
				h := over(t, open(t, store), nil).View(time.Minute, nil).Handler(o)
				store.slow.Store(int64(100 * time.Millisecond))
				late := make(chan *http.Response)
				go func() { late <- do(h, request("/", "X-A", tt.late)) }()
				synctest.Wait()
				do(h, request("/", "X-A", "1"))
				isHit := func(resp *http.Response) bool {
					return strings.HasPrefix(resp.Header.Get("Cache-Status"), "Strata; hit")
				}
				wantEqual(t, "the late one is a hit", isHit(<-late), tt.hit)
				for _, a := range []string{"1", tt.late} {
					wantEqual(t, "then variant "+a+" is a hit", isHit(do(h, request("/", "X-A", a))), true)
				}
			})
		})
	}
}
