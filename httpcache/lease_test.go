package httpcache_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache/driver"
)

// remote is a store that is not in this process.
type remote struct{ driver.Store }

func (remote) Close(context.Context) error { return nil }

// inProcesses runs a test with n caches of one handler over one store, each as in
// a process of its own.
func inProcesses(t *testing.T, n int, h http.Handler, test func(t *testing.T, process []http.Handler)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		shared := locmem.New(nil)
		t.Cleanup(func() { _ = shared.Close(context.Background()) })
		process := make([]http.Handler, n)
		for i := range process {
			process[i] = over(t, open(t, remote{shared}), nil).Handler(h)
		}
		test(t, process)
	})
}

// counted is a handler that counts its runs.
type counted struct {
	runs  atomic.Int64
	serve func(w http.ResponseWriter, r *http.Request, run int64)
}

func (c *counted) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.serve(w, r, c.runs.Add(1)) }

// everywhere sends n requests to each process at the same time, and returns how
// long each took.
func everywhere(process []http.Handler, n int, make func() *http.Request) (answers []*httptest.ResponseRecorder, took time.Duration) {
	began := time.Now()
	var wg sync.WaitGroup
	for _, h := range process {
		for range n {
			w := httptest.NewRecorder()
			answers = append(answers, w)
			wg.Go(func() {
				defer func() { _ = recover() }()
				h.ServeHTTP(w, make())
			})
		}
	}
	wg.Wait()
	return answers, time.Since(began)
}

// poll is more than the longest time between two questions of a waiting process.
const poll = 200 * time.Millisecond

// TestProcessesMakeOnePage: a hundred requests for a cold page in each of four
// processes run the handler once.
func TestProcessesMakeOnePage(t *testing.T) {
	t.Parallel()
	h := &counted{serve: func(w http.ResponseWriter, _ *http.Request, _ int64) {
		time.Sleep(time.Second)
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = io.WriteString(w, "page")
	}}
	inProcesses(t, 4, h, func(t *testing.T, process []http.Handler) {
		answers, took := everywhere(process, 100, func() *http.Request { return request("/") })
		collapsed := 0
		for _, w := range answers {
			wantEqual(t, "body", w.Body.String(), "page")
			if strings.HasSuffix(w.Header().Get("Cache-Status"), "; collapsed") {
				collapsed++
			}
		}
		wantEqual(t, "runs", h.runs.Load(), 1)
		wantEqual(t, "collapsed", collapsed, 399)
		if took > time.Second+poll {
			t.Errorf("took %v", took)
		}
	})
}

// TestProcessesAtAnUnshareablePage: the others wait for the header, and not for
// each other then, nor for the body; and for a while they do not wait at all.
func TestProcessesAtAnUnshareablePage(t *testing.T) {
	t.Parallel()
	h := &counted{serve: func(w http.ResponseWriter, r *http.Request, _ int64) {
		time.Sleep(time.Second)
		w.Header().Set("Cache-Control", "private, max-age=60")
		w.WriteHeader(200)
		_ = http.NewResponseController(w).Flush()
		time.Sleep(time.Second) // the stream
		_, _ = io.WriteString(w, r.Header.Get("Cookie"))
	}}
	inProcesses(t, 4, h, func(t *testing.T, process []http.Handler) {
		get := func() *http.Request { return request("/", "Cookie", "me") }
		if _, took := everywhere(process, 1, get); took > 3*time.Second+poll {
			t.Errorf("four processes took %v: they waited for one another", took)
		}
		wantEqual(t, "runs", h.runs.Load(), 4)
		if _, took := everywhere(process, 1, get); took != 2*time.Second {
			t.Errorf("apart they took %v", took)
		}
	})
}

// TestAProcessThatDies holds the others up for LeaseWait, and no more.
func TestAProcessThatDies(t *testing.T) {
	t.Parallel()
	dead := make(chan struct{})
	h := &counted{serve: func(w http.ResponseWriter, _ *http.Request, run int64) {
		if run == 1 {
			<-dead
		}
		w.Header().Set("Cache-Control", "max-age=1")
		_, _ = io.WriteString(w, "page")
	}}
	inProcesses(t, 3, h, func(t *testing.T, process []http.Handler) {
		dead = make(chan struct{})
		go do(process[0], request("/"))
		synctest.Wait()
		_, took := everywhere(process[1:2], 5, func() *http.Request { return request("/") })
		wantEqual(t, "runs", h.runs.Load(), 2)
		if took < 3*time.Second || took > 3*time.Second+poll {
			t.Errorf("took %v, want LeaseWait", took)
		}
		// What it held is taken over, so that it holds nobody up again.
		time.Sleep(2 * time.Second)
		_, took = everywhere(process[2:], 5, func() *http.Request { return request("/") })
		wantEqual(t, "the next time", took, 0)
		close(dead)
		synctest.Wait()
	})
}

// TestAProcessThatFails: whoever waits for a handler that ends without a page is
// told.
func TestAProcessThatFails(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(w http.ResponseWriter){
		"panic":   func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"no body": func(http.ResponseWriter) {},
		"error":   func(w http.ResponseWriter) { w.WriteHeader(503) },
	} {
		t.Run(name, func(t *testing.T) {
			h := &counted{serve: func(w http.ResponseWriter, _ *http.Request, run int64) {
				time.Sleep(time.Second)
				if run == 1 {
					end(w)
					return
				}
				w.Header().Set("Cache-Control", "max-age=60")
				_, _ = io.WriteString(w, "page")
			}}
			inProcesses(t, 2, h, func(t *testing.T, process []http.Handler) {
				var wg sync.WaitGroup
				wg.Go(func() { everywhere(process[:1], 1, func() *http.Request { return request("/") }) })
				synctest.Wait()
				began := time.Now()
				wantEqual(t, "the other process", get(t, process[1], "/"), "page")
				if took := time.Since(began); took > 2*time.Second+poll {
					t.Errorf("took %v", took)
				}
				wg.Wait()
			})
		})
	}
}

// TestNoWaitingForWhatIsNotShared: a request that wants what others do not, or
// may get what they may not, neither waits nor is waited for.
func TestNoWaitingForWhatIsNotShared(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]func() *http.Request{
		"credentials": func() *http.Request { return request("/", "Authorization", "Basic eA==") },
		"HEAD":        func() *http.Request { return requestOf(http.MethodHead, "/") },
		"range":       func() *http.Request { return request("/", "Range", "bytes=0-1") },
		"reload":      func() *http.Request { return request("/", "Cache-Control", "no-cache") },
	} {
		t.Run(name, func(t *testing.T) {
			h := &counted{serve: func(w http.ResponseWriter, _ *http.Request, _ int64) {
				time.Sleep(time.Second)
				w.Header().Set("Cache-Control", "max-age=60")
				_, _ = io.WriteString(w, "page")
			}}
			inProcesses(t, 2, h, func(t *testing.T, process []http.Handler) {
				began := time.Now()
				var wg sync.WaitGroup
				for _, first := range []bool{true, false} {
					wg.Go(func() {
						if first {
							do(process[0], r())
						} else {
							do(process[1], request("/"))
						}
						wantEqual(t, "took", time.Since(began), time.Second)
					})
				}
				wg.Wait()
			})
		})
	}
}

// TestProcessesAndVariants: what is waited for may turn out to be another variant.
func TestProcessesAndVariants(t *testing.T) {
	t.Parallel()
	h := &counted{serve: func(w http.ResponseWriter, r *http.Request, _ int64) {
		time.Sleep(time.Second)
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Vary", "Accept-Language")
		_, _ = io.WriteString(w, r.Header.Get("Accept-Language"))
	}}
	inProcesses(t, 3, h, func(t *testing.T, process []http.Handler) {
		var wg sync.WaitGroup
		wg.Go(func() { do(process[0], request("/", "Accept-Language", "fr")) })
		synctest.Wait()
		for _, h := range process[1:] {
			for range 10 {
				wg.Go(func() {
					wantEqual(t, "body", bodyOf(t, do(h, request("/", "Accept-Language", "de"))), "de")
				})
			}
		}
		wg.Wait()
		wantEqual(t, "runs", h.runs.Load(), 2)
	})
}

// TestProcessesRefreshOnce: while one process makes a stale page anew, the others
// serve it stale.
func TestProcessesRefreshOnce(t *testing.T) {
	t.Parallel()
	h := &counted{serve: func(w http.ResponseWriter, _ *http.Request, run int64) {
		time.Sleep(time.Second)
		w.Header().Set("Cache-Control", swr)
		_, _ = io.WriteString(w, "run "+itoa(run))
	}}
	inProcesses(t, 4, h, func(t *testing.T, process []http.Handler) {
		for round := range int64(3) {
			for range 90 {
				answers, _ := everywhere(process, 3, func() *http.Request { return request("/") })
				for _, w := range answers {
					if got := w.Body.String(); got != "run "+itoa(round+1) && got != "run "+itoa(max(round, 1)) {
						t.Fatalf("round %d: got %q", round, got)
					}
				}
				time.Sleep(100 * time.Millisecond)
			}
			time.Sleep(2 * time.Second)
			wantEqual(t, "runs", h.runs.Load(), round+1)
		}
	})
}
