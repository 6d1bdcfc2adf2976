package httpcache_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stratacache/strata/httpcache"
)

// discard is a ResponseWriter that costs nothing.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }

// browser is a request with the fields that a browser sends.
func browser(target string) *http.Request {
	return request(target,
		"Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
		"Accept-Encoding", "gzip, deflate, br",
		"Accept-Language", "en-GB,en;q=0.7,de;q=0.3",
		"Connection", "keep-alive",
		"Cookie", "id=0123456789abcdef",
		"User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
	)
}

// BenchmarkHit compares a hit in memory with the handler that writes the same
// bytes, on a writer that discards them.
func BenchmarkHit(b *testing.B) {
	for _, size := range []int{1 << 10, 8 << 10, 64 << 10} {
		body := []byte(strings.Repeat("x", size))
		page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("Content-Type", "text/html; charset=utf-8")
			h.Set("Cache-Control", "max-age=3600")
			h.Set("Etag", `"v1"`)
			if r.URL.Path == "/vary" {
				h.Set("Vary", "Accept-Encoding")
			}
			_, _ = w.Write(body)
		})
		pages := newPages(b, nil)
		name := itoa(int64(size>>10)) + "KB/"
		run := func(name string, h http.Handler, r *http.Request) {
			b.Run(name, func(b *testing.B) {
				h.ServeHTTP(httptest.NewRecorder(), r)
				b.ReportAllocs()
				b.SetBytes(int64(size))
				w := new(discard)
				for b.Loop() {
					w.header = make(http.Header) // as net/http does for each response
					h.ServeHTTP(w, r)
				}
			})
		}
		run(name+"bare", page, browser("http://example.com/pkg/net/http"))
		run(name+"hit", pages.Handler(page), browser("http://example.com/pkg/net/http"))
		if size != 8<<10 {
			continue
		}
		behind := browser("http://example.com/tls")
		behind.Header.Set("X-Forwarded-Proto", "https")
		run(name+"hit-behind-tls", pages.Handler(page), behind)
		run(name+"hit-vary", pages.Handler(page), browser("http://example.com/vary"))
		parts := &httpcache.ViewOptions{KeyParts: func(*http.Request) []string { return []string{"en"} }}
		run(name+"hit-parts", pages.View(time.Hour, parts).Handler(page), browser("http://example.com/vary"))
		zipped := newPages(b, &httpcache.Options{Compress: &httpcache.Compression{}}).Handler(page)
		run(name+"hit-gzip", zipped, browser("http://example.com/pkg/net/http"))
		run(name+"hit-inflated", zipped, request("http://example.com/pkg/net/http"))
		run(name+"hit-conditional", pages.Handler(page), request("http://example.com/pkg/net/http", "If-None-Match", `"v1"`))
	}
}

// BenchmarkMiss is what a page that is not stored costs beside the handler.
func BenchmarkMiss(b *testing.B) {
	body := []byte(strings.Repeat("x", 8<<10))
	page := func(cc string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", cc)
			_, _ = w.Write(body)
		})
	}
	for _, tt := range []struct{ name, cc string }{{"no-store", "no-store"}, {"stored", "max-age=3600"}} {
		b.Run(tt.name, func(b *testing.B) {
			h := newPages(b, nil).Handler(page(tt.cc))
			r := request("http://example.com/", "Cache-Control", "no-cache")
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(&discard{header: make(http.Header)}, r)
			}
		})
	}
}

// BenchmarkServer is a hit over loopback beside the bare handler, with as many
// clients as processors.
func BenchmarkServer(b *testing.B) {
	body := []byte(strings.Repeat("x", 8<<10))
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "max-age=3600")
		w.Header().Set("Content-Length", "8192")
		_, _ = w.Write(body)
	})
	for _, tt := range []struct {
		name string
		h    http.Handler
	}{{"bare", page}, {"hit", newPages(b, nil).Handler(page)}} {
		b.Run(tt.name, func(b *testing.B) {
			srv := httptest.NewServer(tt.h)
			defer srv.Close()
			transport := &http.Transport{MaxIdleConnsPerHost: 64}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport}
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					resp, err := client.Get(srv.URL + "/pkg/net/http")
					if err != nil {
						b.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
		})
	}
}

// BenchmarkRevalidation is a page that is asked about each time, beside the
// handler that answers 304.
func BenchmarkRevalidation(b *testing.B) {
	body := []byte(strings.Repeat("x", 8<<10))
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("Etag", `"v1"`)
		if r.Header.Get("If-None-Match") == `"v1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write(body)
	})
	for _, tt := range []struct {
		name string
		h    http.Handler
		r    *http.Request
	}{
		{"bare", page, request("http://example.com/", "If-None-Match", `"v1"`)},
		{"confirmed", newPages(b, nil).Handler(page), request("http://example.com/")},
	} {
		b.Run(tt.name, func(b *testing.B) {
			tt.h.ServeHTTP(httptest.NewRecorder(), tt.r)
			b.ReportAllocs()
			for b.Loop() {
				tt.h.ServeHTTP(&discard{header: make(http.Header)}, tt.r)
			}
		})
	}
}
