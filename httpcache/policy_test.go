package httpcache_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestStored: which responses answer a second request. Each row is one
// exchange, repeated.
func TestStored(t *testing.T) {
	t.Parallel()
	soon := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	past := time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)
	const fresh = "max-age=60"
	auth := []string{"Authorization", "Bearer x"}
	for _, tt := range []struct {
		name    string
		status  int
		header  []string
		request []string
		want    bool
	}{
		{"RFC9111-4.2.1 max-age", 0, []string{"Cache-Control", fresh}, nil, true},
		{"RFC9111-4.2.1 s-maxage alone", 0, []string{"Cache-Control", "s-maxage=60"}, nil, true},
		{"RFC9111-4.2.1 s-maxage over max-age=0", 0, []string{"Cache-Control", "max-age=0, s-maxage=60"}, nil, true},
		{"RFC9111-4.2.1 s-maxage=0 over max-age", 0, []string{"Cache-Control", "max-age=60, s-maxage=0"}, nil, false},
		{"RFC9111-5.3 Expires", 0, []string{"Expires", soon}, nil, true},
		{"RFC9111-5.3 Expires past", 0, []string{"Expires", past}, nil, false},
		{"RFC9111-5.3 Expires 0", 0, []string{"Expires", "0"}, nil, false},
		{"RFC9111-5.3 two Expires lines", 0, []string{"Expires", soon, "Expires", soon}, nil, false},
		{"RFC9111-5.3 Expires is counted from Date", 0, []string{"Expires", soon, "Date", soon}, nil, false},
		{"RFC9111-5.3 max-age over Expires past", 0, []string{"Cache-Control", fresh, "Expires", past}, nil, true},
		{"RFC9111-4.2.2 a tenth of its age", 0, []string{"Last-Modified", past}, nil, true},
		{"RFC9111-4.2.2 not where a cookie may have made it", 0, []string{"Last-Modified", past}, []string{"Cookie", "a=b"}, false},
		{"RFC9111-4.2.2 unless it is public", 0, []string{"Last-Modified", past, "Cache-Control", "public"}, []string{"Cookie", "a=b"}, true},
		{"RFC9111-4.2.2 not from the future", 0, []string{"Last-Modified", soon}, nil, false},
		{"RFC9110-15.1 404", 404, []string{"Last-Modified", past}, nil, true},
		{"RFC9110-15.1 503 is no page", 503, []string{"Last-Modified", past}, nil, false},
		{"RFC9110-15.1 503 that is public", 503, []string{"Last-Modified", past, "Cache-Control", "public"}, nil, true},
		{"HTTP-024 max-age=0", 0, []string{"Cache-Control", "max-age=0"}, nil, false},
		{"HTTP-025 negative max-age", 0, []string{"Cache-Control", "max-age=-60"}, nil, false},
		{"HTTP-028 max-age=abc", 0, []string{"Cache-Control", "max-age=abc"}, nil, false},
		{"HTTP-028 max-age=30.5", 0, []string{"Cache-Control", "max-age=30.5"}, nil, false},
		{"RFC9111-5.2 quoted max-age", 0, []string{"Cache-Control", `max-age="60"`}, nil, true},
		{"RFC9111-1.2.2 max-age beyond 2^31", 0, []string{"Cache-Control", "max-age=99999999999999999999"}, nil, true},
		{"RFC9111-5.2 max-age within a quoted string", 0, []string{"Cache-Control", `x="max-age=60"`}, nil, false},
		{"RFC9111-5.2 blanks around =", 0, []string{"Cache-Control", "max-age = 60"}, nil, false},
		{"RFC9111-4.2.1 two max-age, the shorter", 0, []string{"Cache-Control", fresh, "Cache-Control", "max-age=0"}, nil, false},
		{"RFC9111-5.1 Age beyond lifetime", 0, []string{"Cache-Control", fresh, "Age", "60"}, nil, false},
		{"RFC9111-5.1 Age below lifetime", 0, []string{"Cache-Control", fresh, "Age", "30"}, nil, true},
		{"RFC9111-5.1 first Age counts", 0, []string{"Cache-Control", fresh, "Age", "60, 0"}, nil, false},
		{"RFC9111-5.1 Age no number is ignored", 0, []string{"Cache-Control", fresh, "Age", "-60"}, nil, true},
		{"RFC9111-4.2.3 Date in the past", 0, []string{"Cache-Control", fresh, "Date", past}, nil, false},

		{"RFC9111-5.2.2.5 no-store", 0, []string{"Cache-Control", "max-age=60, no-store"}, nil, false},
		{"RFC9111-5.2.2.7 private", 0, []string{"Cache-Control", "private, max-age=60"}, nil, false},
		{"RFC9111-5.2.2.7 private with fields", 0, []string{"Cache-Control", `max-age=60, private="X-A"`}, nil, false},
		{"RFC9111-5.2.2.4 no-cache", 0, []string{"Cache-Control", "no-cache, max-age=60"}, nil, false},
		{"RFC9111-5.2 on another line", 0, []string{"Cache-Control", fresh, "Cache-Control", "private"}, nil, false},
		{"RFC9111-5.2 behind an unterminated quote", 0, []string{"Cache-Control", `max-age=60, x="a, private`}, nil, false},
		{"HTTP-022 look-alikes", 0, []string{"Cache-Control", `max-age=60, x-private-ish=1, x="no-store"`}, nil, true},
		{"HTTP-015 Set-Cookie", 0, []string{"Cache-Control", "public, max-age=60", "Set-Cookie", "a=b"}, nil, false},
		{"SSE", 0, []string{"Cache-Control", fresh, "Content-Type", "text/event-stream; charset=utf-8"}, nil, false},

		{"RFC9111-3.5 Authorization", 0, []string{"Cache-Control", fresh}, auth, false},
		{"RFC9111-3.5 public", 0, []string{"Cache-Control", "public, max-age=60"}, auth, true},
		{"RFC9111-3.5 s-maxage", 0, []string{"Cache-Control", "s-maxage=60"}, auth, true},
		{"RFC9111-3.5 must-revalidate", 0, []string{"Cache-Control", "max-age=60, must-revalidate"}, auth, true},
		{"RFC9111-3.5 Vary is not enough", 0, []string{"Cache-Control", fresh, "Vary", "Authorization"}, auth, false},
		{"Cookie alone is not personal", 0, []string{"Cache-Control", fresh}, []string{"Cookie", "a=b"}, true},

		{"RFC9111-4.1 Vary: *", 0, []string{"Cache-Control", fresh, "Vary", "*"}, nil, false},
		{"RFC9111-4.1 Vary: * in a list", 0, []string{"Cache-Control", fresh, "Vary", "Accept, *"}, nil, false},
		{"RFC9111-4.1 Vary: * on another line", 0, []string{"Cache-Control", fresh, "Vary", "Accept", "Vary", "*"}, nil, false},
		{"RFC9111-4.1 Vary of 8", 0, []string{"Cache-Control", fresh, "Vary", "A,B,C,D,E,F,G,H"}, nil, true},
		{"H45 Vary of 9", 0, []string{"Cache-Control", fresh, "Vary", "A,B,C,D,E,F,G,H,I"}, nil, false},
		{"RFC9110-12.5.5 Vary no token", 0, []string{"Cache-Control", fresh, "Vary", "A B"}, nil, false},

		{"RFC9111-5.2.1.5 request no-store", 0, []string{"Cache-Control", fresh}, []string{"Cache-Control", "no-store"}, false},
		{"HTTP-044 request no-cache", 0, []string{"Cache-Control", fresh}, []string{"Cache-Control", "No-Cache"}, false},
		{"HTTP-044 request max-age=0", 0, []string{"Cache-Control", fresh}, []string{"Cache-Control", "max-age=0"}, false},
		{"HTTP-044 Pragma", 0, []string{"Cache-Control", fresh}, []string{"Pragma", "no-cache"}, false},
		{"RFC9111-5.2.1.1 request max-age", 0, []string{"Cache-Control", fresh}, []string{"Cache-Control", "max-age=5"}, true},
		{"RFC9111-5.2.1.3 min-fresh beyond", 0, []string{"Cache-Control", fresh}, []string{"Cache-Control", "min-fresh=90"}, false},

		{"RFC9111-3 201", 201, []string{"Cache-Control", fresh}, nil, true},
		{"RFC9111-3 302", 302, []string{"Cache-Control", fresh}, nil, true},
		{"RFC9111-3 500", 500, []string{"Cache-Control", fresh}, nil, true},
		{"RFC9111-3 599", 599, []string{"Cache-Control", fresh}, nil, true},
		{"RFC9111-5.2.2.3 must-understand", 200, []string{"Cache-Control", "max-age=60, must-understand, no-store"}, nil, true},
		{"RFC9111-5.2.2.3 not understood", 599, []string{"Cache-Control", "max-age=60, must-understand, no-store"}, nil, false},
		{"RFC9111-5.2.2.3 nor without no-store", 599, []string{"Cache-Control", "max-age=60, must-understand"}, nil, false},
		{"RFC9111-3.3 206 to no Range", 206, []string{"Cache-Control", fresh, "Content-Range", "bytes 0-4/10"}, nil, false},
		{"301 with freshness", 301, []string{"Cache-Control", fresh}, nil, true},
		{"404 with freshness", 404, []string{"Cache-Control", fresh}, nil, true},
		{"410 with freshness", 410, []string{"Cache-Control", fresh}, nil, true},
		{"404 without", 404, nil, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := &origin{header: tt.header, status: tt.status}
			h := newPages(t, nil).Handler(o)
			first := do(h, request("/", tt.request...))
			second := do(h, request("/", tt.request...))
			hit := o.runs.Load() == 1
			if hit != tt.want {
				t.Errorf("response %q to %q: stored is %v, want %v\n first: %v\n second: %v", tt.header, tt.request, hit, tt.want, first.Header, second.Header)
			}
			status := strings.Join(second.Header["Cache-Status"], ", ")
			if strings.HasPrefix(status, "Strata; hit") != tt.want {
				t.Errorf("Cache-Status %q, stored is %v", status, tt.want)
			}
			if tt.want {
				wantEqual(t, "status of the hit", second.StatusCode, first.StatusCode)
				wantEqual(t, "body of the hit", bodyOf(t, second), "run 1")
			}
		})
	}
}

// TestView: what the developer's TTL means, by contract row.
func TestView(t *testing.T) {
	t.Parallel()
	const soon = "in 10 s"
	for _, tt := range []struct {
		name   string
		ttl    time.Duration
		status int
		header []string
		stored bool
		cc     string
		expiry time.Duration // of Expires from now; -1: none
	}{
		{"HTTP-033 sets both", time.Minute, 0, nil, true, "max-age=60", time.Minute},
		{"HTTP-033 keeps other directives", time.Minute, 0, []string{"Cache-Control", "public"}, true, "public, max-age=60", time.Minute},
		{"HTTP-034 the smaller max-age", time.Minute, 0, []string{"Cache-Control", `max-age=600, x="a,b"`}, true, `x="a,b", max-age=60`, -1},
		{"HTTP-034 its own smaller one", time.Minute, 0, []string{"Cache-Control", "max-age=10"}, true, "max-age=10", -1},
		{"HTTP-035 its own Expires", time.Minute, 0, []string{"Expires", soon}, true, "", 10 * time.Second},
		{"HTTP-077 a TTL of 0", 0, 0, nil, false, "max-age=0", 0},
		{"HTTP-079 a negative TTL", -time.Minute, 0, nil, false, "max-age=0", 0},
		{"HTTP-080 whole seconds", 2500 * time.Millisecond, 0, nil, true, "max-age=2", 2 * time.Second},
		{"HTTP-030 max-age=0", time.Minute, 0, []string{"Cache-Control", "max-age=0"}, false, "max-age=0", -1},
		{"HTTP-031 never cache", time.Minute, 0, []string{"Cache-Control", "no-store"}, false, "no-store", -1},
		{"HTTP-015 Set-Cookie gets no lifetime", time.Minute, 0, []string{"Set-Cookie", "a=b"}, false, "", -1},
		{"HTTP-003 201", time.Minute, 201, []string{"Cache-Control", "max-age=10"}, false, "max-age=10", -1},
		{"HTTP-003 500", time.Minute, 500, []string{"Cache-Control", "max-age=10"}, false, "max-age=10", -1},
		{"HTTP-003 404 is not a page of the view", time.Minute, 404, nil, false, "", -1},
		{"HTTP-004 304", time.Minute, 304, nil, false, "max-age=60", time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				now := time.Now()
				for i, v := range tt.header {
					if v == soon {
						tt.header[i] = now.Add(10 * time.Second).UTC().Format(http.TimeFormat)
					}
				}
				o := &origin{header: tt.header, status: tt.status}
				h := newPages(t, nil).View(tt.ttl, nil).Handler(o)
				first := do(h, request("/"))
				second := do(h, request("/"))
				wantEqual(t, "stored", o.runs.Load() == 1, tt.stored)
				for i, resp := range []*http.Response{first, second} {
					which := []string{"first ", "second "}[i]
					wantEqual(t, which+"Cache-Control", strings.Join(resp.Header["Cache-Control"], ", "), tt.cc)
					if _, has := resp.Header["Expires"]; has != (tt.expiry >= 0) {
						t.Errorf("%sExpires: %q", which, resp.Header["Expires"])
					} else if has {
						at, err := http.ParseTime(resp.Header.Get("Expires"))
						if off := at.Sub(now) - tt.expiry; err != nil || off != 0 {
							t.Errorf("%sExpires: got %v (%v), want in %v", which, at, err, tt.expiry)
						}
					}
				}
				if _, has := first.Header["Age"]; has {
					t.Error("HTTP-037: the response that filled the cache has Age", first.Header["Age"])
				}
			})
		})
	}
}
