package httpcache_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/cache"
)

// A request in a transaction, as package invalidate makes them, gets no page once
// that wrote, stores none, keeps nobody waiting and begins nothing that would
// outlive it. INV-035, INV-051.
func TestRequestInATransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, nil)
		pages := over(t, c, nil)
		o := &origin{header: []string{"Cache-Control", "max-age=10, stale-while-revalidate=60", "Content-Type", "text/plain"}}
		h := pages.Handler(o)
		access := cache.ReadOnly
		in := func(target string) *http.Request {
			return request(target).WithContext(cache.WithAccess(t.Context(), func() cache.Access { return access }))
		}
		wantEqual(t, "in it", bodyOf(t, do(h, in("/"))), "run 1")
		wantEqual(t, "for others it was not stored", get(t, h, "/", "/"), "run 2, run 2")
		wantEqual(t, "it reads what is stored", bodyOf(t, do(h, in("/"))), "run 2")
		access = cache.NoAccess
		wantEqual(t, "until it wrote", bodyOf(t, do(h, in("/"))), "run 3")
		wantEqual(t, "others have the page", get(t, h, "/"), "run 2")

		access = cache.ReadOnly
		time.Sleep(20 * time.Second)
		wantEqual(t, "stale", bodyOf(t, do(h, in("/"))), "run 2")
		if synctest.Wait(); o.runs.Load() != 3 {
			t.Errorf("the handler ran %d times, want 3: no refresh from within", o.runs.Load())
		}

		// One in a transaction waits for nobody, and nobody for it.
		slow := pages.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			o.ServeHTTP(w, r)
		}))
		began := time.Now()
		for _, r := range []*http.Request{in("/slow"), in("/slow"), request("/slow")} {
			go do(slow, r)
		}
		time.Sleep(1500 * time.Millisecond)
		if synctest.Wait(); o.runs.Load() != 6 {
			t.Errorf("%d runs %v later, want three at once", o.runs.Load()-3, time.Since(began))
		}
		if err := pages.SoftPurge(in("/slow").Context(), "http://example.com/slow"); err != nil {
			t.Error(err)
		}
		wantStatus(t, do(h, request("/slow")), "Strata; hit; ttl=0")
		synctest.Wait()
	})
}
