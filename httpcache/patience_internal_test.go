package httpcache

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		parent, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		make := func(d time.Duration) *patience {
			return &patience{Context: parent, deadline: time.Now().Add(d)}
		}

		p := make(time.Second)
		if err := p.Err(); err != nil {
			t.Error("at once:", err)
		}
		began := time.Now()
		<-p.Done()
		if err := p.Err(); time.Since(began) != time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		p.end()

		p = make(time.Second)
		time.Sleep(time.Second)
		if err := p.Err(); !errors.Is(err, context.DeadlineExceeded) {
			t.Error("without a timer:", err)
		}

		p = make(time.Second)
		p.end()
		<-p.Done()
		if err := p.Err(); !errors.Is(err, context.Canceled) {
			t.Error("after the end:", err)
		}

		p = make(time.Hour)
		own, _ := p.Deadline()
		theirs, _ := parent.Deadline()
		if !own.Equal(theirs) {
			t.Errorf("deadline %v is not the parent's %v", own, theirs)
		}
		child, stop := context.WithCancel(p)
		defer stop()
		cancel()
		<-child.Done()
		if err := p.Err(); !errors.Is(err, context.Canceled) {
			t.Error("after the parent:", err)
		}
		p.end()
	})
}

func TestApartIsBounded(t *testing.T) {
	t.Parallel()
	s := newFlights()
	for i := range 3 * maxApart {
		f, leads := s.join(string(rune(i + 0x10000)))
		if !leads {
			t.Fatal("somebody else leads", i)
		}
		s.part(f)
		s.part(f)
		s.land(f)
	}
	if len(s.apart) > maxApart || len(s.byKey) != 0 {
		t.Errorf("%d pages are remembered, %d flights", len(s.apart), len(s.byKey))
	}
}
