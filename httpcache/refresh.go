package httpcache

import (
	"context"
	"log"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/stratacache/strata/cache"
)

// refreshes are the handlers that run for no client.
type refreshes struct {
	timeout time.Duration
	slots   chan struct{}
	ctx     context.Context
	cancel  context.CancelFunc

	mu     sync.Mutex
	closed bool
	wg     sync.WaitGroup
}

func newRefreshes(most int, timeout time.Duration) *refreshes {
	ctx, cancel := context.WithCancel(context.Background())
	return &refreshes{timeout: timeout, slots: make(chan struct{}, most), ctx: ctx, cancel: cancel}
}

// start runs work in a goroutine of its own, with the values of ctx, unless too
// many are at work.
func (s *refreshes) start(ctx context.Context, work func(context.Context)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	select {
	case s.slots <- struct{}{}:
	default:
		return false
	}
	s.wg.Go(func() {
		defer func() { <-s.slots }()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timeout)
		defer cancel()
		defer context.AfterFunc(s.ctx, cancel)()
		work(ctx)
	})
	return true
}

func (s *refreshes) close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	done := make(chan struct{})
	go func() { s.wg.Wait(); close(done) }()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = ctx.Err()
		s.cancel()
		<-done
	}
	s.cancel()
	return err
}

// refresh makes a stale page anew in the background, unless somebody is at it, in
// this process or another:
// RFC 5861 section 3.
func (h *handler) refresh(r *http.Request, at place) {
	if cache.AccessOf(r.Context()) != cache.ReadWrite {
		return // it would run in a transaction that ends before it
	}
	c := h.view.cache
	flight, leads := c.flights.join(at.page())
	if !leads {
		return
	}
	out := h.stripped(r, &at)
	out.Method = http.MethodGet
	for _, name := range [...]string{"Range", "If-Range", "Cache-Control", "Pragma"} {
		delete(out.Header, name)
	}
	out.Body, out.ContentLength = http.NoBody, 0
	started := c.refreshes.start(r.Context(), func(ctx context.Context) {
		defer c.flights.land(flight)
		defer func() {
			// As in net/http: the fault of one page is not that of the process.
			if v := recover(); v != nil && v != http.ErrAbortHandler {
				logOf(ctx).Printf("httpcache: panic while refreshing %s: %v\n%s", out.URL.Path, v, debug.Stack())
			}
		}()
		if lease, err := c.pages.Lease(ctx, flight.key); err != nil || !lease.Held() {
			return // another process is at it, or nothing can be stored
		} else {
			flight.lease = lease
		}
		ctx = context.WithValue(ctx, exchangeKey{}, (*exchange)(nil))
		h.alone(&nowhere{header: make(http.Header)}, out.WithContext(ctx), &at, new(demands), forwarded{fwd: fwdStale}, flight)
	})
	if !started {
		c.flights.land(flight)
	}
}

// logOf is where the server of a request logs panics.
func logOf(ctx context.Context) *log.Logger {
	if srv, ok := ctx.Value(http.ServerContextKey).(*http.Server); ok && srv.ErrorLog != nil {
		return srv.ErrorLog
	}
	return log.Default()
}

// nowhere is the ResponseWriter of a request without a client.
type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n *nowhere) WriteHeader(int)             {}

// SetReadDeadline and its like have nothing to act on.
func (n *nowhere) SetReadDeadline(time.Time) error  { return nil }
func (n *nowhere) SetWriteDeadline(time.Time) error { return nil }
func (n *nowhere) EnableFullDuplex() error          { return nil }
func (n *nowhere) Flush()                           {}
