package httpcache_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stratacache/strata/httpcache"
)

// TestKey: requests that differ in one part of the key never share a page.
func TestKey(t *testing.T) {
	t.Parallel()
	distinct := []string{
		"http://a.example/x", "https://a.example/x", "http://b.example/x", "http://a.example:8080/x",
		"http://a.example/X", "http://a.example/x/", "http://a.example/x?q=1", "http://a.example/x?q=2", "http://a.example/x?q=1&",
		"http://a.example/x?a=1&b=2", "http://a.example/x?b=2&a=1", "http://a.example/x%2Fy", "http://a.example/x/y", "http://a.example/%78",
		"http://a.example//x", "http://a.example/x;v=1", "http://a.example/%C3%A9?q=%C3%A9",
	}
	o := &origin{}
	h := newPages(t, nil).View(time.Hour, nil).Handler(o)
	for i, target := range distinct {
		if got, want := get(t, h, target), "run "+itoa(int64(i+1)); got != want {
			t.Errorf("%s: got %q, want %q: it shares a page", target, got, want)
		}
	}
	for i, target := range distinct {
		wantEqual(t, target+" again", get(t, h, target), "run "+itoa(int64(i+1)))
	}
	wantEqual(t, "HTTP-053 case of the host", get(t, h, "http://A.Example/x"), "run 1")
	wantEqual(t, "HTTP-055 a bare ?", get(t, h, "http://a.example/x?"), "run 1")
}

// TestStrippedHeadersAreNotConsulted: they make no other page.
func TestStrippedHeadersAreNotConsulted(t *testing.T) {
	t.Parallel()
	o := &origin{}
	h := newPages(t, nil).View(time.Hour, nil).Handler(o)
	do(h, request("/x"))
	for _, name := range []string{"X-Forwarded-For", "X-Host", "X-Original-Url", "X-Http-Method-Override", "Forwarded"} {
		wantEqual(t, name, bodyOf(t, do(h, request("/x", name, "evil.example"))), "run 1")
	}
}

// TestStripPrefix: two handlers that see the same path behind different
// prefixes do not share pages.
func TestStripPrefix(t *testing.T) {
	t.Parallel()
	pages := newPages(t, nil)
	says := func(s string) http.Handler {
		return pages.View(time.Hour, nil).Handler(&origin{body: s})
	}
	mux := http.NewServeMux()
	mux.Handle("/a/", http.StripPrefix("/a", says("a")))
	mux.Handle("/b/", http.StripPrefix("/b", says("b")))
	wantEqual(t, "bodies", get(t, mux, "/a/x", "/b/x", "/a/x", "/b/x"), "a, b, a, b")
}

// TestVary: one URL, several pages.
func TestVary(t *testing.T) {
	t.Parallel()
	echo := func(vary ...string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Vary"] = vary
			for _, v := range vary {
				_, _ = io.WriteString(w, r.Header.Get(v)+".")
			}
		})
	}
	for _, tt := range []struct {
		name     string
		vary     []string
		requests [][]string
	}{
		{"RFC9111-4.1 two variants", []string{"Accept"}, [][]string{{"Accept", "a"}, {"Accept", "b"}, {"Accept", "c"}}},
		{"RFC9111-4.1 two fields", []string{"Accept", "X-A"}, [][]string{{"Accept", "a"}, {"X-A", "a"}, {"Accept", "a", "X-A", "a"}}},
		{"HTTP-059 values are framed", []string{"A", "B"}, [][]string{{"A", "ab", "B", "c"}, {"A", "a", "B", "bc"}, {"A", "abc"}, {"B", "abc"}}},
		{"HTTP-061 Content-Type", []string{"Content-Type"}, [][]string{{"Content-Type", "a"}, {"Content-Type", "b"}}},
		{"HTTP-057 case", []string{"accept"}, [][]string{{"Accept", "a"}, {"ACCEPT", "b"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newPages(t, nil).View(time.Minute, nil).Handler(echo(tt.vary...))
			for round := range 3 {
				for _, header := range tt.requests {
					r := request("/", header...)
					want := ""
					for _, v := range tt.vary {
						want += r.Header.Get(v) + "."
					}
					resp := do(h, r)
					wantEqual(t, "body", bodyOf(t, resp), want)
					if status := resp.Header.Get("Cache-Status"); round > 0 && !strings.HasPrefix(status, "Strata; hit") {
						t.Errorf("round %d of %q: %s", round, header, status)
					}
				}
			}
		})
	}
}

// TestVaryThatGrows (HTTP-062): the responses of one URL name different
// fields. No request gets the page of another variant.
func TestVaryThatGrows(t *testing.T) {
	t.Parallel()
	h := newPages(t, nil).View(time.Minute, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "X-Kind")
		if kind := r.Header.Get("X-Kind"); kind == "personal" {
			w.Header().Add("Vary", "Cookie")
			_, _ = io.WriteString(w, "for "+r.Header.Get("Cookie"))
			return
		}
		_, _ = io.WriteString(w, "for all")
	}))
	for round := range 3 {
		for _, tt := range []struct{ kind, cookie, want string }{
			{"", "a", "for all"}, {"personal", "a", "for a"}, {"personal", "b", "for b"}, {"", "b", "for all"},
		} {
			resp := do(h, request("/", "X-Kind", tt.kind, "Cookie", tt.cookie))
			wantEqual(t, "body", bodyOf(t, resp), tt.want)
			if status := resp.Header.Get("Cache-Status"); round == 2 && !strings.HasPrefix(status, "Strata; hit") {
				t.Errorf("kind %q for %q is not stored when all names are known: %s", tt.kind, tt.cookie, status)
			}
		}
	}
}

// TestGzipVariant: a client that takes no gzip does not get it.
func TestGzipVariant(t *testing.T) {
	t.Parallel()
	h := newPages(t, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Vary", "Accept-Encoding")
		if r.Header.Get("Accept-Encoding") == "gzip" {
			w.Header().Set("Content-Encoding", "gzip")
			r.Header.Del("Accept-Encoding") // as some gzip handlers do: the key is not theirs to change
			_, _ = io.WriteString(w, "zipped")
			return
		}
		_, _ = io.WriteString(w, "plain")
	}))
	for range 2 {
		zipped := do(h, request("/", "Accept-Encoding", "gzip"))
		wantEqual(t, "coding", zipped.Header.Get("Content-Encoding"), "gzip")
		wantEqual(t, "body", bodyOf(t, zipped), "zipped")
		plain := do(h, request("/"))
		wantEqual(t, "coding", plain.Header.Get("Content-Encoding"), "")
		wantEqual(t, "body", bodyOf(t, plain), "plain")
	}
}

// TestKeyParts: a view's own parts divide a URL, and do not keep an
// invalidation of the URL from all of them.
func TestKeyParts(t *testing.T) {
	t.Parallel()
	o := &origin{}
	lang := func(r *http.Request) []string { return strings.Fields(r.Header.Get("X-Lang")) }
	h := newPages(t, nil).View(time.Minute, &httpcache.ViewOptions{KeyParts: lang}).Handler(o)
	ask := func(lang string) string { return bodyOf(t, do(h, request("/", "X-Lang", lang))) }
	for range 2 {
		for i, lang := range []string{"", "a", "b", "a b", "ab"} {
			wantEqual(t, lang, ask(lang), "run "+itoa(int64(i+1)))
		}
	}
	do(h, requestOf(http.MethodPost, "/"))
	wantEqual(t, "after POST", ask("a")+", "+ask("b"), "run 7, run 8")
}
