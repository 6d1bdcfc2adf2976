package breaker

import (
	"fmt"
	"sync"

	"github.com/sony/gobreaker/v2"
)

// State is the state of a circuit.
type State uint8

const (
	Closed   State = iota // every call passes
	HalfOpen              // a few calls pass, to see whether the store answers
	Open                  // no call passes
)

// String returns "closed", "half-open" or "open".
func (s State) String() string {
	switch s {
	case Closed:
		return "closed"
	case HalfOpen:
		return "half-open"
	case Open:
		return "open"
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

func stateOf(s gobreaker.State) State {
	switch s {
	case gobreaker.StateOpen:
		return Open
	case gobreaker.StateHalfOpen:
		return HalfOpen
	}
	return Closed
}

// Change is a change of state.
type Change struct {
	Name     string // Options.Name
	From, To State
}

// changes are those that are still to be told. The circuit reports them under
// its lock, where no code of users may run.
type changes struct {
	mu      sync.Mutex
	pending []Change
	telling bool // somebody tells them, one after the other
}

func (c *changes) add(one Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = append(c.pending, one)
}

// next takes the first one. Only who gets one, or already has the word, goes on.
func (c *changes) next(hasWord bool) (one Change, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.telling && !hasWord:
		return Change{}, false
	case len(c.pending) == 0:
		c.telling = false
		return Change{}, false
	}
	one, c.pending, c.telling = c.pending[0], c.pending[1:], true
	return one, true
}

// tell tells OnChange what has changed, unless somebody does already.
func (s *Store) tell() {
	if s.opts.OnChange == nil {
		return
	}
	for one, ok := s.changes.next(false); ok; one, ok = s.changes.next(true) {
		s.opts.OnChange(one)
	}
}
