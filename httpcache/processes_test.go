package httpcache_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/backends/redisstore"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/httpcache"
	"github.com/stratacache/strata/internal/nodetest"
	"github.com/stratacache/strata/internal/servertest"
)

// A hundred requests for one cold page in each of four servers, each a process,
// run the handler once.
func TestFourServersMakeOnePage(t *testing.T) {
	if addr := os.Getenv("STRATA_SERVER"); addr != "" {
		server(t, addr)
		return
	}
	t.Parallel()
	addr := servertest.SharedRedis(t)
	sum := 0
	for i, said := range nodetest.Together(t, 4, "STRATA_SERVER="+addr, "STRATA_NAMESPACE=servers-"+rand.Text()) {
		var runs int
		if _, err := fmt.Sscan(said, &runs); err != nil {
			t.Fatalf("process %d said %q", i, said)
		}
		sum += runs
	}
	wantEqual(t, "runs of the handler in four processes", sum, 1)
}

// server is one of the processes. What may take long on a busy machine may do so
// here: a wait that is given up is another test's.
func server(t *testing.T, addr string) {
	const patience = time.Minute
	rdb := redis.NewClient(&redis.Options{Addr: addr, ReadTimeout: patience, PoolTimeout: patience})
	defer rdb.Close()
	store, err := redisstore.New(rdb, &redisstore.Options{Namespace: os.Getenv("STRATA_NAMESPACE")})
	if err != nil {
		t.Fatal(err)
	}
	c, err := cache.New(store, &cache.Options{LeaseWait: patience})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.WithoutCancel(t.Context()))
	if err := c.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	h := &counted{serve: func(w http.ResponseWriter, _ *http.Request, _ int64) {
		time.Sleep(100 * time.Millisecond)
		w.Header().Set("Cache-Control", "max-age=600")
		_, _ = io.WriteString(w, "page")
	}}
	pages := over(t, c, &httpcache.Options{StoreTimeout: patience, CollapseTimeout: patience})
	s := httptest.NewServer(pages.Handler(h))
	defer s.Close()
	// Each server has an address of its own, and the key holds the host.
	get := func() (string, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/", nil)
		if err != nil {
			return "", err
		}
		r.Host = "site.example"
		resp, err := s.Client().Do(r)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		return string(b), err
	}
	nodetest.Ready()
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if body, err := get(); body != "page" || err != nil {
				t.Errorf("got %q, %v", body, err)
			}
		})
	}
	wg.Wait()
	nodetest.Say(h.runs.Load())
}
