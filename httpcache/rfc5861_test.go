package httpcache_test

import (
	"testing"
	"time"
)

// TestStaleWhileRevalidate: RFC 5861 section 3.
func TestStaleWhileRevalidate(t *testing.T) {
	t.Parallel()
	header := fresh("10, stale-while-revalidate=30", "Etag", `"v1"`)
	runConformance(t, []conformance{
		{name: "3 within the window", steps: []exchange{
			{header: header},
			{after: 11 * time.Second, header: header, body: "new", want: "hit", wantBody: "body", wantSent: []string{"If-None-Match", `"v1"`}},
			{want: "hit", wantBody: "new"},
		}},
		{name: "3 a 304 will do", steps: []exchange{
			{header: header},
			{after: 11 * time.Second, status: 304, want: "hit"},
			{after: 9 * time.Second, want: "hit", wantHeader: []string{"Age", "9"}},
		}},
		{name: "3 after it", steps: []exchange{
			{header: header},
			{after: 41 * time.Second, header: header, body: "new", want: "asked", wantBody: "new"},
		}},
		{name: "3 with s-maxage, which does not forbid what the response asks for", steps: []exchange{
			{header: []string{"Cache-Control", "s-maxage=10, stale-while-revalidate=30"}},
			{after: 11 * time.Second, header: header, body: "new", want: "hit"},
			{want: "hit", wantBody: "new"},
		}},
		{name: "5.2.2.2 not with must-revalidate", steps: []exchange{
			{header: fresh("10, must-revalidate, stale-while-revalidate=30")},
			{after: 11 * time.Second, header: header, want: "asked"},
		}},
		{name: "3 without the credentials of its cause", steps: []exchange{
			{header: fresh("10, public, stale-while-revalidate=30")},
			{after: 11 * time.Second, send: []string{"Authorization", "Bearer x", "Cookie", "a=b"}, header: header, want: "hit", wantSent: []string{"Authorization", "", "Cookie", ""}},
		}},
		{name: "3 with what the key has of them", steps: []exchange{
			{send: []string{"Cookie", "a=b"}, header: append([]string{"Vary", "Cookie"}, header...)},
			{after: 11 * time.Second, send: []string{"Authorization", "Bearer x", "Cookie", "a=b"}, want: "asked"},
			{send: []string{"Cookie", "a=b"}, header: append([]string{"Vary", "Cookie"}, header...), want: "hit", wantSent: []string{"Cookie", "a=b"}},
		}},
		{name: "3 a HEAD has the page made", steps: []exchange{
			{header: header},
			{after: 11 * time.Second, method: "HEAD", header: header, body: "new", want: "hit"},
			{want: "hit", wantBody: "new"},
		}},
		{name: "3 the refresh fails", steps: []exchange{
			{header: header},
			{after: 11 * time.Second, status: 500, want: "hit"},
			{status: 500, want: "hit", wantBody: "body"},
		}},
	})
}

// TestStaleIfError: RFC 5861 section 4.
func TestStaleIfError(t *testing.T) {
	t.Parallel()
	header := fresh("10, stale-if-error=30", "Etag", `"v1"`)
	after := func(d time.Duration, status int, want string) exchange {
		e := exchange{after: d, status: status, header: []string{"X-Broken", "1"}, want: want, wantStatus: status}
		if want == "stale" {
			e.want, e.wantStatus, e.wantBody, e.wantHeader = "", 200, "body", []string{"X-Broken", "", "Etag", `"v1"`}
		}
		return e
	}
	runConformance(t, []conformance{
		{name: "4 500", steps: []exchange{{header: header}, after(11*time.Second, 500, "stale")}},
		{name: "4 502", steps: []exchange{{header: header}, after(11*time.Second, 502, "stale")}},
		{name: "4 503", steps: []exchange{{header: header}, after(11*time.Second, 503, "stale")}},
		{name: "4 504", steps: []exchange{{header: header}, after(40*time.Second, 504, "stale")}},
		{name: "4 not 501", steps: []exchange{{header: header}, after(11*time.Second, 501, "asked")}},
		{name: "4 not 404", steps: []exchange{{header: header}, after(11*time.Second, 404, "asked")}},
		{name: "4 after the window", steps: []exchange{{header: header}, after(41*time.Second, 503, "asked")}},
		{name: "4 not unless it is said", steps: []exchange{{header: fresh("10", "Etag", `"v1"`)}, after(11*time.Second, 503, "asked")}},
		{name: "5.2.2.2 not with must-revalidate", steps: []exchange{
			{header: fresh("10, must-revalidate, stale-if-error=30", "Etag", `"v1"`)}, after(11*time.Second, 503, "asked"),
		}},
		{name: "5.2.2.8 nor proxy-revalidate", steps: []exchange{
			{header: fresh("10, proxy-revalidate, stale-if-error=30", "Etag", `"v1"`)}, after(11*time.Second, 503, "asked"),
		}},
		{name: "4 the client may say it", steps: []exchange{
			{header: fresh("10", "Etag", `"v1"`)},
			{after: 11 * time.Second, send: []string{"Cache-Control", "stale-if-error=5"}, status: 503, wantBody: "body"},
			{send: []string{"Cache-Control", "stale-if-error=0"}, status: 503, wantStatus: 503},
		}},
		{name: "4 and then it comes back", steps: []exchange{
			{header: header}, after(11*time.Second, 503, "stale"), {status: 304, want: "304"}, {want: "hit"},
		}},
	})
}

// TestUnreachable: RFC 9111 section 4.2.4.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	dead := exchange{after: 11 * time.Second, dead: true}
	stale := dead
	stale.wantBody = "body"
	refused := dead
	refused.wantStatus = 504
	never := dead
	never.wantStatus = 502
	runConformance(t, []conformance{
		{proxy: true, name: "4.2.4 stale when disconnected", steps: []exchange{{header: fresh("10")}, stale}},
		{proxy: true, name: "4.2.4 for long", steps: []exchange{{header: fresh("10")}, stale, stale, stale}},
		{proxy: true, name: "5.2.2.2 must-revalidate", steps: []exchange{{header: fresh("10, must-revalidate", "Etag", `"v1"`)}, refused}},
		{proxy: true, name: "5.2.2.8 proxy-revalidate", steps: []exchange{{header: fresh("10, proxy-revalidate", "Etag", `"v1"`)}, refused}},
		{proxy: true, name: "5.2.2.10 s-maxage", steps: []exchange{{header: []string{"Cache-Control", "s-maxage=10", "Etag", `"v1"`}}, refused}},
		{proxy: true, name: "5.2.2.4 no-cache", steps: []exchange{{header: fresh("10, no-cache", "Etag", `"v1"`)}, refused}},
		{proxy: true, name: "15.6.3 nothing is stored", steps: []exchange{never}},
		{proxy: true, name: "4.2.4 not for one with credentials", steps: []exchange{
			{header: fresh("10")}, {after: 11 * time.Second, dead: true, send: []string{"Authorization", "x"}, wantStatus: 502},
		}},
	})
}
