package httpcache_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// proxied starts an origin, and the cache in front of it, on real connections.
func proxied(t *testing.T, origin http.HandlerFunc) (front *httptest.Server, rp *httputil.ReverseProxy) {
	t.Helper()
	back := httptest.NewUnstartedServer(origin)
	back.Config.ErrorLog = discardLog
	back.Start()
	u, err := url.Parse(back.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableCompression: true}
	rp = &httputil.ReverseProxy{
		Rewrite:       func(p *httputil.ProxyRequest) { p.SetURL(u); p.Out.Host = p.In.Host },
		Transport:     transport,
		ErrorLog:      discardLog,
		FlushInterval: -1,
	}
	front = httptest.NewUnstartedServer(newPages(t, nil).Handler(rp)) // Handler knows a ReverseProxy
	front.Config.ErrorLog = discardLog
	front.Start()
	t.Cleanup(func() {
		front.Close()
		transport.CloseIdleConnections()
		back.Close()
	})
	return front, rp
}

// TestProxyStreams: each event is with the client before the origin makes the
// next.
func TestProxyStreams(t *testing.T) {
	t.Parallel()
	next := make(chan struct{})
	front, _ := proxied(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Cache-Control", "max-age=60")
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			w.(http.Flusher).Flush()
			<-next
		}
	})
	resp := fetch(t, clientRequest(t, t.Context(), front.URL))
	lines := bufio.NewScanner(resp.Body)
	for i := range 3 {
		for lines.Scan() && lines.Text() == "" {
		}
		wantEqual(t, "event", lines.Text(), fmt.Sprintf("data: %d", i))
		next <- struct{}{}
	}
}

// TestProxyHintsAndTrailers: both pass on a miss, and a hit has neither.
func TestProxyHintsAndTrailers(t *testing.T) {
	t.Parallel()
	front, _ := proxied(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Trailer", "X-Sum")
		_, _ = io.WriteString(w, "page")
		w.Header().Set("X-Sum", "1")
	})
	hints := 0
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(int, textproto.MIMEHeader) error { hints++; return nil },
	})
	for i := range 2 {
		resp := fetch(t, clientRequest(t, ctx, front.URL))
		wantEqual(t, "body", bodyOf(t, resp), "page")
		wantEqual(t, "Link", resp.Header.Get("Link"), "")
		wantEqual(t, "trailer", resp.Trailer.Get("X-Sum"), []string{"1", ""}[i])
		wantEqual(t, "X-Sum", resp.Header.Get("X-Sum"), "")
		wantHit(t, resp, i == 1)
	}
	wantEqual(t, "hints", hints, 1)
}

// TestProxyUpgrade: another protocol works through the cache and the proxy, in
// any case of letters.
func TestProxyUpgrade(t *testing.T) {
	t.Parallel()
	front, _ := proxied(t, func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", r.Header.Get("Upgrade"))
		_ = rw.Flush()
		line, _ := rw.ReadString('\n')
		_, _ = rw.WriteString("echo " + line)
		_ = rw.Flush()
	})
	for _, upgrade := range []string{"websocket", "WebSocket"} {
		conn, err := net.Dial("tcp", front.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", upgrade)
		r := bufio.NewReader(conn)
		resp, err := http.ReadResponse(r, nil)
		if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("%s: %v, %v", upgrade, resp, err)
		}
		fmt.Fprint(conn, "hello\n")
		line, err := r.ReadString('\n')
		if line != "echo hello\n" {
			t.Errorf("%s: %q, %v", upgrade, line, err)
		}
		_ = conn.Close()
	}
}

// TestProxyCutShort: an origin that dies in the middle of a body reaches the
// client as that, and not the store.
func TestProxyCutShort(t *testing.T) {
	t.Parallel()
	for _, declared := range []bool{true, false} {
		var runs atomic.Int64
		front, _ := proxied(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", "max-age=60")
			if declared {
				w.Header().Set("Content-Length", "10")
			}
			if runs.Add(1) == 1 {
				_, _ = io.WriteString(w, "half")
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			}
			_, _ = io.WriteString(w, "whole body")
		})
		resp := fetch(t, clientRequest(t, t.Context(), front.URL))
		if _, err := io.ReadAll(resp.Body); err == nil {
			t.Error("the client saw a whole response")
		}
		for i := range 2 {
			resp := fetch(t, clientRequest(t, t.Context(), front.URL))
			wantEqual(t, "body", bodyOf(t, resp), "whole body")
			wantHit(t, resp, i == 1)
		}
	}
}

// TestRestOfAFile: the whole, on real connections, of what is stored and of what
// net/http's file server adds.
func TestRestOfAFile(t *testing.T) {
	t.Parallel()
	file := strings.Repeat("0123456789", 20_000)
	ranges := make(chan string, 9)
	serveFile := func(w http.ResponseWriter, r *http.Request) {
		ranges <- r.Header.Get("Range")
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Etag", `"v1"`)
		http.ServeContent(w, r, "file.txt", time.Time{}, strings.NewReader(file))
	}
	front, _ := proxied(t, serveFile)
	for _, url := range []string{front.URL, serve(t, serveFile).URL} {
		part := clientRequest(t, t.Context(), url)
		part.Header.Set("Range", "bytes=0-99999")
		wantEqual(t, "part", bodyOf(t, fetch(t, part)) == file[:100_000], true)
		for i := range 2 {
			resp := fetch(t, clientRequest(t, t.Context(), url))
			wantEqual(t, "status", resp.StatusCode, http.StatusOK)
			wantEqual(t, "length", resp.ContentLength, int64(len(file)))
			wantEqual(t, "whole", bodyOf(t, resp) == file, true)
			wantHit(t, resp, i == 1)
		}
		wantEqual(t, "ranges", <-ranges+"|"+<-ranges, "bytes=0-99999|bytes=100000-")
		wantEqual(t, "and no more", len(ranges), 0)
	}
}

// TestProxyErrorHandler: the proxy's own still answers where nothing is stored.
func TestProxyErrorHandler(t *testing.T) {
	t.Parallel()
	var seen error
	rp := &httputil.ReverseProxy{
		Rewrite:   func(p *httputil.ProxyRequest) { p.Out.URL.Scheme, p.Out.URL.Host = "http", "origin.example" },
		Transport: refusing{},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			seen = err
			http.Error(w, "sorry", http.StatusBadGateway)
		},
	}
	h := newPages(t, nil).Proxy(rp)
	resp := do(h, request("/"))
	wantEqual(t, "status", resp.StatusCode, http.StatusBadGateway)
	wantEqual(t, "body", bodyOf(t, resp), "sorry\n")
	wantEqual(t, "error", errors.Is(seen, errRefused), true)
}

var errRefused = errors.New("connection refused")

type refusing struct{}

func (refusing) RoundTrip(*http.Request) (*http.Response, error) { return nil, errRefused }

// TestServerErrorsPass: a 500 that says nothing is nobody else's, within a view
// as well.
func TestServerErrorsPass(t *testing.T) {
	t.Parallel()
	for _, status := range []int{500, 502, 503, 403, 429} {
		o := &origin{status: status}
		h := newPages(t, nil).View(time.Minute, nil).Handler(o)
		wantEqual(t, "bodies", get(t, h, "/", "/"), "run 1, run 2")
	}
}

// TestHeapOfAStream: 64 MiB that are not stored pass through a server, and the
// heap grows by less than 2 MiB.
func TestHeapOfAStream(t *testing.T) {
	const size = 64 << 20
	chunk := make([]byte, 32<<10)
	var grown atomic.Uint64
	var base runtime.MemStats
	srv := httptest.NewServer(newPages(t, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		for n := range size / len(chunk) {
			_, _ = w.Write(chunk)
			if n%64 != 0 {
				continue
			}
			var now runtime.MemStats
			runtime.GC() // what is left is in use
			if runtime.ReadMemStats(&now); now.HeapAlloc > base.HeapAlloc {
				grown.Store(max(grown.Load(), now.HeapAlloc-base.HeapAlloc))
			}
		}
	})))
	defer srv.Close()
	runtime.GC()
	runtime.ReadMemStats(&base)
	resp := fetch(t, clientRequest(t, t.Context(), srv.URL))
	n, err := io.Copy(io.Discard, struct{ io.Reader }{resp.Body})
	if err != nil || n != size {
		t.Fatalf("%d bytes, %v", n, err)
	}
	if got := grown.Load(); got > 2<<20 {
		t.Errorf("the heap grew by %d bytes", got)
	}
	t.Logf("the heap grew by %d KiB", grown.Load()>>10)
}

// TestReflectedHost: a handler that makes its links of X-Forwarded-Host does not
// give a visitor another one's.
func TestReflectedHost(t *testing.T) {
	t.Parallel()
	h := newPages(t, nil).View(time.Minute, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if forwarded := r.Header.Get("X-Forwarded-Host"); forwarded != "" {
			host = forwarded
		}
		_, _ = io.WriteString(w, "https://"+host)
	}))
	do(h, request("/", "X-Forwarded-Host", "evil.example"))
	if body := get(t, h, "/"); strings.Contains(body, "evil") {
		t.Errorf("got %q", body)
	}
}
