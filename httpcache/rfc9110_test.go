package httpcache_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stratacache/strata/httpcache"
)

// TestRanges: RFC 9110 section 14, RFC 9111 sections 3.3 and 3.4.
func TestRanges(t *testing.T) {
	t.Parallel()
	ask := func(spec string, more ...string) []string { return append([]string{"Range", "bytes=" + spec}, more...) }
	part := func(span string, more ...string) []string {
		return fresh("60", append([]string{"Content-Range", "bytes " + span}, more...)...)
	}
	const ten = "0123456789"
	runConformance(t, []conformance{
		{name: "14.2 out of the whole", steps: []exchange{
			{header: fresh("60", "Content-Type", "text/plain"), body: ten},
			{send: ask("2-3"), want: "hit", wantStatus: 206, wantBody: "23", wantHeader: []string{"Content-Range", "bytes 2-3/10", "Content-Length", "2"}},
			{send: ask("-2"), want: "hit", wantStatus: 206, wantBody: "89"},
			{send: ask("8-99"), want: "hit", wantStatus: 206, wantBody: "89"},
			{send: ask("10-"), want: "hit", wantStatus: 416, wantHeader: []string{"Content-Range", "bytes */10"}},
			{send: []string{"Range", "lines=1-2"}, want: "hit", wantStatus: 416},
			{method: "HEAD", want: "hit", wantHeader: []string{"Content-Length", "10"}},
		}},
		{name: "3.3 a part is stored", steps: []exchange{
			{send: ask("2-5"), status: 206, header: part("2-5/10"), body: "2345", want: "asked", wantStatus: 206, wantSent: []string{"Range", "bytes=2-5"}},
			{send: ask("2-5"), want: "hit", wantStatus: 206, wantBody: "2345", wantHeader: []string{"Content-Range", "bytes 2-5/10"}},
			{send: ask("3-4"), want: "hit", wantStatus: 206, wantBody: "34", wantHeader: []string{"Content-Range", "bytes 3-4/10", "Content-Length", "2"}},
			{method: "HEAD", send: ask("3-4"), want: "hit", wantStatus: 206, wantHeader: []string{"Content-Length", "2"}},
		}},
		{name: "3.3 a part answers nothing else", steps: []exchange{
			{send: ask("2-5"), status: 206, header: part("2-5/10"), body: "2345", wantStatus: 206},
			{body: ten, header: fresh("60"), want: "asked", wantBody: ten, wantSent: []string{"Range", "", "If-None-Match", ""}},
			{send: ask("4-6"), want: "hit", wantStatus: 206, wantBody: "456"},
		}},
		{name: "3.3 more than it holds", steps: []exchange{
			{send: ask("2-5"), status: 206, header: part("2-5/10"), body: "2345", wantStatus: 206},
			{send: ask("5-6"), status: 206, header: part("5-6/10"), body: "56", want: "asked", wantStatus: 206, wantBody: "56"},
			{send: ask("2-5"), status: 206, header: part("2-5/10"), body: "2345", want: "asked", wantStatus: 206},
			{send: ask("2-3,5-5"), status: 206, header: part("2-5/10"), body: "2345", want: "asked", wantStatus: 206},
		}},
		{name: "gap 189: parts of one whole are joined", steps: []exchange{
			{send: ask("0-4"), status: 206, header: part("0-4/10", "Etag", `"v1"`), body: "01234", wantStatus: 206},
			{send: ask("4-7"), status: 206, header: part("4-7/10", "Etag", `"v1"`), body: "4567", want: "asked", wantStatus: 206, wantBody: "4567"},
			{send: ask("1-6"), want: "hit", wantStatus: 206, wantBody: "123456"},
			{send: ask("8-"), status: 206, header: part("8-9/10", "Etag", `"v1"`), body: "89", want: "asked", wantStatus: 206},
			{want: "hit", wantBody: ten, wantHeader: []string{"Content-Range", "", "Content-Length", "10"}},
		}},
		{name: "3.4 the rest of a stored beginning", steps: []exchange{
			{send: ask("0-4"), status: 206, header: part("0-4/10", "Etag", `"v1"`), body: "01234", wantStatus: 206},
			{
				status: 206, header: part("5-9/10", "Etag", `"v1"`, "X-A", "new"), body: "56789", wantBody: ten,
				wantSent:   []string{"Range", "bytes=5-", "If-Range", `"v1"`},
				wantHeader: []string{"Content-Range", "", "Content-Length", "10", "X-A", "new", "Cache-Status", "Strata; fwd=partial; fwd-status=206; stored"},
			},
			{want: "hit", wantBody: ten, wantHeader: []string{"Content-Range", "", "Content-Length", "10"}},
			{send: ask("3-6"), want: "hit", wantStatus: 206, wantBody: "3456"},
		}},
		{name: "3.4 the whole, if the beginning is another's", steps: []exchange{
			{send: ask("0-4"), status: 206, header: part("0-4/10", "Etag", `"v1"`), body: "01234", wantStatus: 206},
			{header: fresh("60", "Etag", `"v2"`), body: "abcdefghij", wantBody: "abcdefghij", wantSent: []string{"If-Range", `"v1"`}},
			{want: "hit", wantBody: "abcdefghij"},
		}},
		{name: "3.4 asked again, if the rest does not fit", steps: []exchange{
			{send: ask("0-4"), status: 206, header: part("0-4/10", "Etag", `"v1"`), body: "01234", wantStatus: 206},
			{status: 206, header: part("5-9/10", "Etag", `"v2"`), body: "56789", wantStatus: 206, wantSent: []string{"Range", "", "If-Range", ""}},
			{status: 206, header: part("6-9/10", "Etag", `"v1"`), body: "6789", wantStatus: 206, wantSent: []string{"Range", "", "If-Range", ""}},
			{status: 416, header: []string{"Content-Range", "bytes */3"}, wantStatus: 416, wantSent: []string{"Range", "", "If-Range", ""}},
		}},
		{name: "3.4 no rest of what has no strong tag, no length, or no beginning", steps: []exchange{
			{send: ask("0-4"), status: 206, header: part("0-4/10", "Etag", `W/"v1"`), body: "01234", wantStatus: 206},
			{status: 503, wantStatus: 503, wantSent: []string{"Range", ""}},
			{send: ask("0-5"), status: 206, header: part("0-5/*", "Etag", `"v1"`), body: "012345", wantStatus: 206},
			{status: 503, wantStatus: 503, wantSent: []string{"Range", ""}},
			{send: ask("5-9"), status: 206, header: part("5-9/10", "Etag", `"v1"`), body: "56789", wantStatus: 206},
			{status: 503, wantStatus: 503, wantSent: []string{"Range", ""}},
		}},
		{name: "3.4 a failure in place of the rest", steps: []exchange{
			{send: ask("0-4"), status: 206, header: part("0-4/10", "Etag", `"v1"`), body: "01234", wantStatus: 206},
			{status: 503, wantStatus: 503, wantBody: "body", wantSent: []string{"Range", "bytes=5-"}},
			{send: ask("0-4"), want: "hit", wantStatus: 206, wantBody: "01234"},
		}},
		{name: "3.4 a rest that ends too soon", steps: []exchange{
			{send: ask("0-4"), status: 206, header: part("0-4/10", "Etag", `"v1"`), body: "01234", wantStatus: 206},
			{status: 206, header: part("5-9/10", "Etag", `"v1"`), body: "567", wantBody: "01234567"},
			{status: 206, header: part("5-9/10", "Etag", `"v1"`), body: "56789", want: "asked", wantBody: ten},
			{want: "hit", wantBody: ten},
		}},
		{name: "3.4 not those of two versions", steps: []exchange{
			{send: ask("0-4"), status: 206, header: part("0-4/10", "Etag", `"v1"`), body: "01234", wantStatus: 206},
			{send: ask("5-9"), status: 206, header: part("5-9/10", "Etag", `"v2"`), body: "56789", wantStatus: 206},
			{send: ask("0-4"), want: "asked", status: 206, header: part("0-4/10"), body: "01234", wantStatus: 206},
		}},
		{name: "3.4 not with a weak tag", steps: []exchange{
			{send: ask("0-4"), status: 206, header: part("0-4/10", "Etag", `W/"v1"`), body: "01234", wantStatus: 206},
			{send: ask("5-9"), status: 206, header: part("5-9/10", "Etag", `W/"v1"`), body: "56789", wantStatus: 206},
			{body: ten, want: "asked", wantBody: ten},
		}},
		{name: "3.4 not across a gap", steps: []exchange{
			{send: ask("0-1"), status: 206, header: part("0-1/10", "Etag", `"v1"`), body: "01", wantStatus: 206},
			{send: ask("5-6"), status: 206, header: part("5-6/10", "Etag", `"v1"`), body: "56", wantStatus: 206},
			{send: ask("5-6"), want: "hit", wantStatus: 206, wantBody: "56"},
			{send: ask("0-1"), status: 206, header: part("0-1/10"), body: "01", want: "asked", wantStatus: 206},
		}},
		{name: "H45 not beyond MaxBody", opts: &httpcache.Options{MaxBody: 6}, steps: []exchange{
			{send: ask("0-4"), status: 206, header: part("0-4/10", "Etag", `"v1"`), body: "01234", wantStatus: 206},
			{send: ask("5-9"), status: 206, header: part("5-9/10", "Etag", `"v1"`), body: "56789", wantStatus: 206},
			{send: ask("5-9"), want: "hit", wantStatus: 206, wantBody: "56789"},
			{body: ten, header: fresh("60"), want: "asked"},
			{send: ask("4-6"), status: 206, header: part("4-6/10"), body: "456", want: "asked", wantStatus: 206},
		}},
		{name: "14.4 a range that contradicts its body", steps: []exchange{
			{send: ask("-5"), status: 206, header: part("4-9/10"), body: "01234", wantStatus: 206, want: "asked"},
			{send: ask("-5"), status: 206, header: part("4-9/10"), body: "01234", wantStatus: 206, want: "asked"},
		}},
		{name: "13.1.5 If-Range on a part", steps: []exchange{
			{send: ask("0-4"), status: 206, header: part("0-4/10", "Etag", `"v1"`), body: "01234", wantStatus: 206},
			{send: ask("0-1", "If-Range", `"v1"`), want: "hit", wantStatus: 206, wantBody: "01"},
			{send: ask("0-1", "If-Range", `"v0"`), want: "asked", body: ten, wantBody: ten, wantSent: []string{"If-Range", `"v0"`}},
		}},
		{name: "13.1.5 a weak If-Range", steps: []exchange{
			{header: fresh("60", "Etag", `W/"v1"`), body: ten},
			{send: ask("0-1", "If-Range", `W/"v1"`), want: "hit", wantBody: ten},
		}},
		{name: "14.2 a stale whole is asked about as a whole", steps: []exchange{
			{header: fresh("1", "Etag", `"v1"`), body: ten},
			{after: 2 * time.Second, send: ask("1-2"), status: 304, want: "304", wantStatus: 206, wantBody: "12", wantSent: []string{"Range", ""}},
		}},
		{name: "gap 192: 416 is the origin's", steps: []exchange{
			{send: ask("99-"), status: 416, header: []string{"Content-Range", "bytes */10"}, want: "asked", wantStatus: 416},
			{send: ask("99-"), status: 416, want: "asked", wantStatus: 416},
		}},
		{name: "15.3.7 a 206 without length", steps: []exchange{
			{send: ask("0-4"), status: 206, header: part("0-4/*"), body: "01234", wantStatus: 206},
			{send: ask("1-2"), want: "hit", wantStatus: 206, wantBody: "12", wantHeader: []string{"Content-Range", "bytes 1-2/*"}},
			{send: ask("-2"), status: 206, header: part("8-9/10"), body: "89", want: "asked", wantStatus: 206},
		}},
	})
}

// TestConditionals: RFC 9110 section 13, on what is stored.
func TestConditionals(t *testing.T) {
	t.Parallel()
	stored := exchange{header: fresh("60", "Etag", `"v1"`, "Last-Modified", longAgo)}
	if_ := func(name, value string, status int) exchange {
		return exchange{send: []string{name, value}, want: "hit", wantStatus: status}
	}
	runConformance(t, []conformance{
		{name: "13.1.2 If-None-Match", steps: []exchange{
			stored, if_("If-None-Match", `"v1"`, 304), if_("If-None-Match", `W/"v1"`, 304), if_("If-None-Match", `"a", "v1"`, 304),
			if_("If-None-Match", `*`, 304), if_("If-None-Match", `"v2"`, 200), if_("If-None-Match", `v1`, 200),
		}},
		{name: "15.4.5 what a 304 has", steps: []exchange{
			stored, {after: time.Second, send: []string{"If-None-Match", `"v1"`}, want: "hit", wantStatus: 304, wantHeader: []string{"Etag", `"v1"`, "Cache-Control", "max-age=60", "Age", "1", "Content-Length", ""}},
		}},
		{name: "13.1.3 If-Modified-Since", steps: []exchange{
			stored, if_("If-Modified-Since", longAgo, 304), if_("If-Modified-Since", later, 304), if_("If-Modified-Since", "Sunday, 06-Nov-94 08:49:37 GMT", 304),
			if_("If-Modified-Since", "Sat, 05 Nov 1994 08:49:37 GMT", 200), if_("If-Modified-Since", "x", 200),
		}},
		{name: "13.2.2 If-None-Match goes first", steps: []exchange{
			stored,
			{send: []string{"If-None-Match", `"v2"`, "If-Modified-Since", later}, want: "hit"},
			{send: []string{"If-None-Match", `"v1"`, "If-Modified-Since", "Sat, 05 Nov 1994 08:49:37 GMT"}, want: "hit", wantStatus: 304},
		}},
		{name: "13.1.3 Date in place of Last-Modified", steps: []exchange{
			{header: fresh("999999999", "Date", later)},
			{send: []string{"If-Modified-Since", later}, want: "hit", wantStatus: 304, wantHeader: []string{"Last-Modified", ""}},
			{send: []string{"If-Modified-Since", longAgo}, want: "hit"},
		}},
		{name: "13.2.1 not for errors and redirects", steps: []exchange{
			{status: 404, header: fresh("60", "Etag", `"v1"`), wantStatus: 404},
			{send: []string{"If-None-Match", `"v1"`}, want: "hit", wantStatus: 404},
		}},
		{name: "gap 195: Location of a redirect", steps: []exchange{
			{status: 301, header: fresh("60", "Location", "/x"), body: "-", wantStatus: 301},
			{want: "hit", wantStatus: 301, wantHeader: []string{"Location", "/x"}},
		}},
		{name: "13.1.1 If-Match is the origin's", proxy: true, steps: []exchange{
			stored,
			{send: []string{"If-Match", `"v1"`}, want: "asked", wantSent: []string{"If-Match", `"v1"`}},
			{send: []string{"If-Unmodified-Since", later}, want: "asked", wantSent: []string{"If-Unmodified-Since", later}},
			{want: "hit"},
		}},
		{name: "15.3.5 a 204", steps: []exchange{
			{status: 204, header: fresh("60"), wantStatus: 204},
			{want: "hit", wantStatus: 204, wantHeader: []string{"Content-Length", ""}},
		}},
		{name: "7.6.1 fields of the connection", steps: []exchange{
			{header: fresh("60", "Connection", "x-hop", "X-Hop", "1", "Keep-Alive", "timeout=1", "X-A", "1")},
			{want: "hit", wantHeader: []string{"Connection", "", "X-Hop", "", "Keep-Alive", "", "X-A", "1"}},
		}},
		{name: "H45 a header beyond bounds", steps: []exchange{
			{header: fresh("60", "X-A", strings.Repeat("x", 65<<10)), want: "asked"}, {want: "asked"},
		}},
	})
}
