package fragment_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/cache"
)

// A panic in a body, which a range over a function lets through, leaves nobody
// waiting.
func TestPanickingBlock(t *testing.T) {
	t.Parallel()
	p := parsePage(t, `{{if cache "out" "5m"}}half{{range .}}x{{end}}{{end}}`, nil)
	func() {
		defer func() { _ = recover() }()
		_, err := p.try(t, func(func(int) bool) { panic("at the disco") })
		t.Logf("no panic but %v", err)
	}()
	if got := p.get(t, func(yield func(int) bool) { yield(1) }); got != "halfx" {
		t.Errorf("then: got %s", got)
	}
}

// A herd renders a block once, and the others are given its output. FRAG-030.
func TestHerdRendersABlockOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := parsePage(t, `{{if cache "slow" "5m" (vary .)}}{{sleep}}{{.}} {{count}}{{end}}`, nil)
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				if got := p.get(t, i%4); !strings.HasPrefix(got, fmt.Sprintf("%d ", i%4)) {
					t.Errorf("got %s for %d", got, i%4)
				}
			})
		}
		wg.Wait()
		if n := p.rendered.Load(); n != 4 {
			t.Errorf("rendered %d times, want 4", n)
		}
	})
}

// Who renders a block may lose interest: those that wait have it all the same.
func TestBlockOutlivesItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := parsePage(t, `{{if cache "slow" "5m"}}{{sleep}}{{count}}{{end}}`, nil)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _ = p.Execute(ctx, &bytes.Buffer{}, "page", nil) })
		synctest.Wait()
		wg.Go(func() {
			if got := p.get(t, nil); got != "1" {
				t.Errorf("got %s, want the first one's", got)
			}
		})
		synctest.Wait()
		cancel()
		wg.Wait()
	})
}

// A block that was invalidated while it was rendered is not stored.
func TestBlockInvalidatedMeanwhile(t *testing.T) {
	t.Parallel()
	p := parsePage(t, `{{if cache "b" "5m" (tags "t")}}{{count}}{{.}}{{end}}`, nil)
	during := stringer(func() string {
		if err := p.client.Invalidate(t.Context(), "t"); err != nil {
			t.Error(err)
		}
		return "old"
	})
	if got := p.get(t, during); got != "1old" {
		t.Errorf("got %s, want what was rendered", got)
	}
	if got := p.get(t, "new"); got != "2new" {
		t.Errorf("then: got %s, want it rendered anew", got)
	}
}

type stringer func() string

func (s stringer) String() string { return s() }

// Where the cache keeps stale values, the first that finds a block past its time,
// or its tag expired, renders it, and the others are shown what there was.
func TestStaleBlockForTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := parseWith(t, `{{if cache "out" "1h"}}{{if cache "b" "10m" (tags "t")}}{{sleep}}{{count}}{{end}}{{end}}`, nil, &cache.Options{Stale: time.Hour})
		p.get(t, nil)
		for i, end := range []func() error{
			func() error { return p.client.Expire(t.Context(), "t") },
			func() error { time.Sleep(20 * time.Minute); return nil },
		} {
			if err := end(); err != nil {
				t.Fatal(err)
			}
			old, new := fmt.Sprint(i+1), fmt.Sprint(i+2)
			var wg sync.WaitGroup
			began := time.Now()
			wg.Go(func() {
				if got := p.get(t, nil); got != new {
					t.Errorf("the first: got %s, want %s", got, new)
				}
			})
			synctest.Wait()
			for range 3 {
				if got := p.get(t, nil); got != old || time.Since(began) > 0 {
					t.Errorf("another: got %s after %v, want %s at once", got, time.Since(began), old)
				}
			}
			wg.Wait()
			if got := p.get(t, nil); got != new {
				t.Errorf("then: got %s, want %s", got, new)
			}
		}
		// What was invalidated is shown to nobody, and who renders may fail.
		if err := p.client.Invalidate(t.Context(), "t"); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if got := p.get(t, nil); got != "4" {
					t.Errorf("invalidated: got %s, want 4", got)
				}
			})
		}
		wg.Wait()
	})
}

// Stale blocks are rendered by the first that finds them so.
func TestStaleBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := parseWith(t, `{{if cache "b" "1m"}}{{count}}{{end}}`, nil, &cache.Options{Stale: time.Hour, EarlyRefresh: 1})
		p.get(t, nil)
		time.Sleep(2 * time.Minute)
		if got := p.get(t, nil); got != "2" {
			t.Errorf("got %s, want 2", got)
		}
	})
}
