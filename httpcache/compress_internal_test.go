package httpcache

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
)

// TestStoredGzipIsSmall: what is stored is the compressed body, and no more
// memory than that.
func TestStoredGzipIsSmall(t *testing.T) {
	t.Parallel()
	body := []byte(strings.Repeat("small ", 10_000))
	p := &page{status: 200}
	p.add("Content-Type", "text/plain")
	p.finish(body, true)
	z := newZipper(&Compression{})
	for range 2 { // the second with coders that were used before
		q := *p
		z.zip(&q, nil)
		if !q.has(flagZipped) || cap(q.body) > len(body)/10 || q.size() != int64(len(body)) || q.length != p.length {
			t.Errorf("%d bytes are kept of %d, as %+v", cap(q.body), len(body), q)
		}
		if _, err := z.inflated(&q, int64(len(body))-1); err == nil {
			t.Error("more was inflated than was asked for")
		}
		if !z.restore(&q, int64(len(body))) || !bytes.Equal(q.body, body) || q.has(flagZipped) || q.total != 0 {
			t.Error("it is not what it was")
		}
	}
}

// TestBrokenGzip: a body that is not what its record says ends the response in a
// way that the client sees, and is not served again; and no record makes a
// process inflate more than it stores itself.
func TestBrokenGzip(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(p *page){
		"garbage":        func(p *page) { p.body = []byte("garbage") },
		"cut short":      func(p *page) { p.body = p.body[:len(p.body)/2] },
		"another sum":    func(p *page) { p.body = bytes.Clone(p.body); p.body[len(p.body)-5] ^= 1 },
		"longer than":    func(p *page) { p.total -= 10 },
		"shorter than":   func(p *page) { p.total += 10 },
		"two of them":    func(p *page) { p.body = append(p.body, p.body...); p.total *= 2 },
		"beyond MaxBody": func(p *page) { p.total = 1 << 40 },
	} {
		for _, header := range []string{"", "bytes=3-4"} {
			t.Run(name+header, func(t *testing.T) {
				t.Parallel()
				client, err := cache.New(locmem.New(nil), nil)
				if err != nil {
					t.Fatal(err)
				}
				defer client.Close(context.Background())
				c, err := New(client, &Options{Compress: &Compression{}})
				if err != nil {
					t.Fatal(err)
				}
				p := &page{status: 200, received: time.Now().UnixNano(), lifetime: time.Hour}
				p.add("Content-Type", "text/plain")
				p.finish([]byte(strings.Repeat("broken ", 1000)), true)
				c.zips.zip(p, nil)
				spoil(p)
				r := httptest.NewRequest(http.MethodGet, "/", nil)
				if header != "" {
					r.Header.Set("Range", header)
				}
				if err := c.pages.Set(t.Context(), c.keyOf(r), &record{page: p}); err != nil {
					t.Fatal(err)
				}
				runs := 0
				h := c.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					runs++
					w.Header().Set("Cache-Control", "max-age=60")
					_, _ = io.WriteString(w, "made anew")
				}))
				func() {
					defer func() {
						if v := recover(); v != http.ErrAbortHandler {
							t.Errorf("panic %v, want %v", v, http.ErrAbortHandler)
						}
					}()
					h.ServeHTTP(httptest.NewRecorder(), r)
				}()
				h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
				if runs != 1 {
					t.Errorf("the handler ran %d times, want 1: the page stayed", runs)
				}
			})
		}
	}
}

// gone is a client that has left.
type gone struct{ header http.Header }

func (g *gone) Header() http.Header       { return g.header }
func (g *gone) WriteHeader(int)           {}
func (g *gone) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// TestGzipClientLeaves: then the page is as good as before.
func TestGzipClientLeaves(t *testing.T) {
	t.Parallel()
	client, err := cache.New(locmem.New(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(context.Background())
	c, err := New(client, &Options{Compress: &Compression{}})
	if err != nil {
		t.Fatal(err)
	}
	runs := 0
	h := c.View(time.Minute, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		runs++
		_, _ = io.WriteString(w, strings.Repeat("page ", 1000))
	}))
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	h.ServeHTTP(httptest.NewRecorder(), r)
	h.ServeHTTP(&gone{header: make(http.Header)}, r)
	h.ServeHTTP(httptest.NewRecorder(), r)
	if runs != 1 {
		t.Errorf("the handler ran %d times, want 1", runs)
	}
}
