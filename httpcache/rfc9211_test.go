package httpcache_test

import (
	"net/http"
	"testing"
	"time"
)

// TestCacheStatus: RFC 9211, on each response.
func TestCacheStatus(t *testing.T) {
	t.Parallel()
	says := func(e exchange, want string) exchange {
		e.wantHeader = append(e.wantHeader, "Cache-Status", want)
		return e
	}
	page := exchange{header: fresh("10", "Etag", `"v1"`, "Vary", "X-A")}
	at := func(d time.Duration, send ...string) exchange {
		return exchange{after: d, send: send, header: page.header}
	}
	with := func(e exchange, status int) exchange { e.status = status; return e }
	runConformance(t, []conformance{
		{name: "2.1 2.2 2.4", steps: []exchange{
			says(page, "Strata; fwd=uri-miss; stored"),
			says(at(time.Second), "Strata; hit; ttl=9"),
			says(at(0, "X-A", "1"), "Strata; fwd=vary-miss; stored"),
			says(at(0, "Cache-Control", "no-cache"), "Strata; fwd=request; stored"),
			says(at(0, "Cache-Control", "no-store"), "Strata; fwd=request"),
			says(at(11*time.Second), "Strata; fwd=stale; stored"),
			says(at(11*time.Second, "Cache-Control", "max-stale=5"), "Strata; hit; ttl=-1"),
			says(exchange{method: http.MethodPost}, "Strata; fwd=method"),
			says(exchange{method: http.MethodOptions}, "Strata; fwd=method"),
		}},
		{name: "2.3 fwd-status", steps: []exchange{
			page, says(with(at(11*time.Second), 304), "Strata; fwd=stale; fwd-status=304; stored"),
			says(with(at(0, "Cache-Control", "no-cache"), 304), "Strata; fwd=request; fwd-status=304; stored"),
		}},
		{name: "2.3 of a failure that a stored response stood in for", steps: []exchange{
			{header: fresh("10, stale-if-error=60")},
			says(exchange{after: 11 * time.Second, status: 503}, "Strata; fwd=stale; fwd-status=503; detail=stale-if-error"),
		}},
		{name: "2.2 partial", steps: []exchange{
			{send: []string{"Range", "bytes=0-1"}, status: 206, header: fresh("60", "Content-Range", "bytes 0-1/4"), body: "bo", wantStatus: 206},
			says(exchange{header: fresh("60")}, "Strata; fwd=partial; stored"),
		}},
		{name: "2.8 why not", steps: []exchange{
			says(exchange{header: []string{"Cache-Control", "private"}}, "Strata; fwd=uri-miss; detail=private"),
			says(exchange{header: fresh("60", "Set-Cookie", "a=b")}, "Strata; fwd=uri-miss; detail=set-cookie"),
			says(exchange{}, "Strata; fwd=uri-miss; detail=no-freshness"),
			says(exchange{send: []string{"Cache-Control", "only-if-cached"}, wantStatus: 504}, "Strata; detail=only-if-cached"),
		}},
		{name: "2 behind another cache", steps: []exchange{
			says(exchange{header: fresh("60", "Cache-Status", "inner; hit")}, "inner; hit, Strata; fwd=uri-miss; stored"),
			says(exchange{}, "inner; hit, Strata; hit; ttl=60"),
		}},
	})
}
