package httpcache_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stratacache/strata/httpcache"
)

// serve runs h behind a view of a minute, on a real server.
func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(newPages(t, nil).View(time.Minute, nil).Handler(h))
	srv.Config.ErrorLog = discardLog
	srv.Start()
	t.Cleanup(srv.Close)
	return srv
}

// visitor keeps its connections, on which one request follows the other: what
// came before it has been stored when the next one arrives. The default client
// loses its own whenever a test closes a server.
var visitor = &http.Client{Transport: new(http.Transport)}

func fetch(t *testing.T, r *http.Request) *http.Response {
	t.Helper()
	resp, err := visitor.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func clientRequest(t *testing.T, ctx context.Context, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestStream: each event arrives before the handler makes the next, whatever
// the response says of itself.
func TestStream(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, field, value string }{
		{"SSE", "Content-Type", "text/event-stream"},
		{"chunked no-store", "Cache-Control", "no-store"},
		{"one that is stored", "Cache-Control", "max-age=60"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			next := make(chan struct{})
			srv := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set(tt.field, tt.value)
				for i := range 3 {
					fmt.Fprintf(w, "event %d\n", i)
					w.(http.Flusher).Flush()
					<-next
				}
			})
			resp := fetch(t, clientRequest(t, t.Context(), srv.URL))
			lines := bufio.NewScanner(resp.Body)
			for i := range 3 {
				if !lines.Scan() {
					t.Fatal("the stream ended", lines.Err())
				}
				wantEqual(t, "line", lines.Text(), fmt.Sprintf("event %d", i))
				next <- struct{}{}
			}
		})
	}
}

// TestResponseController: all of it works through us.
func TestResponseController(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		rc := http.NewResponseController(w)
		err := errors.Join(
			rc.SetReadDeadline(time.Now().Add(time.Minute)),
			rc.SetWriteDeadline(time.Now().Add(time.Minute)),
			rc.EnableFullDuplex(),
			rc.Flush(),
		)
		fmt.Fprint(w, err)
	})
	wantEqual(t, "errors", bodyOf(t, fetch(t, clientRequest(t, t.Context(), srv.URL))), "<nil>")
}

// TestHijack: with and without Upgrade, in any case of letters, and nothing of
// it is stored.
func TestHijack(t *testing.T) {
	t.Parallel()
	for _, upgrade := range []string{"websocket", "WebSocket", ""} {
		t.Run("Upgrade "+upgrade, func(t *testing.T) {
			t.Parallel()
			srv := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				conn, rw, err := w.(http.Hijacker).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhello")
				_ = rw.Flush()
			})
			for range 2 {
				conn, err := net.Dial("tcp", srv.Listener.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				head := "GET / HTTP/1.1\r\nHost: x\r\n"
				if upgrade != "" {
					head += "Connection: Upgrade\r\nUpgrade: " + upgrade + "\r\n"
				}
				_, _ = io.WriteString(conn, head+"\r\n")
				answer, err := io.ReadAll(conn)
				if !strings.HasPrefix(string(answer), "HTTP/1.1 101 ") || !strings.HasSuffix(string(answer), "hello") {
					t.Errorf("got %q, %v", answer, err)
				}
				_ = conn.Close()
			}
		})
	}
}

// TestEarlyHints: 103 passes, is not the status, and leaves nothing in the page.
func TestEarlyHints(t *testing.T) {
	t.Parallel()
	runs := 0
	srv := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		runs++
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		_, _ = io.WriteString(w, "page")
	})
	hints := 0
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		hints++
		wantEqual(t, "interim status", code, 103)
		wantEqual(t, "interim Link", h.Get("Link"), "</a.css>; rel=preload")
		return nil
	}}
	for range 2 {
		resp := fetch(t, clientRequest(t, httptrace.WithClientTrace(t.Context(), trace), srv.URL))
		wantEqual(t, "status", resp.StatusCode, 200)
		wantEqual(t, "Link", resp.Header.Get("Link"), "")
		wantEqual(t, "body", bodyOf(t, resp), "page")
	}
	wantEqual(t, "hints", hints, 1)
	wantEqual(t, "runs", runs, 1)
}

// TestTrailers: they pass on a miss, and are neither stored nor turned into
// header fields.
func TestTrailers(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		_, _ = io.WriteString(w, "page")
		w.Header().Set("X-Sum", "1")
		w.Header().Set(http.TrailerPrefix+"X-Late", "2")
	})
	miss := fetch(t, clientRequest(t, t.Context(), srv.URL))
	wantEqual(t, "body", bodyOf(t, miss), "page")
	wantEqual(t, "X-Sum of the miss", miss.Trailer.Get("X-Sum"), "1")
	wantEqual(t, "X-Late of the miss", miss.Trailer.Get("X-Late"), "2")
	hit := fetch(t, clientRequest(t, t.Context(), srv.URL))
	wantEqual(t, "body", bodyOf(t, hit), "page")
	if !strings.HasPrefix(hit.Header.Get("Cache-Status"), "Strata; hit") {
		t.Error("Cache-Status", hit.Header.Get("Cache-Status"))
	}
	for name := range hit.Header {
		if strings.Contains(name, "X-Sum") || strings.Contains(name, "X-Late") || name == "Trailer" {
			t.Errorf("the hit has %s", name)
		}
	}
}

// TestOnlyWholeBodiesAreStored: what went wrong once goes right the next time,
// and the client sees it go wrong.
func TestOnlyWholeBodiesAreStored(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		fail func(w http.ResponseWriter, r *http.Request)
	}{
		{"abort mid-body", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}},
		{"panic mid-body", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			panic("application bug")
		}},
		{"abort before anything", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		{"fewer bytes than declared", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "half")
		}},
		{"goexit", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "half")
			runtime.Goexit()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			runs := 0
			srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if runs++; runs == 1 {
					tt.fail(w, r)
					return
				}
				_, _ = io.WriteString(w, "whole body")
			})
			resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(clientRequest(t, t.Context(), srv.URL))
			if err == nil {
				_, err = io.ReadAll(resp.Body)
				_ = resp.Body.Close()
			}
			if err == nil {
				t.Error("the client saw a whole response")
			}
			for range 2 {
				wantEqual(t, "next body", bodyOf(t, fetch(t, clientRequest(t, t.Context(), srv.URL))), "whole body")
			}
			wantEqual(t, "runs", runs, 2)
		})
	}
}

// TestClientDisconnects: a handler that stops when its client has gone has made
// half a page.
func TestClientDisconnects(t *testing.T) {
	t.Parallel()
	runs := 0
	ended := make(chan struct{})
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if runs++; runs > 1 {
			_, _ = io.WriteString(w, "whole")
			return
		}
		defer close(ended)
		_, _ = io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(clientRequest(t, ctx, srv.URL))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	_ = resp.Body.Close()
	<-ended
	wantEqual(t, "next body", bodyOf(t, fetch(t, clientRequest(t, t.Context(), srv.URL))), "whole")
}

// TestOversized: what is over the limit streams on, and is not stored.
func TestOversized(t *testing.T) {
	t.Parallel()
	for _, declared := range []bool{true, false} {
		o := 0
		h := newPages(t, &httpcache.Options{MaxBody: 1000}).View(time.Minute, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			o++
			n := 1000
			if r.URL.Path == "/big" {
				n = 1001
			}
			if declared {
				w.Header().Set("Content-Length", itoa(int64(n)))
			}
			if r.URL.RawQuery == "write" {
				_, _ = w.Write(make([]byte, n))
				return
			}
			_, _ = io.Copy(w, strings.NewReader(strings.Repeat("x", n)))
		}))
		wantEqual(t, "bodies", len(get(t, h, "/big", "/big")), 2*1001+2)
		wantEqual(t, "runs", o, 2)
		wantEqual(t, "bodies", len(get(t, h, "/", "/")), 2*1000+2)
		wantEqual(t, "runs", o, 3)
		get(t, h, "/big?write", "/big?write", "/?write", "/?write")
		wantEqual(t, "runs", o, 6)
	}
}

// TestNothingIsBuffered: a response that is not stored costs no memory of its
// size.
func TestNothingIsBuffered(t *testing.T) {
	chunk := make([]byte, 64<<10)
	const chunks = 1024
	h := newPages(t, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		for range chunks {
			_, _ = w.Write(chunk)
		}
	}))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	h.ServeHTTP(&discard{header: make(http.Header)}, request("/"))
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
		t.Errorf("64 MiB of no-store allocated %d bytes", got)
	}
}
