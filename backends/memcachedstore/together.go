package memcachedstore

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/stratacache/strata/internal/gather"
)

const (
	// looksAtOnce and setsAtOnce are how many Gets and Sets are on their way to a server,
	// each by itself or several together, before others wait. With 16 goroutines and a
	// server next door one took 0.3 of gomemcache's time, 2 took 0.4, 4 took 0.65, 8 took
	// 0.95, and without a bound 1.15 and 1.2 (BenchmarkStore). But who waits does so for
	// about a part of so many of a round trip, which counts if the server is far: with 4, a
	// quarter at most.
	looksAtOnce = 4
	setsAtOnce  = 4
	// togetherMost is how many go together, and togetherSize the size of what is set at
	// most: what is larger would keep the others waiting.
	togetherMost = 64
	togetherSize = 16 << 10
	// togetherWait is how long they wait at most, when a server is very far or hangs.
	togetherWait = time.Millisecond
)

// look is a Get on its way to the server that has its key.
type look struct {
	call
	name string
}

// together has the calls for one server's keys go together. Those for other servers
// know nothing of them, be it slow or dead.
func (s *Store) together(at *server) {
	const op = "memcachedstore"
	at.looks = &gather.Group[*look, *view]{
		Op: op, Width: looksAtOnce, Max: togetherMost, Patience: togetherWait,
		One: func(_ context.Context, l *look) (*view, error) { return s.lookOne(l, at) },
		Many: func(ctx context.Context, ls []*look) []gather.Answer[*view] {
			c := callUntil(ctx, ls[0].timeout) // who came first has waited longest
			return s.lookMany(&c, ls, at)
		},
	}
	at.sets = &gather.Group[*setting, outcome]{
		Op: op, Width: setsAtOnce, Max: togetherMost, Patience: togetherWait,
		One: func(_ context.Context, x *setting) (outcome, error) { return s.setOne(x) },
		Many: func(ctx context.Context, xs []*setting) []gather.Answer[outcome] {
			c := callUntil(ctx, xs[0].timeout)
			return s.setMany(&c, xs)
		},
	}
}

func (s *Store) lookOne(l *look, at *server) (*view, error) {
	v := s.newView(1)
	v.found[0].name, v.found[0].server = l.name, at
	return v, s.look(&l.call, v, nil)
}

// lookMany is one view, of which each gets its part.
func (s *Store) lookMany(c *call, ls []*look, at *server) []gather.Answer[*view] {
	out := make([]gather.Answer[*view], len(ls))
	all := s.newView(len(ls))
	for i := range ls {
		all.found[i].name, all.found[i].server = ls[i].name, at
	}
	err := s.look(c, all, nil)
	for i := range out {
		if out[i].Err = err; err == nil {
			v := s.newView(1)
			v.record, v.all, v.found[0], v.ops[2] = all.record, all.all, all.found[i], all.ops[2+i]
			out[i].Value = v
		}
	}
	s.freeView(all)
	return out
}

// errLeft: one of several has left, who may have set the same key again: what is begun
// anew is begun without it.
var errLeft = errors.New("memcachedstore: the caller has left")

func left(x *setting) bool { return x.ctx.Err() != nil }

// setMany sets several, of which those of one key do so in their order.
func (s *Store) setMany(c *call, xs []*setting) []gather.Answer[outcome] {
	out := make([]gather.Answer[outcome], len(xs))
	staying, err := slices.Clone(xs), errLeft
	for err == errLeft && len(staying) > 0 {
		outcomes := make([]outcome, len(staying))
		err = s.setAll(c, staying, outcomes, false)
		for i, x := range xs {
			if j := slices.Index(staying, x); j >= 0 {
				out[i] = gather.Answer[outcome]{Value: outcomes[j], Err: err}
			}
		}
		staying = slices.DeleteFunc(staying, left)
	}
	return out
}
