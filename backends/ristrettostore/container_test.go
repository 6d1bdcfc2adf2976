package ristrettostore

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// Two keys of one hash push each other out, and neither is read as the other.
func TestCollision(t *testing.T) {
	t.Parallel()
	s, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	const h = 42
	st := &s.stripes[0]
	life := driver.Life{Fresh: driver.Forever, Expires: driver.Forever}
	with := func(name string, do func(*step)) {
		st.mu.Lock()
		defer st.mu.Unlock()
		p := s.stepOf(h, st, driver.Key{Name: name})
		do(&p)
	}
	set := func(name string) {
		with(name, func(p *step) { p.store(&driver.Entry{Stamp: p.m.Stamp(), Life: life, Payload: []byte(name)}) })
	}
	want := func(name string, there bool) {
		t.Helper()
		with(name, func(p *step) {
			e := p.live()
			if (e != nil) != there || e != nil && string(e.Payload) != name {
				t.Errorf("under %s: got %+v, want an entry of its own: %v", name, e, there)
			}
		})
	}
	for _, settle := range []func(){func() {}, s.Settle} {
		set("a")
		settle()
		want("a", true)
		want("b", false)
		with("b", func(p *step) { p.clear() })
		want("a", true)
		set("b")
		want("a", false)
		want("b", true)
		settle()
		want("a", false)
		want("b", true)
		with("b", func(p *step) { p.clear() })
		settle()
		want("a", false)
		want("b", false)
	}
}

// Writers wait before ristretto's channel is full.
func TestWritersWait(t *testing.T) {
	t.Parallel()
	const writers = 4
	s, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	life := driver.Life{Fresh: driver.Forever, Expires: driver.Forever}
	s.container.barrier.Lock() // nothing is known to be taken in
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range maxQueued {
				if _, err := s.Put(t.Context(), driver.Key{Name: fmt.Sprint(w, " ", i)}, &driver.Entry{Life: life}, driver.Set, 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for s.container.queued.Load() < maxQueued {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(10 * time.Millisecond) // in which writers that do not wait would go on
	if got := s.container.queued.Load(); got > maxQueued+writers {
		t.Errorf("writes on their way: got %d, want at most %d", got, maxQueued+writers)
	}
	s.container.barrier.Unlock()
	wg.Wait()
}
