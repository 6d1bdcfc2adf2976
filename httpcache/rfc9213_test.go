package httpcache_test

import (
	"testing"
	"time"

	"github.com/stratacache/strata/httpcache"
)

// TestTargeted: RFC 9213.
func TestTargeted(t *testing.T) {
	t.Parallel()
	cdn := func(value string, more ...string) []string {
		return append([]string{"CDN-Cache-Control", value}, more...)
	}
	stored := func(name string, header []string) conformance {
		return conformance{name: name, steps: []exchange{{header: header}, {want: "hit", wantHeader: []string{"CDN-Cache-Control", header[1]}}}}
	}
	not := func(name string, header []string) conformance {
		return conformance{name: name, steps: []exchange{{header: header}, {want: "asked"}}}
	}
	past := []string{"Expires", "Sun, 06 Nov 1994 08:49:37 GMT"}
	own := &httpcache.Options{Targets: []string{"strata-cache-control", "CDN-Cache-Control"}}
	none := &httpcache.Options{Targets: []string{}}
	runConformance(t, []conformance{
		stored("2.2 alone", cdn("max-age=60")),
		stored("2.2 before Cache-Control", cdn("max-age=60", "Cache-Control", "no-store")),
		stored("2.2 before Expires", cdn("max-age=60", past...)),
		stored("2.1 parameters are ignored", cdn("max-age=60;a=b")),
		stored("2.1 other directives are ignored", cdn("max-age=60, x=(a b), y=:AA==:, z=1.5, q=?0")),
		stored("2.1 beyond 2^31", cdn("max-age=99999999999")),
		not("2.2 a shorter lifetime", cdn("max-age=0", "Cache-Control", "max-age=60")),
		not("2.2 no-store", cdn("no-store", "Cache-Control", "max-age=60")),
		not("2.2 private", cdn("private", "Cache-Control", "max-age=60")),
		not("2.2 no-cache", cdn("no-cache", "Cache-Control", "max-age=60")),
		not("2.2 without freshness Expires does not help", cdn("must-revalidate", "Expires", "Sun, 06 Nov 2094 08:49:37 GMT")),
		not("2.1 Age counts", cdn("max-age=60", "Age", "60")),
		not("2.1 a lifetime that is a string", cdn(`max-age="60"`, "Cache-Control", "no-store")),
		not("2.1 a lifetime that is a decimal", cdn(`max-age=60.0`, "Cache-Control", "no-store")),
		not("2.1 no dictionary", cdn("max-age=60,", "Cache-Control", "no-store")),
		not("2.1 upper case is no dictionary", cdn("Max-Age=60", "Cache-Control", "no-store")),
		not("2.1 the last of two counts", cdn("max-age=60, max-age=0")),
		stored("2.2 one that is not readable is not there", cdn("max-age=0,,", "Cache-Control", "max-age=60")),
		stored("2.2 nor one that is empty", cdn(" ", "Cache-Control", "max-age=60")),
		{name: "2.2 the first of the list", opts: own, steps: []exchange{
			{header: cdn("max-age=0", "Strata-Cache-Control", "max-age=60")}, {want: "hit"},
		}},
		{name: "2.2 then the next", opts: own, steps: []exchange{
			{header: cdn("max-age=60", "Strata-Cache-Control", "?")}, {want: "hit"},
		}},
		{name: "gap 194: not addressed", opts: none, steps: []exchange{
			{header: cdn("max-age=60", "Cache-Control", "max-age=0")}, {want: "asked"},
		}},
		{name: "5.2.2.10 credentials", steps: []exchange{
			{send: []string{"Authorization", "x"}, header: cdn("public, max-age=60")}, {want: "hit"},
		}},
		{name: "RFC5861", steps: []exchange{
			{header: cdn("max-age=10, stale-if-error=60")}, {after: 11 * time.Second, status: 503, wantBody: "body"},
		}},
	})
}
