package httpcache_test

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/stratacache/strata/cache"
)

// TestPosted: RFC 9110 section 9.3.3.
func TestPosted(t *testing.T) {
	t.Parallel()
	const url = "http://example.com/a?b=1"
	post := func(header []string, send ...string) []exchange {
		return []exchange{
			{url: url, header: fresh("60"), body: "old"},
			{method: "POST", url: url, send: send, header: header, body: "new", want: "asked", wantBody: "new"},
		}
	}
	stored := func(name string, header []string) conformance {
		return conformance{name: name, steps: append(post(header), exchange{url: url, want: "hit", wantBody: "new"})}
	}
	not := func(name string, header []string, send ...string) conformance {
		return conformance{name: name, steps: append(post(header, send...), exchange{url: url, want: "asked"})}
	}
	runConformance(t, []conformance{
		stored("9.3.3 its own Content-Location", fresh("60", "Content-Location", "/a?b=1")),
		stored("9.3.3 as a whole URL", fresh("60", "Content-Location", url)),
		not("9.3.3 another", fresh("60", "Content-Location", "/a")),
		not("9.3.3 of another origin", fresh("60", "Content-Location", "https://example.com/a?b=1")),
		not("9.3.3 none", fresh("60")),
		not("9.3.3 no explicit freshness", []string{"Content-Location", url, "Last-Modified", longAgo}),
		not("9.3.3 private", fresh("60, private", "Content-Location", url)),
		not("9.3.3 Set-Cookie", fresh("60", "Content-Location", url, "Set-Cookie", "a=b")),
		not("3.5 credentials", fresh("60", "Content-Location", url), "Authorization", "x"),
	})
}

// TestPostedAndInvalidated: what came between wins, whatever it was.
func TestPostedAndInvalidated(t *testing.T) {
	t.Parallel()
	for name, between := range map[string]func(c *cache.Client, h http.Handler) error{
		"a POST": func(_ *cache.Client, h http.Handler) error {
			do(h, requestOf(http.MethodPost, "/?inner", "X-Inner", "1"))
			return nil
		},
		"Clear": func(c *cache.Client, _ http.Handler) error { return c.Clear(context.Background()) },
	} {
		for _, when := range []string{"before the header", "after it"} {
			t.Run(name+" "+when, func(t *testing.T) {
				t.Parallel()
				c := open(t, nil)
				var h http.Handler
				h = over(t, c, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Method == http.MethodGet || r.Header.Get("X-Inner") != "" {
						w.Header().Set("Cache-Control", "max-age=60")
						_, _ = io.WriteString(w, "newer")
						return
					}
					step := func() {
						if err := between(c, h); err != nil {
							t.Error(err)
						}
					}
					if when == "before the header" {
						step()
					}
					w.Header().Set("Cache-Control", "max-age=60")
					w.Header().Set("Content-Location", "/?inner")
					_, _ = io.WriteString(w, "posted")
					if when == "after it" {
						step()
					}
				}))
				do(h, requestOf(http.MethodPost, "/?inner"))
				wantEqual(t, "body", get(t, h, "/?inner"), "newer")
			})
		}
	}
}
