package httpcache_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stratacache/strata/httpcache"
)

// whoever echoes all that may tell one visitor from another.
func whoever(r *http.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s", r.Host, r.RequestURI, r.URL)
	for _, name := range []string{
		"Authorization", "Cookie", "X-User", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-For", "X-Forwarded-Prefix",
		"Forwarded", "X-Original-Url", "X-Rewrite-Url", "X-Http-Method-Override", "X-Host", "Accept-Language",
	} {
		if v, has := r.Header[name]; has {
			fmt.Fprintf(&b, " %s=%q", name, v)
		}
	}
	return b.String()
}

// TestLeaks: what the handler made for one request does not answer another that
// it would have made something else for. The handler names all that it depends
// on, or forbids to share; that it also reflects what no key has is the fault of
// many handlers.
func TestLeaks(t *testing.T) {
	t.Parallel()
	type leak struct {
		name   string
		header []string // of the response
		first  []string // fields of the requests
		second []string
		url2   string // of the second request
		status int
		method string // of the first request
	}
	auth1, auth2 := []string{"Authorization", "Bearer 1"}, []string{"Authorization", "Bearer 2"}
	cookie1, cookie2 := []string{"Cookie", "user=1"}, []string{"Cookie", "user=2"}
	tests := []leak{
		{name: "private", header: []string{"Cache-Control", "private, max-age=60"}, first: cookie1, second: cookie2},
		{name: "no-store", header: []string{"Cache-Control", "no-store, max-age=60"}, first: cookie1, second: cookie2},
		{name: "no-cache without validator", header: []string{"Cache-Control", "no-cache, max-age=60"}, first: cookie1, second: cookie2},
		{name: "private, upper case", header: []string{"Cache-Control", "PRIVATE"}, first: cookie1, second: cookie2},
		{name: "private on a second line", header: []string{"Cache-Control", "max-age=60", "Cache-Control", "private"}, first: cookie1, second: cookie2},
		{name: "private that names fields", header: []string{"Cache-Control", `private="X-A"`}, first: cookie1, second: cookie2},
		{name: "private behind an open quote", header: []string{"Cache-Control", `x="a, private`}, first: cookie1, second: cookie2},
		{name: "private in the targeted field", header: []string{"CDN-Cache-Control", "private", "Cache-Control", "max-age=60"}, first: cookie1, second: cookie2},
		{name: "Set-Cookie", header: []string{"Set-Cookie", "user=1"}, first: cookie1, second: cookie2},
		{name: "Set-Cookie that is public", header: []string{"Set-Cookie", "user=1", "Cache-Control", "public, max-age=60"}, first: cookie1, second: cookie2},
		{name: "Set-Cookie on a 301", header: []string{"Set-Cookie", "user=1", "Cache-Control", "max-age=60"}, first: cookie1, second: cookie2, status: 301},
		{name: "Set-Cookie on a 404", header: []string{"Set-Cookie", "user=1", "Cache-Control", "max-age=60"}, first: cookie1, second: cookie2, status: 404},
		{name: "Vary: Cookie", header: []string{"Vary", "Cookie"}, first: cookie1, second: cookie2},
		{name: "Vary: Cookie, without", header: []string{"Vary", "Cookie"}, first: cookie1},
		{name: "Vary: Cookie, from without", header: []string{"Vary", "Cookie"}, second: cookie2},
		{name: "Vary: COOKIE", header: []string{"Vary", "COOKIE"}, first: cookie1, second: cookie2},
		{name: "Vary on a second line", header: []string{"Vary", "Accept", "Vary", "Cookie"}, first: cookie1, second: cookie2},
		{name: "Vary with blanks", header: []string{"Vary", " ,\tCookie "}, first: cookie1, second: cookie2},
		{name: "Vary: *", header: []string{"Vary", "*"}, first: cookie1, second: cookie2},
		{name: "Vary: * in a list", header: []string{"Vary", "Accept,*"}, first: cookie1, second: cookie2},
		{name: "Vary that is no list", header: []string{"Vary", "Cookie Accept"}, first: cookie1, second: cookie2},
		{name: "Vary of two framed values", header: []string{"Vary", "X-User, Accept-Language"}, first: []string{"X-User", "ab", "Accept-Language", "c"}, second: []string{"X-User", "a", "Accept-Language", "bc"}},
		{name: "Vary of empty and absent", header: []string{"Vary", "X-User"}, first: []string{"X-User", ""}},
		{name: "Vary of absent and empty", header: []string{"Vary", "X-User"}, second: []string{"X-User", ""}},
		{name: "Authorization", first: auth1, second: auth2},
		{name: "Authorization, then without", first: auth1},
		{name: "without, then Authorization", second: auth2},
		{name: "Authorization with max-age", header: []string{"Cache-Control", "max-age=60"}, first: auth1, second: auth2},
		{name: "Authorization with Vary", header: []string{"Vary", "Authorization", "Cache-Control", "max-age=60"}, first: auth1, second: auth2},
		{name: "Authorization that is public and varies", header: []string{"Vary", "Authorization", "Cache-Control", "public, max-age=60"}, first: auth1, second: auth2},
		{name: "X-Forwarded-Host", first: []string{"X-Forwarded-Host", "evil.example"}},
		{name: "X-Forwarded-Proto", first: []string{"X-Forwarded-Proto", "gopher"}},
		{name: "X-Forwarded-For", first: []string{"X-Forwarded-For", "10.0.0.1"}, second: []string{"X-Forwarded-For", "10.0.0.2"}},
		{name: "X-Forwarded-Prefix", first: []string{"X-Forwarded-Prefix", "/evil"}},
		{name: "Forwarded", first: []string{"Forwarded", "host=evil.example"}},
		{name: "X-Original-URL", first: []string{"X-Original-Url", "/evil"}},
		{name: "X-Rewrite-URL", first: []string{"X-Rewrite-Url", "/evil"}},
		{name: "X-HTTP-Method-Override", first: []string{"X-Http-Method-Override", "DELETE"}},
		{name: "X-Host", first: []string{"X-Host", "evil.example"}},
		{name: "the host", url2: "http://other.example/a/b?c=d"},
		{name: "the port", url2: "http://example.com:81/a/b?c=d"},
		{name: "the scheme", url2: "https://example.com/a/b?c=d"},
		{name: "the query", url2: "http://example.com/a/b?c=e"},
		{name: "the order of the query", url2: "http://example.com/a/b?d&c=d"},
		{name: "no query", url2: "http://example.com/a/b"},
		{name: "a longer path", url2: "http://example.com/a/b/?c=d"},
		{name: "an extension", url2: "http://example.com/a/b.css?c=d"},
		{name: "a path parameter", url2: "http://example.com/a/b;x.css?c=d"},
		{name: "case", url2: "http://example.com/A/b?c=d"},
		{name: "an escaped slash", url2: "http://example.com/a%2Fb?c=d"},
		{name: "an escaped backslash", url2: "http://example.com/a%5Cb?c=d"},
		{name: "an escaped NUL", url2: "http://example.com/a/b%00?c=d"},
		{name: "an escaped letter", url2: "http://example.com/%61/b?c=d"},
		{name: "an escaped question mark", url2: "http://example.com/a/b%3Fc=d"},
		{name: "two slashes", url2: "http://example.com//a/b?c=d"},
		{name: "dots", url2: "http://example.com/x/../a/b?c=d"},
		{name: "escaped dots", url2: "http://example.com/x/%2e%2e/a/b?c=d"},
		{name: "HEAD, then GET", first: cookie1, second: cookie2, method: "HEAD", header: []string{"Vary", "Cookie"}},
		{name: "an error page", header: []string{"Cache-Control", "private"}, first: cookie1, second: cookie2, status: 500},
		{name: "a range, by cookie", header: []string{"Vary", "Cookie"}, first: append([]string{"Range", "bytes=0-"}, cookie1...), second: append([]string{"Range", "bytes=0-"}, cookie2...)},
		{name: "a range, then the whole", header: []string{"Vary", "Cookie"}, first: append([]string{"Range", "bytes=0-"}, cookie1...), second: cookie2},
		{name: "a range that is private", header: []string{"Cache-Control", "private"}, first: append([]string{"Range", "bytes=0-"}, cookie1...), second: append([]string{"Range", "bytes=0-"}, cookie2...)},
		{name: "what is validated each time", header: []string{"Cache-Control", "no-cache", "Etag", `"1"`, "Vary", "Cookie"}, first: cookie1, second: cookie2},
		{name: "a condition", header: []string{"Etag", `"1"`, "Vary", "Cookie"}, first: append([]string{"If-None-Match", `"0"`}, cookie1...), second: append([]string{"If-None-Match", `"0"`}, cookie2...)},
		{name: "max-stale", header: []string{"Cache-Control", "max-age=0", "Vary", "Cookie"}, first: cookie1, second: append([]string{"Cache-Control", "max-stale"}, cookie2...)},
		{name: "X-Forwarded-Port", first: []string{"X-Forwarded-Port", "81"}},
		{name: "X-Method-Override", first: []string{"X-Method-Override", "DELETE"}},
		{name: "the method in the query", url2: "http://example.com/a/b?c=d&_method=DELETE"},
		{name: "the languages", header: []string{"Vary", "Accept-Language"}, first: []string{"Accept-Language", "de"}, second: []string{"Accept-Language", "en"}},
	}
	t.Logf("%d cases", len(tests))
	for _, tt := range tests {
		for _, mode := range []string{"view", "site"} {
			t.Run(tt.name+"/"+mode, func(t *testing.T) {
				t.Parallel()
				pages := newPages(t, nil)
				app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					for i := 0; i+1 < len(tt.header); i += 2 {
						w.Header().Add(tt.header[i], tt.header[i+1])
					}
					w.Header().Set("X-For", whoever(r))
					if tt.status != 0 {
						w.WriteHeader(tt.status)
					}
					_, _ = io.WriteString(w, whoever(r))
				})
				h := pages.View(time.Minute, nil).Handler(app)
				if mode == "site" {
					h = over(t, open(t, nil), &httpcache.Options{DefaultTTL: time.Minute}).Handler(app)
				}
				const url = "http://example.com/a/b?c=d"
				method, url2 := tt.method, tt.url2
				if method == "" {
					method = http.MethodGet
				}
				if url2 == "" {
					url2 = url
				}
				for range 2 {
					do(h, requestOf(method, url, tt.first...))
					second := request(url2, tt.second...)
					resp := do(h, second)
					want := whoever(second)
					got := bodyOf(t, resp)
					if hit := strings.Contains(resp.Header.Get("Cache-Status"), "hit"); hit || got != want {
						// What no key has must not have reached the handler.
						plain := second.Clone(t.Context())
						for name := range plain.Header {
							if strings.HasPrefix(name, "X-") && name != "X-User" || name == "Forwarded" {
								delete(plain.Header, name)
							}
						}
						if want = whoever(plain); got != want || resp.Header.Get("X-For") != want {
							t.Errorf("got %q\n of %q\n want %q", got, resp.Header.Get("X-For"), want)
						}
					}
				}
			})
		}
	}
}

// TestUsers: fifty users ask for everything, in any order and at once, and each
// gets what is theirs or everybody's. It runs alone: it takes both processors.
func TestUsers(t *testing.T) {
	policies := [][]string{
		{"Cache-Control", "max-age=60, private"},
		{"Cache-Control", "no-store"},
		{"Cache-Control", "max-age=60", "Vary", "Cookie"},
		{"Cache-Control", "max-age=60", "Vary", "Authorization, Cookie"},
		{"Cache-Control", "max-age=1", "Set-Cookie", "a=b"},
		{"Vary", "*"},
		{"Cache-Control", "public, max-age=60, stale-while-revalidate=60", "Vary", "Authorization, Cookie"},
		{"Cache-Control", "no-cache, public", "Vary", "Cookie, Authorization", "Etag", `"1"`},
		{"Cache-Control", "max-age=60, s-maxage=0", "Vary", "Cookie, Authorization"},
	}
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var n int
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &n)
		if n >= len(policies) {
			w.Header().Set("Cache-Control", "public, max-age=60")
			_, _ = io.WriteString(w, "everybody's")
			return
		}
		for i := 0; i+1 < len(policies[n]); i += 2 {
			w.Header().Add(policies[n][i], policies[n][i+1])
		}
		if r.Header.Get("If-None-Match") != "" && r.Header.Get("X-Range") == "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = io.WriteString(w, r.Header.Get("Cookie")+r.Header.Get("Authorization"))
	})
	h := newPages(t, &httpcache.Options{MaxVariants: 1000}).Handler(app)
	const users, workers = 50, 8
	requests := 100_000 / slowdown
	var wrong, hits atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(w)))
			for range requests / workers {
				n := rnd.IntN(len(policies) + 3)
				user := fmt.Sprintf("user=%d", rnd.IntN(users))
				r := httptest.NewRequest(http.MethodGet, fmt.Sprintf("/%d", n), nil)
				if rnd.IntN(2) == 0 {
					r.Header.Set("Cookie", user)
				} else {
					r.Header.Set("Authorization", user)
				}
				switch rnd.IntN(20) {
				case 0:
					r.Header.Set("Cache-Control", "no-cache")
				case 1:
					r.Header.Set("Cache-Control", "max-stale")
				case 2:
					r.Method = http.MethodPost
				case 3:
					r.Header.Set("If-None-Match", `"1"`)
				case 4:
					r.Header.Set("Range", "bytes=0-")
				case 5:
					r.Method = http.MethodHead
				}
				rec := httptest.NewRecorder()
				h.ServeHTTP(rec, r)
				want := user
				if n >= len(policies) {
					want = "everybody's"
				}
				if strings.Contains(rec.Header().Get("Cache-Status"), "; hit") {
					hits.Add(1)
				}
				whole := rec.Code == http.StatusOK || rec.Code == http.StatusPartialContent
				if whole && rec.Body.String() != want && r.Method != http.MethodHead {
					if wrong.Add(1) < 5 {
						t.Errorf("%s for %q got %q: %v", r.URL, user, rec.Body, rec.Header())
					}
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d of %d were hits, %d wrong", hits.Load(), requests, wrong.Load())
	if hits.Load() < int64(requests/10) {
		t.Error("hardly anything was a hit: the test shows nothing")
	}
}
