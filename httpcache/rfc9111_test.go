package httpcache_test

import (
	"testing"
	"time"

	"github.com/stratacache/strata/httpcache"
)

const (
	longAgo = "Sun, 06 Nov 1994 08:49:37 GMT"
	later   = "Mon, 07 Nov 1994 08:49:37 GMT"
)

// fresh is a response that is fresh for so many seconds, with more fields.
func fresh(seconds string, more ...string) []string {
	return append([]string{"Cache-Control", "max-age=" + seconds}, more...)
}

// TestValidation: RFC 9111 section 4.3.
func TestValidation(t *testing.T) {
	t.Parallel()
	runConformance(t, []conformance{
		{name: "4.3.1 sends the entity-tag", steps: []exchange{
			{header: fresh("10", "Etag", `"v1"`), want: "asked"},
			{after: 11 * time.Second, status: 304, header: fresh("10", "Etag", `"v1"`), want: "304", wantBody: "body", wantSent: []string{"If-None-Match", `"v1"`}},
			{after: 5 * time.Second, want: "hit", wantHeader: []string{"Age", "5"}},
		}},
		{name: "4.3.1 sends a weak entity-tag", steps: []exchange{
			{header: fresh("1", "Etag", `W/"v1"`)},
			{after: 2 * time.Second, status: 304, want: "304", wantSent: []string{"If-None-Match", `W/"v1"`}},
		}},
		{name: "4.3.1 sends Last-Modified", steps: []exchange{
			{header: fresh("1", "Last-Modified", longAgo)},
			{after: 2 * time.Second, status: 304, header: fresh("10"), want: "304", wantSent: []string{"If-Modified-Since", longAgo}},
			{after: 2 * time.Second, want: "hit"},
		}},
		{name: "4.3.1 does not send a tag that it made itself", steps: []exchange{
			{header: fresh("1")},
			{after: 2 * time.Second, want: "asked", wantSent: []string{"If-None-Match", ""}},
		}},
		{name: "4.3.1 in place of the client's own conditions", steps: []exchange{
			{header: fresh("1", "Etag", `"v1"`)},
			{after: 2 * time.Second, send: []string{"If-None-Match", `"v0"`}, status: 304, want: "304", wantBody: "body", wantSent: []string{"If-None-Match", `"v1"`}},
			{after: 2 * time.Second, send: []string{"If-None-Match", `"v1"`}, status: 304, want: "304", wantStatus: 304},
		}},
		{name: "4.3.1 with the fields of the variant", steps: []exchange{
			{send: []string{"X-A", "1"}, header: fresh("1", "Vary", "X-A", "Etag", `"v1"`)},
			{after: 2 * time.Second, send: []string{"X-A", "1"}, status: 304, want: "304", wantSent: []string{"X-A", "1", "If-None-Match", `"v1"`}},
			{after: 2 * time.Second, send: []string{"X-A", "2"}, want: "asked", wantSent: []string{"X-A", "2", "If-None-Match", ""}},
		}},
		{name: "4.3.2 no 304 for an unconditional client", steps: []exchange{
			{send: []string{"If-None-Match", `"v1"`}, header: fresh("60", "Etag", `"v1"`), want: "asked", wantStatus: 304, wantSent: []string{"If-None-Match", ""}},
			{want: "hit", wantBody: "body"},
		}},
		{name: "4.3.3 a 200 replaces", steps: []exchange{
			{header: fresh("1", "Etag", `"v1"`, "X-A", "1")},
			{after: 2 * time.Second, header: fresh("10", "Etag", `"v2"`), body: "new", want: "asked", wantBody: "new"},
			{want: "hit", wantBody: "new", wantHeader: []string{"Etag", `"v2"`, "X-A", ""}},
		}},
		{name: "4.3.3 a 404 that is not stored removes", steps: []exchange{
			{header: fresh("1", "Etag", `"v1"`)},
			{after: 2 * time.Second, status: 404, want: "asked", wantStatus: 404, wantSent: []string{"If-None-Match", `"v1"`}},
			{want: "asked", wantSent: []string{"If-None-Match", ""}},
		}},
		{name: "4.3.3 a 5xx is passed on and the page stays", steps: []exchange{
			{header: fresh("1", "Etag", `"v1"`)},
			{after: 2 * time.Second, status: 503, want: "asked", wantStatus: 503},
			{status: 304, want: "304", wantBody: "body"},
		}},
		{name: "4.3.3 a 403 for one client leaves the page", steps: []exchange{
			{header: fresh("1", "Etag", `"v1"`)},
			{after: 2 * time.Second, status: 403, want: "asked", wantStatus: 403},
			{status: 304, want: "304", wantBody: "body"},
		}},
		{name: "4.3.4 a 304 updates the fields", steps: []exchange{
			{header: fresh("1", "Etag", `"v1"`, "X-A", "1", "X-B", "1")},
			{after: 2 * time.Second, status: 304, header: fresh("60", "X-A", "2"), want: "304", wantHeader: []string{"X-A", "2", "X-B", "1"}},
			{want: "hit", wantBody: "body", wantHeader: []string{"X-A", "2", "X-B", "1", "Etag", `"v1"`, "Content-Length", "4"}},
		}},
		{name: "3.2 a 304 does not update what is about the body", steps: []exchange{
			{header: fresh("1", "Etag", `"v1"`)},
			{after: 2 * time.Second, status: 304, header: fresh("60", "Content-Encoding", "br"), want: "304"},
			{want: "hit", wantHeader: []string{"Content-Encoding", "", "Content-Length", "4"}},
		}},
		{name: "3.2 a 304 does not bring cookies into the store", steps: []exchange{
			{header: fresh("1", "Etag", `"v1"`)},
			{after: 2 * time.Second, status: 304, header: fresh("60", "Set-Cookie", "a=b"), want: "304", wantHeader: []string{"Set-Cookie", "a=b"}},
			{want: "hit", wantHeader: []string{"Set-Cookie", ""}},
		}},
		{name: "4.3.4 a 304 about another page", steps: []exchange{
			{header: fresh("1", "Etag", `"v1"`)},
			{after: 2 * time.Second, status: 304, header: fresh("60", "Etag", `"v2"`), want: "asked", wantStatus: 304, wantSent: []string{"If-None-Match", ""}},
		}},
		{name: "4.3.4 a 304 that forbids to store", steps: []exchange{
			{header: fresh("1", "Etag", `"v1"`)},
			{after: 2 * time.Second, status: 304, header: []string{"Cache-Control", "no-store"}, want: "304", wantBody: "body"},
			{want: "asked", wantSent: []string{"If-None-Match", ""}},
		}},
		{name: "4.3.4 a 304 that ends at once", steps: []exchange{
			{header: fresh("1", "Etag", `"v1"`)},
			{after: 2 * time.Second, status: 304, header: fresh("0"), want: "304"},
			{status: 304, want: "304"},
		}},
		{name: "4.3.5 a HEAD freshens", steps: []exchange{
			{header: fresh("1", "X-A", "1")},
			{after: 2 * time.Second, method: "HEAD", header: fresh("60", "Content-Length", "4"), body: "-", want: "asked"},
			{want: "hit", wantBody: "body", wantHeader: []string{"X-A", "1"}},
		}, proxy: true},
		{name: "4.3.5 a HEAD about another length", steps: []exchange{
			{header: fresh("60", "Etag", `"v1"`)},
			{method: "HEAD", send: []string{"Cache-Control", "no-cache"}, header: fresh("60", "Etag", `"v1"`, "Content-Length", "9"), body: "-", want: "asked"},
			{want: "asked", body: "9 letters", wantBody: "9 letters"},
		}},
		{name: "4.3.5 a HEAD about another tag", steps: []exchange{
			{header: fresh("60", "Etag", `"v1"`)},
			{method: "HEAD", send: []string{"Cache-Control", "no-cache"}, header: fresh("60", "Etag", `"v2"`), body: "-", want: "asked"},
			{want: "asked"},
		}},
		{name: "5.2.2.4 no-cache is stored and asked about", steps: []exchange{
			{header: []string{"Cache-Control", "no-cache", "Etag", `"v1"`}},
			{status: 304, want: "304", wantBody: "body", wantSent: []string{"If-None-Match", `"v1"`}},
			{header: []string{"Cache-Control", "no-cache", "Etag", `"v2"`}, body: "new", want: "asked", wantBody: "new"},
		}},
		{name: "5.2.2.4 no-cache that names fields counts for all", steps: []exchange{
			{header: []string{"Cache-Control", `no-cache="X-A", max-age=60`, "Etag", `"v1"`}},
			{status: 304, want: "304"},
		}},
		{name: "5.2.2.4 what does not change is not written each time", steps: []exchange{
			{header: []string{"Cache-Control", "no-cache", "Etag", `"v1"`}},
			{status: 304, wantHeader: []string{"Cache-Status", "Strata; fwd=stale; fwd-status=304; stored"}},
			{status: 304, wantHeader: []string{"Cache-Status", "Strata; fwd=stale; fwd-status=304"}},
			{after: 40 * time.Minute, status: 304, wantHeader: []string{"Cache-Status", "Strata; fwd=stale; fwd-status=304; stored"}},
		}},
		{name: "gap 185: a 304 extends freshness", steps: []exchange{
			{header: fresh("10", "Etag", `"v1"`)},
			{after: 11 * time.Second, status: 304, want: "304"},
			{after: 9 * time.Second, want: "hit"},
			{after: 2 * time.Second, status: 304, want: "304"},
		}},
		{name: "Keep bounds it", opts: &httpcache.Options{Keep: time.Minute}, steps: []exchange{
			{header: fresh("10", "Etag", `"v1"`)},
			{after: 69 * time.Second, status: 304, want: "304"},
			{after: 71 * time.Second, want: "asked", wantSent: []string{"If-None-Match", ""}},
		}},
	})
}

// TestRequestDirectives: RFC 9111 section 5.2.1.
func TestRequestDirectives(t *testing.T) {
	t.Parallel()
	send := func(cc string) []string { return []string{"Cache-Control", cc} }
	runConformance(t, []conformance{
		{name: "5.2.1.4 no-cache validates", steps: []exchange{
			{header: fresh("60", "Etag", `"v1"`)},
			{send: send("no-cache"), status: 304, want: "304", wantSent: []string{"If-None-Match", `"v1"`}},
		}},
		{name: "5.4 Pragma", steps: []exchange{
			{header: fresh("60", "Etag", `"v1"`)},
			{send: []string{"Pragma", "no-cache"}, status: 304, want: "304"},
			{send: []string{"Pragma", "no-cache", "Cache-Control", "max-age=9"}, want: "hit"},
		}},
		{name: "5.2.1.2 max-stale", steps: []exchange{
			{header: fresh("10", "Etag", `"v1"`)},
			{after: 15 * time.Second, send: send("max-stale=5"), want: "hit"},
			{send: send("max-stale"), want: "hit"},
			{send: send("max-stale=4"), status: 304, header: fresh("10"), want: "304"},
		}},
		{name: "5.2.2.2 max-stale against must-revalidate", steps: []exchange{
			{header: []string{"Cache-Control", "max-age=10, must-revalidate", "Etag", `"v1"`}},
			{after: 11 * time.Second, send: send("max-stale=100"), status: 304, want: "304"},
		}},
		{name: "5.2.2.10 max-stale against s-maxage", steps: []exchange{
			{header: []string{"Cache-Control", "s-maxage=10", "Etag", `"v1"`}},
			{after: 11 * time.Second, send: send("max-stale=100"), status: 304, want: "304"},
		}},
		{name: "5.2.1.7 only-if-cached and stored", steps: []exchange{
			{header: fresh("60")},
			{send: send("only-if-cached"), want: "hit"},
			{after: 61 * time.Second, send: send("only-if-cached"), want: "none", wantStatus: 504},
			{send: send("only-if-cached, max-stale"), want: "none", wantStatus: 504},
		}, opts: &httpcache.Options{Keep: -1}},
		{name: "5.2.1.5 no-store", steps: []exchange{
			{send: send("no-store"), header: fresh("60"), want: "asked"},
			{header: fresh("60"), want: "asked"},
			{want: "hit"},
		}},
		{name: "ignored where they are", opts: &httpcache.Options{IgnoreRequestDirectives: true}, steps: []exchange{
			{header: fresh("60")},
			{send: send("no-cache"), want: "hit"},
			{send: send("max-age=0"), want: "hit"},
			{send: []string{"Pragma", "no-cache"}, want: "hit"},
		}},
	})
}

// TestInvalidation: RFC 9111 section 4.4.
func TestInvalidation(t *testing.T) {
	t.Parallel()
	const other = "http://example.com/other?a=1"
	warm := []exchange{{header: fresh("60")}, {url: other, header: fresh("60")}, {want: "hit"}, {url: other, want: "hit"}}
	with := func(more ...exchange) []exchange { return append(append([]exchange(nil), warm...), more...) }
	runConformance(t, []conformance{
		{name: "4.4 its own URL alone", steps: with(
			exchange{method: "POST", want: "asked"}, exchange{url: other, want: "hit"}, exchange{want: "asked"})},
		{name: "4.4 Location", steps: with(
			exchange{method: "POST", status: 303, header: []string{"Location", "/other?a=1"}, wantStatus: 303}, exchange{url: other, want: "asked"})},
		{name: "4.4 Content-Location, whole", steps: with(
			exchange{method: "PUT", header: []string{"Content-Location", other}}, exchange{url: other, want: "asked"})},
		{name: "gap 177: of another origin", steps: with(
			exchange{method: "PUT", header: []string{"Content-Location", "https://example.com/other?a=1", "Location", "http://evil.example/other?a=1"}},
			exchange{url: other, want: "hit"})},
		{name: "gap 177: no URL at all", steps: with(
			exchange{method: "PUT", header: []string{"Location", "http://[::1"}}, exchange{url: other, want: "hit"})},
		{name: "gap 178: GET and HEAD do not", steps: with(
			exchange{url: "http://example.com/third", header: []string{"Location", "/other?a=1"}}, exchange{method: "HEAD", want: "hit"}, exchange{want: "hit"}, exchange{url: other, want: "hit"})},
		{name: "4.4 an error does not", steps: with(
			exchange{method: "DELETE", status: 500, wantStatus: 500}, exchange{method: "DELETE", status: 404, wantStatus: 404}, exchange{want: "hit"})},
		{name: "4.4 an unknown method does", steps: with(exchange{method: "M-SEARCH"}, exchange{want: "asked"})},
		{name: "4.4 parts too", steps: []exchange{
			{send: []string{"Range", "bytes=0-1"}, status: 206, header: fresh("60", "Content-Range", "bytes 0-1/4"), body: "bo", wantStatus: 206},
			{send: []string{"Range", "bytes=0-1"}, want: "hit", wantStatus: 206},
			{method: "POST"},
			{send: []string{"Range", "bytes=0-1"}, want: "asked", status: 206, body: "bo", wantStatus: 206},
		}},
		{name: "RFC9875-3 groups", steps: []exchange{
			{header: fresh("60", "Cache-Groups", `"a", "b"`)},
			{url: other, header: fresh("60", "Cache-Groups", `"B"`)},
			{url: "http://other.example/", header: fresh("60", "Cache-Groups", `"b"`)},
			{url: "http://example.com/third", header: []string{"Cache-Group-Invalidation", `"b"`}},
			{want: "hit"},
			{method: "POST", url: "http://example.com/third", header: []string{"Cache-Group-Invalidation", `"c", "b"`}},
			{want: "asked"},
			{url: other, want: "hit"},
			{url: "http://other.example/", want: "hit"},
		}},
		{name: "RFC9875-2.1 unreadable groups", steps: []exchange{
			{header: fresh("60", "Cache-Groups", `"b", "`)},
			{method: "POST", url: other, header: []string{"Cache-Group-Invalidation", `"b"`}},
			{want: "hit"},
		}},
	})
}
