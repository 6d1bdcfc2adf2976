package httpcache_test

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/httpcache"
	"github.com/stratacache/strata/internal/servertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(servertest.Main(m)) }

// open returns a client over store, or over memory.
func open(t testing.TB, store driver.Store) *cache.Client {
	t.Helper()
	if store == nil {
		store = locmem.New(nil)
	}
	c, err := cache.New(store, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c
}

// newPages returns a page cache over memory.
func newPages(t testing.TB, opts *httpcache.Options) *httpcache.Cache {
	t.Helper()
	return over(t, open(t, nil), opts)
}

func over(t testing.TB, c cache.Cache, opts *httpcache.Options) *httpcache.Cache {
	t.Helper()
	pages, err := httpcache.New(c, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pages.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return pages
}

// origin is a handler that numbers its runs: the body says which one it was.
type origin struct {
	runs atomic.Int64
	// header is set on each response, as name, value, name, value.
	header []string
	status int
	body   string
}

func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := o.runs.Add(1)
	for i := 0; i+1 < len(o.header); i += 2 {
		w.Header().Add(o.header[i], o.header[i+1])
	}
	if o.status != 0 {
		w.WriteHeader(o.status)
	}
	if o.body != "" {
		_, _ = io.WriteString(w, o.body)
		return
	}
	_, _ = io.WriteString(w, "run "+itoa(n))
}

func itoa(n int64) string {
	if n >= 10 {
		return itoa(n/10) + itoa(n%10)
	}
	return string(rune('0' + n))
}

// request makes a GET with header fields as name, value, name, value.
func request(target string, header ...string) *http.Request {
	return requestOf(http.MethodGet, target, header...)
}

func requestOf(method, target string, header ...string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

// do runs one request through h.
func do(h http.Handler, r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func bodyOf(t testing.TB, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return string(b)
}

// get runs GETs of one target, and returns the bodies.
func get(t testing.TB, h http.Handler, targets ...string) string {
	t.Helper()
	var out []string
	for _, target := range targets {
		out = append(out, bodyOf(t, do(h, request(target))))
	}
	return strings.Join(out, ", ")
}

func wantEqual[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// wantStatus checks the Cache-Status of a response.
func wantStatus(t testing.TB, resp *http.Response, want string) {
	t.Helper()
	wantEqual(t, "Cache-Status", strings.Join(resp.Header["Cache-Status"], ", "), want)
}

// wantHit checks whether a response came from the store without the handler.
func wantHit(t testing.TB, resp *http.Response, want bool) {
	t.Helper()
	got := resp.Header["Cache-Status"]
	if len(got) == 0 || strings.HasPrefix(got[len(got)-1], "Strata; hit") != want {
		t.Errorf("Cache-Status %q: want a hit to be %v", got, want)
	}
}

// discardLog keeps the panics of tests out of their output.
var discardLog = log.New(io.Discard, "", 0)
