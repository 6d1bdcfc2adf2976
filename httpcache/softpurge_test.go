package httpcache_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/httpcache"
)

// TestSoftPurge: the page is stale, and used as a stale page may be.
func TestSoftPurge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pages := newPages(t, nil)
		origin := &scripted{step: &exchange{header: fresh("600, stale-while-revalidate=30", "Etag", `"v1"`)}}
		h := pages.Handler(origin)
		r := request(shop + "/a")
		do(h, r)
		time.Sleep(time.Minute)
		if err := pages.SoftPurge(t.Context(), shop+"/a"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		origin.step = &exchange{header: fresh("600"), body: "new"}
		resp := do(h, r)
		wantStatus(t, resp, "Strata; hit; ttl=-1")
		wantEqual(t, "body", bodyOf(t, resp), "body")
		synctest.Wait()
		wantEqual(t, "If-None-Match", origin.got[1].Header.Get("If-None-Match"), `"v1"`)
		wantEqual(t, "body", bodyOf(t, do(h, r)), "new")
		if err := pages.SoftPurge(t.Context(), shop+"/nothing"); err != nil {
			t.Error(err)
		}

		// All variants of a URL.
		origin.step = &exchange{header: fresh("600, stale-while-revalidate=30", "Etag", `"v1"`, "Vary", "X-A")}
		for _, a := range []string{"1", "2", "3"} {
			do(h, request(shop+"/b", "X-A", a))
		}
		if err := pages.SoftPurge(t.Context(), shop+"/b"); err != nil {
			t.Fatal(err)
		}
		for _, a := range []string{"1", "2", "3"} {
			wantStatus(t, do(h, request(shop+"/b", "X-A", a)), "Strata; hit; ttl=0")
			synctest.Wait()
			wantStatus(t, do(h, request(shop+"/b", "X-A", a)), "Strata; hit; ttl=600")
		}
	})
}

// TestSoftPurgeOfMany: by prefix, tag and group, also by the application itself,
// and nothing beside what was named.
func TestSoftPurgeOfMany(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		purge func(ctx context.Context, c *httpcache.Cache, client *cache.Client) error
	}{
		{"a prefix", func(ctx context.Context, c *httpcache.Cache, _ *cache.Client) error {
			return c.SoftPurgePrefix(ctx, shop+"/a")
		}},
		{"a tag", func(ctx context.Context, c *httpcache.Cache, _ *cache.Client) error { return c.SoftPurgeTag(ctx, "t") }},
		{"a group", func(ctx context.Context, c *httpcache.Cache, _ *cache.Client) error {
			return c.SoftPurgeGroup(ctx, shop, "g")
		}},
		{"a tag of the application", func(ctx context.Context, _ *httpcache.Cache, client *cache.Client) error {
			return client.Expire(ctx, "t")
		}},
	} {
		for _, where := range []string{"memory", "bytes", "a near tier"} {
			t.Run(tt.name+" over "+where, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var client *cache.Client
					switch where {
					case "memory":
						client = open(t, nil)
					case "bytes":
						client = open(t, &broken{Store: locmem.New(nil)})
					default:
						var err error
						client, err = cache.New(&broken{Store: locmem.New(nil)}, &cache.Options{Near: []cache.Tier{{Store: locmem.New(nil)}}})
						if err != nil {
							t.Fatal(err)
						}
						t.Cleanup(func() { _ = client.Close(context.Background()) })
					}
					pages := over(t, client, &httpcache.Options{PurgeDepth: 1, TagHeaders: []string{"Surrogate-Key"}})
					origin := &scripted{}
					h := pages.Handler(origin)
					ask := func(path, a string, step exchange) *http.Response {
						origin.step, origin.got = &step, nil
						resp := do(h, request(shop+path, "X-A", a))
						synctest.Wait()
						return resp
					}
					const while = "600, stale-while-revalidate=30"
					of := func(cc string) []string {
						return fresh(cc, "Etag", `"v1"`, "Vary", "X-A", "Surrogate-Key", "t", "Cache-Groups", `"g"`)
					}
					for _, a := range []string{"1", "2"} {
						ask("/a", a, exchange{header: of(while)})
					}
					ask("/a/validated", "1", exchange{header: of("600")})
					ask("/b", "1", exchange{header: fresh("600")})
					time.Sleep(time.Minute)
					if err := tt.purge(t.Context(), pages, client); err != nil {
						t.Fatal(err)
					}
					for _, a := range []string{"1", "2"} {
						wantStatus(t, ask("/a", a, exchange{header: of(while), body: "new"}), "Strata; hit; ttl=0")
						wantEqual(t, "asked by", origin.got[0].Header.Get("If-None-Match"), `"v1"`)
						resp := ask("/a", a, exchange{})
						wantStatus(t, resp, "Strata; hit; ttl=600")
						wantEqual(t, "body", bodyOf(t, resp), "new")
					}
					resp := ask("/a/validated", "1", exchange{status: 304, header: of("600")})
					wantStatus(t, resp, "Strata; fwd=stale; fwd-status=304; stored")
					wantEqual(t, "body", bodyOf(t, resp), "body")
					wantStatus(t, ask("/a/validated", "1", exchange{}), "Strata; hit; ttl=600")
					wantStatus(t, ask("/b", "1", exchange{}), "Strata; hit; ttl=540")

					if err := client.Invalidate(t.Context(), "t"); err != nil {
						t.Fatal(err)
					}
					wantStatus(t, ask("/a", "1", exchange{header: of(while)}), "Strata; fwd=uri-miss; stored")
				})
			})
		}
	}
}

// TestSoftPurgeWhileRunning: what a handler made before is not stored after.
func TestSoftPurgeWhileRunning(t *testing.T) {
	t.Parallel()
	pages := newPages(t, nil)
	runs := 0
	h := pages.View(time.Minute, &httpcache.ViewOptions{Tags: func(*http.Request) []string { return []string{"t"} }}).Handler(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if runs++; runs == 1 {
				if err := pages.SoftPurgeTag(r.Context(), "t"); err != nil {
					t.Error(err)
				}
			}
			_, _ = w.Write([]byte("page"))
		}))
	for range 3 {
		do(h, request("/"))
	}
	wantEqual(t, "runs", runs, 2)
}

// TestSoftPurgeOfStripped: pages of a URL that a handler outside has changed.
func TestSoftPurgeOfStripped(t *testing.T) {
	t.Parallel()
	pages := newPages(t, nil)
	o := &origin{header: []string{"Cache-Control", "max-age=60", "Etag", `"v1"`}}
	h := http.StripPrefix("/x", pages.Handler(o))
	do(h, request(shop+"/x/a"))
	wantHit(t, do(h, request(shop+"/x/a")), true)
	if err := pages.SoftPurge(t.Context(), shop+"/x/a"); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, do(h, request(shop+"/x/a")), "Strata; fwd=stale; stored")
}
