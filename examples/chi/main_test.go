package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/httpcache"
)

func TestRouter(t *testing.T) {
	t.Parallel()
	client, err := cache.New(locmem.New(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(context.Background())
	pages, err := httpcache.New(client, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer pages.Close(context.Background())
	h := router(pages)
	ask := func(path string) (status, body string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Header().Get("Cache-Status"), w.Body.String()
	}
	for path, hit := range map[string]bool{"/": true, "/articles/1": true, "/account": false} {
		ask(path)
		if status, body := ask(path); strings.HasPrefix(status, "Strata; hit") != hit || body == "" {
			t.Errorf("%s: %q, %q, want a hit to be %v", path, status, body, hit)
		}
	}
	if err := client.Invalidate(t.Context(), "article:1"); err != nil {
		t.Fatal(err)
	}
	if status, _ := ask("/articles/1"); strings.HasPrefix(status, "Strata; hit") {
		t.Errorf("after its tag was invalidated: %q", status)
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, "127.0.0.1:0"); err != nil && err != http.ErrServerClosed {
		t.Error(err)
	}
}
