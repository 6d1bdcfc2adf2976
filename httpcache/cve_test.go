package httpcache_test

import (
	"testing"
	"time"
)

// TestCVE holds the faults that another page cache had and fixed. In each, what
// was made for the first request must not answer the second.
func TestCVE(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name          string
		header        []string // of the response
		first, second []string // of the requests
	}{
		{"CVE-2026-6907 Vary: * stored", []string{"Vary", "*"}, nil, nil},
		{"CVE-2026-35192 session cookie on a public page", []string{"Set-Cookie", "sessionid=1", "Cache-Control", "public"}, []string{"Cookie", "sessionid=1"}, nil},
		{"CVE-2026-8404 case of Private", []string{"Cache-Control", "Private"}, nil, nil},
		{"CVE-2026-8404 case of NO-STORE", []string{"Cache-Control", "NO-STORE"}, nil, nil},
		{"CVE-2026-35193 Authorization", nil, []string{"Authorization", "Bearer a"}, []string{"Authorization", "Bearer b"}},
		{"CVE-2026-35193 Authorization, then nobody", nil, []string{"Authorization", "Bearer a"}, nil},
		{"CVE-2026-48587 blank before Cookie", []string{"Vary", " Cookie"}, []string{"Cookie", "a=1"}, []string{"Cookie", "a=2"}},
		{"CVE-2026-48587 blank before *", []string{"Vary", "Accept,\t * "}, nil, nil},
		{"CVE-2026-48588 Set-Cookie and Vary: Cookie", []string{"Vary", "Cookie", "Set-Cookie", "sessionid=1"}, []string{"Cookie", "other=1"}, []string{"Cookie", "other=1"}},
		{"CVE-2026-113593 missing, then empty", []string{"Vary", "X-Tenant"}, nil, []string{"X-Tenant", ""}},
		{"CVE-2026-113593 empty, then missing", []string{"Vary", "X-Tenant"}, []string{"X-Tenant", ""}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := &origin{header: tt.header}
			// A view stores all that it may: the response's silence is no protection.
			h := newPages(t, nil).View(time.Minute, nil).Handler(o)
			do(h, request("/", tt.first...))
			second := do(h, request("/", tt.second...))
			if got := bodyOf(t, second); got != "run 2" {
				t.Errorf("the second request got %q, Cache-Status %q", got, second.Header["Cache-Status"])
			}
		})
	}
}
