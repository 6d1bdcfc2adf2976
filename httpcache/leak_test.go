package httpcache_test

import (
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"
)

// personal are the ways in which a response, or the request it answers, says
// that it is one person's.
var personal = map[string][]string{
	"/private":   {"Cache-Control", "max-age=60, Private"},
	"/no-store":  {"Cache-Control", "NO-STORE, max-age=60"},
	"/no-cache":  {"Cache-Control", "no-cache"},
	"/vary":      {"Vary", "accept-encoding,\tcookie"},
	"/vary-lost": {"Vary", "Accept", "Vary", "Cookie, Authorization"},
	"/any":       {"Vary", " *"},
	"/cookie":    {"Set-Cookie", "seen=1", "Cache-Control", "public, max-age=60"},
	"/quote":     {"Cache-Control", `x="y, public`},
}

// TestNoLeaks: random requests of many users, at the same time, to a handler
// that echoes who asks. Nobody gets another's page, and what is everybody's is
// shared.
func TestNoLeaks(t *testing.T) {
	t.Parallel()
	paths := []string{"/public", "/bearer"}
	for p := range personal {
		paths = append(paths, p)
	}
	var mu sync.Mutex
	runs := map[string]int{}
	h := newPages(t, nil).View(time.Hour, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		runs[r.URL.Path]++
		mu.Unlock()
		header := personal[r.URL.Path]
		for i := 0; i < len(header); i += 2 {
			w.Header().Add(header[i], header[i+1])
		}
		if r.URL.Path == "/public" {
			_, _ = io.WriteString(w, "everybody")
			return
		}
		_, _ = io.WriteString(w, r.Header.Get("Cookie")+r.Header.Get("Authorization"))
	}))
	const workers, each = 8, 1500
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(worker)))
			for range each {
				path := paths[random.IntN(len(paths))]
				who := "user-" + itoa(int64(random.IntN(50)))
				r := requestOf([]string{"GET", "GET", "GET", "HEAD"}[random.IntN(4)], path)
				if random.IntN(200) == 0 {
					r.Method = http.MethodPost
				}
				field := "Cookie"
				if path == "/bearer" {
					field = "Authorization"
				}
				r.Header.Set(field, who)
				switch random.IntN(8) {
				case 0:
					r.Header.Set("Range", "bytes=0-99")
				case 1:
					r.Header.Set("If-None-Match", `"x"`)
				case 2:
					r.Header.Set("Cache-Control", "max-age=0")
				case 3:
					r.Header.Set("X-Forwarded-Host", who)
				}
				want := who
				if path == "/public" {
					want = "everybody"
				}
				body := bodyOf(t, do(h, r))
				if body != want && (r.Method != http.MethodHead || body != "") {
					// A handler's own answer to HEAD has a body in a recorder.
					t.Errorf("%s %s of %s got the page of %s", r.Method, path, who, body)
				}
			}
		})
	}
	wg.Wait()
	if n := runs["/public"]; n > workers*each/20 {
		t.Errorf("the public page was made %d times", n)
	}
}
