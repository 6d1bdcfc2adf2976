package httpcache_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/httpcache"
)

// TestHit: what a stored response looks like when it is used.
func TestHit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &origin{header: []string{
			"Cache-Control", "max-age=60", "X-A", "1", "X-A", "2", "Connection", "X-Hop", "X-Hop", "1",
			"Keep-Alive", "timeout=5", "Age", "7", "Content-Type", "text/plain",
		}}
		h := newPages(t, nil).Handler(o)
		began := time.Now().UTC().Format(http.TimeFormat)
		first := do(h, request("/"))
		wantStatus(t, first, "Strata; fwd=uri-miss; stored")
		wantEqual(t, "X-Hop of the first", first.Header.Get("X-Hop"), "1")
		time.Sleep(10 * time.Second)
		hit := do(h, request("/"))
		wantStatus(t, hit, "Strata; hit; ttl=43")
		wantEqual(t, "HTTP-040 Age", hit.Header.Get("Age"), "17")
		wantEqual(t, "Date", hit.Header.Get("Date"), began)
		wantEqual(t, "X-A", strings.Join(hit.Header["X-A"], ","), "1,2")
		wantEqual(t, "Content-Length", hit.Header.Get("Content-Length"), "5")
		for _, name := range []string{"Connection", "X-Hop", "Keep-Alive"} {
			if v, has := hit.Header[name]; has {
				t.Errorf("RFC9111-3.1 %s: %q was stored", name, v)
			}
		}
		w := httptest.NewRecorder() // a Response has a copy of its header
		h.ServeHTTP(w, request("/"))
		w.Header()["X-A"][0] = "changed"
		w.Header()["X-A"] = append(w.Header()["X-A"], "more")
		wantEqual(t, "HTTP-011 X-A", strings.Join(do(h, request("/")).Header["X-A"], ","), "1,2")
		wantStatus(t, do(h, request("/", "Cache-Control", "max-age=17")), "Strata; hit; ttl=43")
		wantStatus(t, do(h, request("/", "Cache-Control", "min-fresh=43")), "Strata; hit; ttl=43")
		wantStatus(t, do(h, request("/", "Cache-Control", "max-age=16")), "Strata; fwd=request; stored")
		time.Sleep(53 * time.Second)
		wantStatus(t, do(h, request("/")), "Strata; fwd=stale; stored")
	})
}

// TestStaleVariants: the record of a URL outlives its first variant, so that
// the others stay within reach.
func TestStaleVariants(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newPages(t, nil).View(time.Minute, nil).Handler(&origin{header: []string{"Vary", "X-A"}})
		do(h, request("/", "X-A", "1"))
		time.Sleep(30 * time.Second)
		wantStatus(t, do(h, request("/", "X-A", "2")), "Strata; fwd=vary-miss; stored")
		time.Sleep(40 * time.Second)
		wantStatus(t, do(h, request("/", "X-A", "2")), "Strata; hit; ttl=20")
		wantStatus(t, do(h, request("/", "X-A", "1")), "Strata; fwd=stale; stored")
		wantStatus(t, do(h, request("/", "X-A", "2")), "Strata; hit; ttl=20")
		wantStatus(t, do(h, request("/", "X-A", "1")), "Strata; hit; ttl=60")
	})
}

// TestHead: RFC 9110 section 9.3.2.
func TestHead(t *testing.T) {
	t.Parallel()
	o := &origin{body: "0123456789"}
	h := newPages(t, nil).View(time.Minute, nil).Handler(o)
	head := requestOf(http.MethodHead, "/")
	wantStatus(t, do(h, head), "Strata; fwd=uri-miss; stored")
	wantHit(t, do(h, head), true)
	wantEqual(t, "HTTP-071 runs", o.runs.Load(), 1)
	wantEqual(t, "HTTP-072 GET after HEAD", get(t, h, "/"), "0123456789")
	resp := do(h, head)
	wantEqual(t, "HTTP-070 Content-Length", resp.Header.Get("Content-Length"), "10")
	wantEqual(t, "body", bodyOf(t, resp), "")
	if status := resp.Header.Get("Cache-Status"); !strings.HasPrefix(status, "Strata; hit") {
		t.Error("HEAD after GET:", status)
	}
	wantEqual(t, "runs", o.runs.Load(), 2)
}

// TestConditional: a hit answers by the rules of RFC 9110 section 13.
func TestConditional(t *testing.T) {
	t.Parallel()
	const modified = "Sun, 06 Nov 1994 08:49:37 GMT"
	page := []string{"Cache-Control", "max-age=60", "Last-Modified", modified}
	withTag := append([]string{"Etag", `"v1"`}, page...)
	weak := append([]string{"Etag", `W/"v1"`}, page...)
	for _, tt := range []struct {
		name    string
		header  []string
		request []string
		want    int
	}{
		{"RFC9110-13.1.2 If-None-Match", withTag, []string{"If-None-Match", `"v1"`}, 304},
		{"RFC9110-13.1.2 weak comparison", weak, []string{"If-None-Match", `"v1"`}, 304},
		{"RFC9110-13.1.2 a list", withTag, []string{"If-None-Match", `"v0", "v1"`}, 304},
		{"RFC9110-13.1.2 *", withTag, []string{"If-None-Match", `*`}, 304},
		{"RFC9110-13.1.2 another", withTag, []string{"If-None-Match", `"v2"`}, 200},
		{"HTTP-106 unquoted", withTag, []string{"If-None-Match", `v1`}, 200},
		{"RFC9110-13.1.3 If-Modified-Since", page, []string{"If-Modified-Since", modified}, 304},
		{"RFC9110-13.1.3 earlier", page, []string{"If-Modified-Since", "Sun, 06 Nov 1994 08:49:36 GMT"}, 200},
		{"HTTP-107 no date", page, []string{"If-Modified-Since", "yesterday"}, 200},
		{"HTTP-108 If-None-Match has precedence", withTag, []string{"If-None-Match", `"v2"`, "If-Modified-Since", modified}, 200},
		{"RFC9110-13.1.1 If-Match", withTag, []string{"If-Match", `"v2"`}, 412},
		{"RFC9110-13.1.4 If-Unmodified-Since", page, []string{"If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:36 GMT"}, 412},
		{"RFC9110-14.2 Range", withTag, []string{"Range", "bytes=0-2"}, 206},
		{"RFC9110-14.2 several ranges", withTag, []string{"Range", "bytes=0-0,2-2"}, 206},
		{"RFC9110-15.5.17 beyond", withTag, []string{"Range", "bytes=9-"}, 416},
		{"RFC9110-13.1.5 If-Range", withTag, []string{"Range", "bytes=0-2", "If-Range", `"v1"`}, 206},
		{"RFC9110-13.1.5 If-Range of another", withTag, []string{"Range", "bytes=0-2", "If-Range", `"v0"`}, 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := &origin{header: tt.header}
			h := newPages(t, nil).Handler(o)
			do(h, request("/"))
			resp := do(h, request("/", tt.request...))
			wantEqual(t, "status", resp.StatusCode, tt.want)
			wantEqual(t, "runs", o.runs.Load(), 1)
			body := bodyOf(t, resp)
			switch tt.want {
			case 304:
				wantEqual(t, "body", body, "")
				for _, name := range []string{"Cache-Control", "Date", "Age", "Cache-Status"} {
					if resp.Header.Get(name) == "" {
						t.Errorf("HTTP-110: the 304 has no %s", name)
					}
				}
			case 200:
				wantEqual(t, "body", body, "run 1")
			}
		})
	}
}

// TestComputedTag (HTTP-042, HTTP-103): a page without validator gets one.
func TestComputedTag(t *testing.T) {
	t.Parallel()
	h := newPages(t, nil).View(time.Minute, nil).Handler(&origin{})
	do(h, request("/"))
	tag := do(h, request("/")).Header.Get("Etag")
	if !strings.HasPrefix(tag, `"`) || len(tag) < 10 {
		t.Fatalf("Etag %q", tag)
	}
	wantEqual(t, "status", do(h, request("/", "If-None-Match", tag)).StatusCode, 304)
}

// TestConditionalMiss (HTTP-115): the whole response is stored, and the client
// still gets its 304.
func TestConditionalMiss(t *testing.T) {
	t.Parallel()
	o := &origin{header: []string{"Etag", `"v1"`, "Content-Type", "text/plain"}}
	h := newPages(t, nil).View(time.Minute, nil).Handler(o)
	resp := do(h, request("/", "If-None-Match", `"v1"`))
	wantEqual(t, "status", resp.StatusCode, 304)
	wantEqual(t, "body", bodyOf(t, resp), "")
	wantStatus(t, resp, "Strata; fwd=uri-miss; stored")
	wantEqual(t, "body of the next", get(t, h, "/"), "run 1")
}

// TestRangeMiss: a part is the handler's business, and is not stored.
func TestRangeMiss(t *testing.T) {
	t.Parallel()
	var ranges []string
	h := newPages(t, nil).View(time.Minute, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ranges = append(ranges, r.Header.Get("Range"))
		http.ServeContent(w, r, "x.txt", time.Time{}, strings.NewReader("0123456789"))
	}))
	part := request("/", "Range", "bytes=2-3")
	wantEqual(t, "part", bodyOf(t, do(h, part)), "23")
	wantEqual(t, "whole", get(t, h, "/"), "0123456789")
	wantEqual(t, "part of the stored", bodyOf(t, do(h, part)), "23")
	wantEqual(t, "ranges that the handler saw", strings.Join(ranges, "|"), "bytes=2-3|")
}

// TestOnlyIfCached: RFC 9111 section 5.2.1.7.
func TestOnlyIfCached(t *testing.T) {
	t.Parallel()
	o := &origin{}
	h := newPages(t, nil).View(time.Minute, nil).Handler(o)
	only := request("/", "Cache-Control", "only-if-cached")
	resp := do(h, only)
	wantEqual(t, "status", resp.StatusCode, http.StatusGatewayTimeout)
	wantStatus(t, resp, "Strata; detail=only-if-cached")
	wantEqual(t, "runs", o.runs.Load(), 0)
	do(h, request("/"))
	wantEqual(t, "status", do(h, only).StatusCode, 200)
}

// TestReload: a client that asks for a fresh response gets one, and the next
// client the same.
func TestReload(t *testing.T) {
	t.Parallel()
	reload := request("/", "Cache-Control", "no-cache")
	h := newPages(t, nil).View(time.Minute, nil).Handler(&origin{})
	do(h, request("/"))
	resp := do(h, reload)
	wantEqual(t, "body", bodyOf(t, resp), "run 2")
	wantStatus(t, resp, "Strata; fwd=request; stored")
	wantEqual(t, "the next", get(t, h, "/"), "run 2")

	deaf := newPages(t, &httpcache.Options{IgnoreRequestDirectives: true}).View(time.Minute, nil).Handler(&origin{})
	wantEqual(t, "first", get(t, deaf, "/"), "run 1")
	for _, cc := range []string{"no-cache", "max-age=0", "no-store", "min-fresh=999"} {
		wantEqual(t, "ignored "+cc, bodyOf(t, do(deaf, request("/", "Cache-Control", cc))), "run 1")
	}
	wantEqual(t, "no-store keeps out", bodyOf(t, do(deaf, request("/x", "Cache-Control", "no-store"))), "run 2")
	wantEqual(t, "and so the next runs", get(t, deaf, "/x"), "run 3")
}

// TestAuthorizedReader: what was made for nobody does not answer somebody,
// unless it says that it may.
func TestAuthorizedReader(t *testing.T) {
	t.Parallel()
	h := newPages(t, nil).View(time.Minute, nil).Handler(&origin{})
	do(h, request("/"))
	resp := do(h, request("/", "Authorization", "Bearer a"))
	wantEqual(t, "body", bodyOf(t, resp), "run 2")
	wantStatus(t, resp, "Strata; fwd=bypass; detail=authorization")
	wantEqual(t, "nobody", get(t, h, "/"), "run 1")
}

// TestUpgrade: nothing of ours is in the way of another protocol.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	h := newPages(t, nil).View(time.Minute, nil).Handler(http.HandlerFunc(func(got http.ResponseWriter, _ *http.Request) {
		wantEqual[http.ResponseWriter](t, "ResponseWriter", got, w)
	}))
	h.ServeHTTP(w, request("/", "Connection", "Upgrade", "Upgrade", "WebSocket"))
	h.ServeHTTP(w, requestOf(http.MethodConnect, "/"))
}

// TestBodyOfGet: what is not in the key decides nothing that is stored.
func TestBodyOfGet(t *testing.T) {
	t.Parallel()
	h := newPages(t, nil).View(time.Minute, nil).Handler(&origin{})
	with := func() *http.Request { return httptest.NewRequest(http.MethodGet, "/", strings.NewReader("query")) }
	resp := do(h, with())
	wantEqual(t, "body", bodyOf(t, resp), "run 1")
	wantStatus(t, resp, "Strata; fwd=bypass")
	wantEqual(t, "without a body", get(t, h, "/"), "run 2")
	wantEqual(t, "with one again", bodyOf(t, do(h, with())), "run 3")
}

// TestOuterHeader: what stood in the header before us is the visit's, not the
// page's.
func TestOuterHeader(t *testing.T) {
	t.Parallel()
	pages := newPages(t, nil).View(time.Minute, nil).Handler(&origin{header: []string{"X-Page", "1"}})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", r.Header.Get("X-Request-Id"))
		pages.ServeHTTP(w, r)
	})
	do(h, request("/", "X-Request-Id", "1"))
	resp := do(h, request("/", "X-Request-Id", "2"))
	wantEqual(t, "X-Request-Id", strings.Join(resp.Header["X-Request-Id"], ","), "2")
	wantEqual(t, "X-Page", resp.Header.Get("X-Page"), "1")
	wantEqual(t, "body", bodyOf(t, resp), "run 1")
}

// TestOptions: contradictions are named.
func TestOptions(t *testing.T) {
	t.Parallel()
	_, err := httpcache.New(open(t, nil), &httpcache.Options{
		Name: "two words", DefaultTTL: -1, MaxBody: -1, StoreTimeout: -1, CollapseTimeout: -1,
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, field := range []string{"Name", "DefaultTTL", "MaxBody", "StoreTimeout", "CollapseTimeout"} {
		if !strings.Contains(err.Error(), "Options."+field) {
			t.Errorf("%q does not name %s", err, field)
		}
	}
	if _, err := httpcache.New(nil, nil); err == nil {
		t.Error("no error for a nil cache")
	}
	o := &origin{}
	h := newPages(t, &httpcache.Options{Name: "edge", DefaultTTL: time.Minute, MaxBody: 10}).Handler(o)
	wantStatus(t, do(h, request("/")), "edge; fwd=uri-miss; stored")
	wantEqual(t, "DefaultTTL", get(t, h, "/"), "run 1")
}

// TestHitAllocations: a hit in memory allocates the key, the store's deadline,
// one copy of the header's values, and what is new in them; nothing by size.
func TestHitAllocations(t *testing.T) {
	page := &origin{body: strings.Repeat("x", 8<<10), header: []string{"Cache-Control", "max-age=60"}}
	h := newPages(t, nil).Handler(page)
	r := browser("http://example.com/pkg/net/http")
	w := &discard{header: make(http.Header)}
	h.ServeHTTP(w, r)
	allocs := testing.AllocsPerRun(100, func() {
		clear(w.header)
		h.ServeHTTP(w, r)
	})
	if wantEqual(t, "runs", page.runs.Load(), 1); allocs > 6 {
		t.Errorf("a hit allocates %v times, want at most 6", allocs)
	}
	t.Logf("%v allocations", allocs)
}
