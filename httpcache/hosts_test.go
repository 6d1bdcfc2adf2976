package httpcache_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stratacache/strata/httpcache"
)

// TestHosts (H42): a host that a client made up makes no page, and reaches no
// page of another.
func TestHosts(t *testing.T) {
	t.Parallel()
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.Host + " " + r.Header.Get("X-Forwarded-Host")))
	})
	h := newPages(t, &httpcache.Options{Hosts: []string{"Shop.example", "shop.example:8080", "*.shop.example"}}).
		View(time.Minute, nil).Handler(echo)
	for _, tt := range []struct {
		host, forwarded string
		known           bool
	}{
		{"shop.example", "", true},
		{"SHOP.example", "", true},
		{"shop.example:8080", "", true},
		{"de.shop.example", "", true},
		{"a.b.shop.example", "", true},
		{"shop.example", "de.shop.example", true},
		{"shop.example", "shop.example, DE.shop.example", true},
		{"shop.example:81", "", false},
		{"shop.example.", "", false},
		{"evil.example", "", false},
		{"evilshop.example", "", false},
		{".shop.example", "", false},
		{"shop.example.evil.example", "", false},
		{"", "", false},
		{"shop.example", "evil.example", false},
		{"shop.example", "shop.example, evil.example", false},
		{"shop.example", " ", false},
		{"evil.example", "shop.example", false},
	} {
		for round := range 2 {
			r := request("/")
			if r.Host = tt.host; tt.forwarded != "" {
				r.Header.Set("X-Forwarded-Host", tt.forwarded)
			}
			resp := do(h, r)
			if want := tt.host + " " + tt.forwarded; !strings.EqualFold(bodyOf(t, resp), want) {
				t.Errorf("%+v: another host's page", tt)
			}
			if !tt.known {
				wantStatus(t, resp, "Strata; fwd=bypass; detail=host")
			} else if round == 1 {
				wantHit(t, resp, true)
			}
		}
	}
}

// TestUnknownHosts: what is not known drops nothing either, and may be refused.
func TestUnknownHosts(t *testing.T) {
	t.Parallel()
	o := &origin{header: []string{"Location", "http://shop.example/"}}
	client := open(t, nil)
	all := over(t, client, nil).View(time.Minute, nil).Handler(o)
	do(all, request("http://evil.example/"))
	do(over(t, client, &httpcache.Options{Hosts: []string{"shop.example"}}).View(time.Minute, nil).Handler(o), requestOf(http.MethodPost, "http://evil.example/"))
	wantHit(t, do(all, request("http://evil.example/")), true)

	runs := o.runs.Load()
	refusing := newPages(t, &httpcache.Options{Hosts: []string{"shop.example"}, UnknownHosts: httpcache.RefuseUnknownHosts}).Handler(o)
	for _, r := range []*http.Request{
		request("http://evil.example/"), requestOf(http.MethodPost, "http://evil.example/"),
		request("http://evil.example/", "Upgrade", "websocket"),
	} {
		resp := do(refusing, r)
		wantEqual(t, "status", resp.StatusCode, http.StatusMisdirectedRequest)
		wantStatus(t, resp, "Strata; detail=host")
	}
	wantEqual(t, "runs", o.runs.Load(), runs)
	wantEqual(t, "known", do(refusing, request("http://shop.example/")).StatusCode, http.StatusOK)

	// Without a list nothing is refused, and what is no host is not stored.
	open := newPages(t, &httpcache.Options{UnknownHosts: httpcache.RefuseUnknownHosts}).View(time.Minute, nil).Handler(&origin{})
	for _, host := range []string{"a/b", "a b", `a"b`, "a<b>", "ä.example", "a@b", "a\\b"} {
		r := request("/")
		r.Host = host
		wantStatus(t, do(open, r), "Strata; fwd=bypass; detail=host")
	}
	for _, host := range []string{"[::1]:8080", "127.0.0.1", "xn--4ca.example", "my_service:80"} {
		r := request("/")
		r.Host = host
		wantStatus(t, do(open, r), "Strata; fwd=uri-miss; stored")
	}
	for _, host := range []string{"", "*", "*.", "a.*.example", "a b"} {
		if _, err := httpcache.New(client, &httpcache.Options{Hosts: []string{host}}); err == nil || !strings.Contains(err.Error(), "Options.Hosts") {
			t.Errorf("Hosts with %q: %v", host, err)
		}
	}
}
