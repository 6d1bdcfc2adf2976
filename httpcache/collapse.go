package httpcache

import (
	"hash/maphash"
	"sync"
	"time"

	"github.com/stratacache/strata/cache"
)

const (
	// apartFor is how long a page whose response could not be shared is not
	// waited for: its requests run side by side from the start.
	apartFor = 10 * time.Second
	// maxApart bounds how many such pages are remembered.
	maxApart = 8192
)

// flights are the runs of handlers under way for one cache, by page.
type flights struct {
	mu    sync.Mutex
	byKey map[string]*flight
	seed  maphash.Seed
	apart map[uint64]time.Time // until when; by hash: a collision costs a load
}

// flight is one request that runs the handler for those that came after it.
type flight struct {
	key  string
	done chan struct{}
	once sync.Once
	// lease has other processes wait; nil or not held if they need not.
	lease *cache.Lease
	// failure is how the leader's handler failed. Read it when done is closed.
	failure failure
}

func newFlights() *flights {
	return &flights{
		byKey: make(map[string]*flight),
		seed:  maphash.MakeSeed(),
		apart: make(map[uint64]time.Time),
	}
}

// join returns the flight of a page, and whether the caller leads it and must
// land it. It is nil for a page whose requests run side by side.
func (s *flights) join(key string) (f *flight, leads bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.byKey[key]; f != nil {
		return f, false
	}
	if len(s.apart) > 0 {
		sum := maphash.String(s.seed, key)
		if until, ok := s.apart[sum]; ok {
			if time.Now().Before(until) {
				return nil, false
			}
			delete(s.apart, sum)
		}
	}
	f = &flight{key: key, done: make(chan struct{})}
	s.byKey[key] = f
	return f, true
}

// land lets the waiting requests go on, in other processes too. It is idempotent, and f may be nil.
func (s *flights) land(f *flight) {
	if f == nil {
		return
	}
	f.once.Do(func() {
		s.mu.Lock()
		delete(s.byKey, f.key)
		s.mu.Unlock()
		close(f.done)
		f.lease.Release()
	})
}

// part lands f and has the page's requests run side by side for a while,
// because the response was nobody else's.
func (s *flights) part(f *flight) {
	if f == nil {
		return
	}
	s.mu.Lock()
	if len(s.apart) >= maxApart {
		s.forget()
	}
	s.apart[maphash.String(s.seed, f.key)] = time.Now().Add(apartFor)
	s.mu.Unlock()
	s.land(f)
}

// forget makes room: what is over goes, and if nothing is, all of it. s.mu is
// held.
func (s *flights) forget() {
	now := time.Now()
	for k, until := range s.apart {
		if !now.Before(until) {
			delete(s.apart, k)
		}
	}
	if len(s.apart) >= maxApart {
		clear(s.apart)
	}
}

// shared ends a page's time apart: a response of it was stored.
func (s *flights) shared(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.apart) > 0 {
		delete(s.apart, maphash.String(s.seed, key))
	}
}
