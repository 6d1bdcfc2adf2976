package httpcache_test

import (
	"compress/gzip"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/httpcache"
)

var prose = strings.Repeat("A page that is worth it. ", 400)

// inflate reads a body in gzip.
func inflate(t *testing.T, resp *http.Response) string {
	t.Helper()
	r, err := gzip.NewReader(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestStoredInGzip: one stored form answers clients with and without gzip, and
// each gets a response that holds together.
func TestStoredInGzip(t *testing.T) {
	t.Parallel()
	o := &origin{body: prose, header: []string{
		"Cache-Control", "max-age=60", "Content-Type", "text/plain", "Etag", `"v1"`, "Vary", "Accept-Language", "Last-Modified", longAgo,
	}}
	h := newPages(t, &httpcache.Options{Compress: &httpcache.Compression{}}).Handler(o)
	miss := do(h, request("/", "Accept-Encoding", "gzip"))
	wantEqual(t, "the miss streams as it is made", bodyOf(t, miss), prose)
	wantEqual(t, "Vary of the miss", miss.Header.Get("Vary"), "Accept-Language, Accept-Encoding")

	for _, tt := range []struct {
		name   string
		method string
		send   []string
		status int
		zipped bool
		body   string // "-": none
	}{
		{name: "gzip", send: []string{"Accept-Encoding", "gzip, br"}, zipped: true},
		{name: "x-gzip", send: []string{"Accept-Encoding", "X-GZIP;q=0.2"}, zipped: true},
		{name: "whatever", send: []string{"Accept-Encoding", "*"}, zipped: true},
		{name: "nothing said"},
		{name: "nothing wanted", send: []string{"Accept-Encoding", ""}},
		{name: "another", send: []string{"Accept-Encoding", "br, zstd"}},
		{name: "no gzip", send: []string{"Accept-Encoding", "*, gzip;q=0"}},
		{name: "rather not", send: []string{"Accept-Encoding", "gzip;q=0.5, identity"}},
		{name: "unreadable", send: []string{"Accept-Encoding", "gzip;q=2"}},
		{name: "no-transform", send: []string{"Accept-Encoding", "gzip", "Cache-Control", "no-transform"}},
		{name: "HEAD with gzip", method: "HEAD", send: []string{"Accept-Encoding", "gzip"}, zipped: true, body: "-"},
		{name: "HEAD without", method: "HEAD", body: "-"},
		{name: "a range", send: []string{"Accept-Encoding", "gzip", "Range", "bytes=2-5"}, status: 206, body: "page"},
		{name: "its end", send: []string{"Range", "bytes=-3"}, status: 206, body: "t. "},
		{name: "beyond", send: []string{"Accept-Encoding", "gzip", "Range", "bytes=99999-"}, status: 416, body: "*"},
		{name: "a range of this", send: []string{"Accept-Encoding", "gzip", "Range", "bytes=2-5", "If-Range", `"v1"`}, status: 206, body: "page"},
		{name: "a range of the zipped", send: []string{"Accept-Encoding", "gzip", "Range", "bytes=2-5", "If-Range", `W/"v1"`}},
		{name: "304 with gzip", send: []string{"Accept-Encoding", "gzip", "If-None-Match", `W/"v1"`}, status: 304, zipped: true, body: "-"},
		{name: "304 by the other tag", send: []string{"Accept-Encoding", "gzip", "If-None-Match", `"v1"`}, status: 304, zipped: true, body: "-"},
		{name: "304 without gzip", send: []string{"If-None-Match", `"v1"`}, status: 304, body: "-"},
		{name: "304 by date", send: []string{"Accept-Encoding", "gzip", "If-Modified-Since", longAgo}, status: 304, zipped: true, body: "-"},
		{name: "another version, gzip", send: []string{"Accept-Encoding", "gzip", "If-None-Match", `"v0"`}, zipped: true},
		{name: "another version", send: []string{"If-None-Match", `"v0"`}},
		{name: "If-Match", send: []string{"Accept-Encoding", "gzip", "If-Match", `"v1"`}},
		{name: "If-Match of another", send: []string{"Accept-Encoding", "gzip", "If-Match", `"v0"`}, status: 412, body: "*"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			method, status := tt.method, tt.status
			if method == "" {
				method = http.MethodGet
			}
			if status == 0 {
				status = http.StatusOK
			}
			resp := do(h, requestOf(method, "/", tt.send...))
			wantHit(t, resp, true)
			wantEqual(t, "status", resp.StatusCode, status)
			coding, tag := "", `"v1"`
			if tt.zipped {
				coding, tag = "gzip", `W/"v1"`
			}
			if status == http.StatusNotModified {
				coding = ""
			}
			wantEqual(t, "Content-Encoding", resp.Header.Get("Content-Encoding"), coding)
			if status != http.StatusRequestedRangeNotSatisfiable && status != http.StatusPreconditionFailed {
				wantEqual(t, "Etag", resp.Header.Get("Etag"), tag)
			}
			wantEqual(t, "Vary", resp.Header.Get("Vary"), "Accept-Language, Accept-Encoding")
			length := resp.Header.Get("Content-Length")
			switch tt.body {
			case "":
				if tt.zipped {
					wantEqual(t, "body", inflate(t, resp), prose)
					break
				}
				wantEqual(t, "body", bodyOf(t, resp), prose)
				wantEqual(t, "Content-Length", length, itoa(int64(len(prose))))
			case "-":
				wantEqual(t, "body", bodyOf(t, resp), "")
				if method == http.MethodHead {
					wantEqual(t, "Content-Length", length, do(h, request("/", tt.send...)).Header.Get("Content-Length"))
				}
			case "*":
			default:
				wantEqual(t, "body", bodyOf(t, resp), tt.body)
			}
		})
	}
	resp := do(h, request("/", "Accept-Encoding", "gzip", "Range", "bytes=0-1,4-5"))
	_, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(resp.Body, params["boundary"])
	for _, want := range []string{"A ", "ge"} {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(part)
		wantEqual(t, "part", string(b), want)
	}
	wantEqual(t, "runs", o.runs.Load(), 1)
}

// TestNotStoredInGzip: what must not or need not be compressed is stored as it
// is.
func TestNotStoredInGzip(t *testing.T) {
	t.Parallel()
	noise := make([]byte, 4096)
	for i := range noise {
		noise[i] = byte(i * i * 7919 >> 5)
	}
	for _, tt := range []struct {
		name   string
		opts   *httpcache.Compression
		body   string
		header []string
	}{
		{name: "not asked for", body: prose},
		{name: "has a coding", opts: &httpcache.Compression{}, body: prose, header: []string{"Content-Encoding", "br", "Content-Type", "text/plain"}},
		{name: "chooses itself", opts: &httpcache.Compression{}, body: prose, header: []string{"Vary", "accept-encoding"}},
		{name: "no-transform", opts: &httpcache.Compression{}, body: prose, header: []string{"Cache-Control", "No-Transform"}},
		{name: "has a digest", opts: &httpcache.Compression{}, body: prose, header: []string{"Repr-Digest", "sha-256=:AA==:"}},
		{name: "small", opts: &httpcache.Compression{}, body: prose[:1000]},
		{name: "smaller than asked for", opts: &httpcache.Compression{MinSize: 20000}, body: prose},
		{name: "another type", opts: &httpcache.Compression{}, body: prose, header: []string{"Content-Type", "image/png"}},
		{name: "not of these types", opts: &httpcache.Compression{Types: []string{"application/json"}}, body: prose},
		{name: "a part", opts: &httpcache.Compression{}, body: prose, header: []string{"Content-Range", "bytes 0-9999/20000"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := &origin{body: tt.body, header: append([]string{"Cache-Control", "max-age=60"}, tt.header...)}
			send := []string{"Accept-Encoding", "gzip"}
			if strings.Contains(tt.name, "part") {
				o.status = http.StatusPartialContent
				send = append(send, "Range", "bytes=0-9999")
			}
			h := newPages(t, &httpcache.Options{Compress: tt.opts}).Handler(o)
			do(h, request("/", send...))
			resp := do(h, request("/", send...))
			wantHit(t, resp, true)
			wantEqual(t, "body", bodyOf(t, resp), tt.body)
			if v := resp.Header.Get("Vary"); v != "" && v != "accept-encoding" {
				t.Errorf("Vary: %s", v)
			}
		})
	}
	h := newPages(t, &httpcache.Options{Compress: &httpcache.Compression{}}).Handler(
		&origin{body: string(noise), header: []string{"Cache-Control", "max-age=60", "Content-Type", "text/plain"}})
	do(h, request("/"))
	wantEqual(t, "what does not get smaller", bodyOf(t, do(h, request("/", "Accept-Encoding", "gzip"))), string(noise))
}

// TestCompressedTypes: by name, by beginning, and by end.
func TestCompressedTypes(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]bool{
		"text/html; charset=utf-8": true, "Application/JSON": true, "application/ld+json": true, "image/svg+xml": true,
		"image/webp": false, "application/zip": false, "video/mp4": false,
	} {
		h := newPages(t, &httpcache.Options{Compress: &httpcache.Compression{}}).View(time.Minute, nil).Handler(
			&origin{body: prose, header: []string{"Content-Type", typed}})
		do(h, request("/"))
		got := do(h, request("/", "Accept-Encoding", "gzip")).Header.Get("Content-Encoding")
		wantEqual(t, typed, got == "gzip", want)
	}
	if _, err := httpcache.New(open(t, nil), &httpcache.Options{Compress: &httpcache.Compression{MinSize: -1}}); err == nil {
		t.Error("a negative MinSize was taken")
	}
}

// TestGzipValidated: a page in gzip is asked about, freshened and compared as
// what its handler made.
func TestGzipValidated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &scripted{}
		client := open(t, nil)
		h := over(t, client, &httpcache.Options{Compress: &httpcache.Compression{}}).Handler(o)
		play := func(step exchange, r *http.Request) *http.Response {
			o.step, o.got = &step, nil
			return do(h, r)
		}
		text := []string{"Content-Type", "text/plain", "Etag", `"v1"`}
		play(exchange{header: fresh("10", text...), body: prose}, request("/"))
		time.Sleep(11 * time.Second)
		resp := play(exchange{status: 304, header: fresh("10")}, request("/", "Accept-Encoding", "gzip"))
		wantEqual(t, "asked by", o.got[0].Header.Get("If-None-Match"), `"v1"`)
		wantEqual(t, "body", inflate(t, resp), prose)
		wantEqual(t, "without gzip", bodyOf(t, play(exchange{}, request("/"))), prose)

		time.Sleep(11 * time.Second)
		resp = play(exchange{header: fresh("10", append(text, "Content-Length", itoa(int64(len(prose))))...), body: "-"}, requestOf(http.MethodHead, "/"))
		wantStatus(t, resp, "Strata; fwd=stale; stored")
		wantHit(t, play(exchange{}, request("/")), true)

		// Without Compress, as in a process that is being rolled out, it is served too.
		plain := over(t, client, nil).Handler(o)
		wantEqual(t, "by another process", inflate(t, do(plain, request("/", "Accept-Encoding", "gzip"))), prose)

		time.Sleep(11 * time.Second)
		play(exchange{status: 304, header: fresh("10", "Cache-Control", "no-transform")}, request("/"))
		resp = play(exchange{}, request("/", "Accept-Encoding", "gzip"))
		wantHit(t, resp, true)
		wantEqual(t, "no-transform", resp.Header.Get("Content-Encoding"), "")
		wantEqual(t, "body", bodyOf(t, resp), prose)
	})
}
