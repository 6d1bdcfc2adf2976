package httpcache_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stratacache/strata/httpcache"
)

// A field that was set under another spelling than net/http's own goes out as
// it is, and is not found by who looks for it by name.
func TestFieldsUnderOddNamesAreNotReplayed(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"set-cookie", "cache-control", "vary"} {
		runs := 0
		h := newPages(t, nil).View(time.Minute, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			runs++
			w.Header()[name] = []string{"private"}
			_, _ = w.Write([]byte("x"))
		}))
		do(h, request("/"))
		do(h, request("/"))
		if runs != 2 {
			t.Errorf("%s: the handler ran %d times, want 2: nothing is stored", name, runs)
		}
	}
}

// The slice that Tags returns belongs to the application: two requests at once
// must not write into it.
func TestTagsOfTwoRequestsDoNotMix(t *testing.T) {
	t.Parallel()
	c := open(t, nil)
	shared := append(make([]string, 0, 4), "all")
	view := over(t, c, nil).View(time.Minute, &httpcache.ViewOptions{Tags: func(*http.Request) []string { return shared }})
	var h http.Handler
	first := true
	h = view.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		httpcache.AddTags(r.Context(), r.URL.Path)
		if first {
			first = false
			do(h, request("/b")) // another request meanwhile
		}
		_, _ = w.Write([]byte("x"))
	}))
	do(h, request("/a"))
	if err := c.Invalidate(t.Context(), "/a"); err != nil {
		t.Fatal(err)
	}
	if status := do(h, request("/a")).Header.Get("Cache-Status"); strings.Contains(status, "hit") {
		t.Errorf("after /a was invalidated: %s", status)
	}
}
