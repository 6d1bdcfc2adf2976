package drivertest

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stratacache/strata/cache"
)

func models() []rule {
	return []rule{
		{"any sequence of calls answers as a naive model does", nothing, func(w *world) {
			// rapid asks a *testing.T for its deadline, which a bubble does not allow.
			rapid.Check(struct{ testing.TB }{w.t}, func(t *rapid.T) { w.walk(t) })
		}},
	}
}

// The lifetimes end in half seconds and time advances by whole ones, so that no
// check is made at the very instant of an end.
const (
	half          = 500 * time.Millisecond
	modelTTL      = 5*time.Minute + half
	modelNegative = 30*time.Second + half
)

// place is where a value may be: one of the views below, and a key.
type place struct {
	view int
	key  string
}

// thing is a value in the model.
type thing struct {
	value    string
	integer  bool
	negative bool
	ends     time.Duration // of the model's clock; 0: never
	tags     []string
}

// mark is a fence that an application holds.
type mark struct {
	fence cache.Fence
	view  cache.Cache // of the client that it belongs to
	at    place
	turn  int // of the place when it was taken
	step  int // of the model when it was taken
	// loose: time has passed, or what stood has become invalid. The token may
	// stand or not: both are right.
	loose bool
}

// under[i] are the views that clearing view i drops. The views are the root, a prefix, a prefix within it, and another version of
// the first prefix.
var under = [...][]int{{0, 1, 2, 3}, {1, 2, 3}, {2}, {1, 2, 3}}

// naive is the model: what is where, and what a fence may still do.
type naive struct {
	now     time.Duration
	step    int
	things  map[place]*thing
	turns   map[place]int  // changes with the token that stands there
	dropped map[string]int // tag → the last step that invalidated it
	cleared [len(under)]int
	marks   []*mark
}

// at is the live thing at p, or nil.
func (m *naive) at(p place) *thing {
	x := m.things[p]
	if x == nil || (x.ends != 0 && m.now >= x.ends) {
		return nil
	}
	return x
}

// value is at, without a remembered not found.
func (m *naive) value(p place) *thing {
	if x := m.at(p); x != nil && !x.negative {
		return x
	}
	return nil
}

// put replaces what stands at p; nil removes it.
func (m *naive) put(p place, x *thing) {
	m.turns[p]++
	if x == nil {
		delete(m.things, p)
	} else {
		m.things[p] = x
	}
}

// drop invalidates the things that match.
func (m *naive) drop(match func(place, *thing) bool) {
	for p, x := range m.things {
		if !match(p, x) {
			continue
		}
		delete(m.things, p)
		for _, f := range m.marks {
			f.loose = f.loose || f.at == p
		}
	}
}

// may is what a store under f may come to: refused for sure, stored for sure,
// or either.
func (m *naive) may(f *mark, tags []string) (stored, refused bool) {
	late := f.turn != m.turns[f.at] || m.cleared[f.at.view] > f.step
	for _, t := range tags {
		late = late || m.dropped[t] > f.step
	}
	return !late, late || f.loose
}

func (m *naive) show(x *thing) string {
	switch {
	case x == nil:
		return nowhere
	case x.negative:
		return "(not found)"
	}
	return x.value
}
