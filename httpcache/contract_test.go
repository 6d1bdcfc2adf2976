package httpcache_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/httpcache"
)

// TestContract holds the rows of the behaviour contract that no other test names:
// each asks twice or more, and says which runs of the handler the bodies show.
func TestContract(t *testing.T) {
	t.Parallel()
	ask := func(method, target string, send ...string) *http.Request { return requestOf(method, target, send...) }
	for _, tt := range []struct {
		name     string
		ttl      time.Duration // of the view; 0: the site
		opts     *httpcache.Options
		header   []string
		status   int
		requests []*http.Request
		runs     int64
	}{
		{"HTTP-001 other methods pass", time.Minute, nil, nil, 0, []*http.Request{ask("POST", "/"), ask("POST", "/"), ask("OPTIONS", "/"), ask("OPTIONS", "/")}, 4},
		{"HTTP-002 a POST invalidates", time.Minute, nil, nil, 0, []*http.Request{ask("GET", "/"), ask("POST", "/"), ask("GET", "/")}, 3},
		{"HTTP-005 another status", time.Minute, nil, nil, 302, []*http.Request{ask("GET", "/"), ask("GET", "/")}, 2},
		{"HTTP-013 Set-Cookie and Vary, without cookies", time.Minute, nil, []string{"Set-Cookie", "a=b", "Vary", "Cookie"}, 0, []*http.Request{ask("GET", "/"), ask("GET", "/")}, 2},
		{"HTTP-014 with an unrelated cookie", time.Minute, nil, []string{"Set-Cookie", "a=b", "Vary", "Cookie"}, 0, []*http.Request{ask("GET", "/", "Cookie", "x=y"), ask("GET", "/", "Cookie", "x=y")}, 2},
		{"HTTP-016 an untouched session's cookie", time.Minute, nil, []string{"Set-Cookie", "session=1"}, 0, []*http.Request{ask("GET", "/", "Cookie", "session=1"), ask("GET", "/")}, 2},
		{"HTTP-017 a blank before Cookie", time.Minute, nil, []string{"Vary", " Cookie"}, 0, []*http.Request{ask("GET", "/", "Cookie", "a=1"), ask("GET", "/", "Cookie", "a=2")}, 2},
		{"HTTP-018 Vary: *", time.Minute, nil, []string{"Vary", "*"}, 0, []*http.Request{ask("GET", "/"), ask("GET", "/")}, 2},
		{"HTTP-019 Authorization", time.Minute, nil, nil, 0, []*http.Request{ask("GET", "/", "Authorization", "a"), ask("GET", "/", "Authorization", "b"), ask("GET", "/")}, 3},
		{"HTTP-020 no-store", time.Minute, nil, []string{"Cache-Control", "no-store"}, 0, []*http.Request{ask("GET", "/"), ask("GET", "/")}, 2},
		{"HTTP-021 NO-STORE", time.Minute, nil, []string{"Cache-Control", "NO-STORE"}, 0, []*http.Request{ask("GET", "/"), ask("GET", "/")}, 2},
		{"HTTP-027 s-maxage wins", 0, nil, []string{"Cache-Control", "max-age=0, s-maxage=60"}, 0, []*http.Request{ask("GET", "/"), ask("GET", "/")}, 1},
		{"HTTP-045 only-if-cached", time.Minute, nil, nil, 0, []*http.Request{ask("GET", "/", "Cache-Control", "only-if-cached")}, 0},
		{"HTTP-046 a range of what is stored", time.Minute, nil, nil, 0, []*http.Request{ask("GET", "/"), ask("GET", "/", "Range", "bytes=0-1")}, 1},
		{"HTTP-054 http and https", time.Minute, nil, nil, 0, []*http.Request{ask("GET", "http://a.example/"), ask("GET", "https://a.example/")}, 2},
		{"HTTP-056 not ASCII", time.Minute, nil, nil, 0, []*http.Request{ask("GET", "/%C3%A9?q=%E2%82%AC"), ask("GET", "/%C3%A9?q=%E2%82%AC")}, 1},
		{"HTTP-058 blanks in a list", time.Minute, nil, []string{"Vary", "Accept-Encoding"}, 0, []*http.Request{ask("GET", "/", "Accept-Encoding", "gzip, br"), ask("GET", "/", "Accept-Encoding", "gzip,BR")}, 1},
		{"HTTP-060 missing and empty", time.Minute, nil, []string{"Vary", "X-A"}, 0, []*http.Request{ask("GET", "/"), ask("GET", "/", "X-A", "")}, 2},
		{"HTTP-078 the site's TTL where nothing is said", 0, &httpcache.Options{DefaultTTL: time.Minute}, nil, 0, []*http.Request{ask("GET", "/"), ask("GET", "/")}, 1},
		{"HTTP-081 no TTL stores nothing", 0, nil, nil, 0, []*http.Request{ask("GET", "/"), ask("GET", "/")}, 2},
		{"HTTP-112 unsafe methods are untouched", time.Minute, nil, []string{"Etag", `"v"`}, 0, []*http.Request{ask("PUT", "/", "If-Match", `"x"`)}, 1},
		{"HTTP-114 304 out of the stored 200", time.Minute, nil, []string{"Etag", `"v"`}, 0, []*http.Request{ask("GET", "/"), ask("GET", "/", "If-None-Match", `"v"`), ask("GET", "/", "If-None-Match", `"v"`)}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := &origin{header: tt.header, status: tt.status}
			pages := newPages(t, tt.opts)
			h := pages.Handler(o)
			if tt.ttl > 0 {
				h = pages.View(tt.ttl, nil).Handler(o)
			}
			for _, r := range tt.requests {
				resp := do(h, r)
				if len(resp.Header["Cache-Status"]) == 0 {
					t.Error("HTTP-043: no Cache-Status")
				}
			}
			wantEqual(t, "runs", o.runs.Load(), tt.runs)
		})
	}
}

// TestContractAge: HTTP-026, HTTP-029, HTTP-036, HTTP-038, HTTP-039, HTTP-041.
func TestContractAge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pages := newPages(t, &httpcache.Options{DefaultTTL: 10 * time.Minute})
		site := &origin{header: []string{"Cache-Control", "max-age=10"}}
		h := pages.Handler(site)
		do(h, request("/"))
		time.Sleep(9 * time.Second)
		resp := do(h, request("/"))
		wantEqual(t, "HTTP-038 Age", resp.Header.Get("Age"), "9")
		wantEqual(t, "HTTP-041 max-age", resp.Header.Get("Cache-Control"), "max-age=10")
		time.Sleep(2 * time.Second)
		wantEqual(t, "HTTP-026 the response's max-age", get(t, h, "/"), "run 2")

		long := pages.View(time.Hour, nil).Handler(&origin{header: []string{"Cache-Control", "max-age=10"}})
		do(long, request("/long"))
		time.Sleep(11 * time.Second)
		wantEqual(t, "HTTP-029, HTTP-039 the shorter counts", get(t, long, "/long"), "run 2")

		never := do(pages.View(-time.Second, nil).Handler(&origin{}), request("/never"))
		wantEqual(t, "HTTP-036", never.Header.Get("Cache-Control"), "max-age=0")
		forever := pages.View(cache.Forever, nil).Handler(&origin{})
		do(forever, request("/forever"))
		time.Sleep(1000 * time.Hour)
		wantHit(t, do(forever, request("/forever")), true)
	})
}

// TestContractFailures: HTTP-006, HTTP-007: what streams for ever, and what
// panics.
func TestContractFailures(t *testing.T) {
	t.Parallel()
	bug := errors.New("bug")
	runs := 0
	h := newPages(t, nil).View(time.Minute, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		runs++
		if r.URL.Path == "/panic" {
			panic(bug)
		}
		w.Header().Set("Content-Type", "Text/Event-Stream")
		_, _ = io.WriteString(w, "data: x\n\n")
	}))
	for range 2 {
		func() {
			defer func() { wantEqual(t, "panic", recover(), any(bug)) }()
			do(h, request("/panic"))
		}()
		wantHit(t, do(h, request("/stream")), false)
	}
	wantEqual(t, "runs", runs, 4)
}

// TestContractKeys: HTTP-051, HTTP-052, HTTP-064, HTTP-065, HTTP-066, HTTP-067,
// HTTP-069, HTTP-073, HTTP-074, HTTP-075: prefixes, stores, and a view's own key
// parts, such as language and time zone.
func TestContractKeys(t *testing.T) {
	t.Parallel()
	client, other := open(t, nil), open(t, nil)
	zone := &httpcache.ViewOptions{KeyParts: func(r *http.Request) []string {
		return []string{r.Header.Get("X-Lang"), r.Header.Get("X-Zone")}
	}}
	o := &origin{}
	view := func(c cache.Cache, opts *httpcache.Options, v *httpcache.ViewOptions, ttl time.Duration) http.Handler {
		return over(t, c, opts).View(ttl, v).Handler(o)
	}
	for i, tt := range []struct {
		name string
		h    http.Handler
		send []string
		want string
	}{
		{"HTTP-051 nothing is known", view(client, nil, nil, time.Minute), nil, "run 1"},
		{"HTTP-074 another TTL is the same page", view(client, nil, nil, time.Hour), nil, "run 1"},
		{"HTTP-073 another cache of the same prefix", view(client, &httpcache.Options{Name: "x"}, nil, time.Minute), nil, "run 1"},
		{"HTTP-052 another prefix", view(client, &httpcache.Options{Prefix: "p"}, nil, time.Minute), nil, "run 2"},
		{"HTTP-069 within the client's own", view(client.WithPrefix("a"), nil, nil, time.Minute), nil, "run 3"},
		{"HTTP-075 another store", view(other, nil, nil, time.Minute), nil, "run 4"},
		{"HTTP-064 a language", view(client, nil, zone, time.Minute), []string{"X-Lang", "de"}, "run 5"},
		{"HTTP-064 another", view(client, nil, zone, time.Minute), []string{"X-Lang", "en"}, "run 6"},
		{"HTTP-066 a time zone", view(client, nil, zone, time.Minute), []string{"X-Lang", "en", "X-Zone", "UTC"}, "run 7"},
		{"HTTP-065 Accept-Language is not asked then", view(client, nil, zone, time.Minute), []string{"X-Lang", "en", "Accept-Language", "fr"}, "run 6"},
		{"HTTP-067 without parts", view(client, nil, nil, time.Minute), []string{"X-Lang", "de"}, "run 1"},
	} {
		if got := bodyOf(t, do(tt.h, request("/", tt.send...))); got != tt.want {
			t.Errorf("%d, %s: got %q, want %q", i, tt.name, got, tt.want)
		}
	}
}

// TestContractNesting: HTTP-008, HTTP-082, HTTP-085, HTTP-086: the inner rules
// govern, and Vary that is added outside of the cache is not seen by it.
func TestContractNesting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pages := newPages(t, nil)
		for _, tt := range []struct{ outer, inner time.Duration }{{time.Minute, 10 * time.Second}, {10 * time.Second, time.Minute}} {
			o := &origin{}
			path := "/" + tt.outer.String()
			h := pages.View(tt.outer, nil).Handler(pages.View(tt.inner, nil).Handler(o))
			resp := do(h, request(path))
			wantEqual(t, "HTTP-082 max-age", resp.Header.Get("Cache-Control"), "max-age="+itoa(int64(tt.inner/time.Second)))
			time.Sleep(tt.inner - time.Second)
			wantHit(t, do(h, request(path)), true)
			time.Sleep(2 * time.Second)
			wantHit(t, do(h, request(path)), false)
		}
		vary := httpcache.VaryOn("X-A")
		seen := pages.View(time.Minute, nil).Handler(vary(&origin{}))
		for _, a := range []string{"1", "2"} {
			wantEqual(t, "HTTP-086 Vary inside", bodyOf(t, do(seen, request("/in", "X-A", a))), "run "+a)
		}
	})
}

// TestContractTags: HTTP-104, HTTP-105, HTTP-113: entity-tags that the cache
// makes. HTTP-023: a qualified no-cache has the page validated. HTTP-047,
// HTTP-048, HTTP-063: header names are kept with the page, and lost with it.
// HTTP-010: a hit replays all but cookies. HTTP-093 cannot be written: Scope is
// one of the two. HTTP-109 and HTTP-111 are in TestConditionals and
// TestConditional.
func TestContractTags(t *testing.T) {
	t.Parallel()
	view := func() *httpcache.View { return newPages(t, nil).View(time.Minute, nil) }
	own := view().Handler(&origin{header: []string{"Etag", `"own"`, "X-A", "1"}, status: 200})
	do(own, request("/"))
	hit := do(own, request("/"))
	wantEqual(t, "HTTP-104", hit.Header.Get("Etag"), `"own"`)
	wantEqual(t, "HTTP-010", hit.Header.Get("X-A"), "1")
	none := view().Handler(&origin{header: []string{"Cache-Control", "No-Store"}})
	wantEqual(t, "HTTP-105", do(none, request("/")).Header.Get("Etag"), "")
	quoted := view().Handler(&origin{header: []string{"Cache-Control", `x="no-store"`}})
	do(quoted, request("/"))
	wantEqual(t, "HTTP-105 quoted", do(quoted, request("/")).Header.Get("Etag") != "", true)
	head := view().Handler(&origin{})
	do(head, requestOf(http.MethodHead, "/"))
	wantEqual(t, "HTTP-113", do(head, requestOf(http.MethodHead, "/")).Header.Get("Etag"), "")

	asked := 0
	qualified := view().Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", `max-age=60, no-cache="X-User"`)
		w.Header().Set("Etag", `"v"`)
		if strings.Contains(r.Header.Get("If-None-Match"), `"v"`) {
			asked++
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = io.WriteString(w, "page")
	}))
	do(qualified, request("/"))
	wantEqual(t, "HTTP-023", bodyOf(t, do(qualified, request("/"))), "page")
	wantEqual(t, "HTTP-023 asked", asked, 1)

	client := open(t, nil)
	vary := over(t, client, nil).View(time.Minute, nil).Handler(&origin{header: []string{"Vary", "X-A"}})
	for _, a := range []string{"1", "2"} {
		do(vary, request("/", "X-A", a))
	}
	if err := client.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, a := range []string{"2", "1"} {
		wantEqual(t, "HTTP-063", bodyOf(t, do(vary, request("/", "X-A", a))), "run "+itoa(int64(i+3)))
	}
}
