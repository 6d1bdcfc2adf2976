package drivertest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// Harness is what the suite must know of a backend. Stores that its functions
// are given are the very ones that Open or Again returned.
type Harness struct {
	// Name is the backend's row in a table that is made of what the suite ran, such
	// as "redisstore, cluster": see [Report]. "": it has none.
	Name string

	// Open returns a store over a namespace that is empty and nobody else's. The
	// suite closes it. What it needs beside it ends with t.
	Open func(t testing.TB) driver.Store

	// Again opens another store over the namespace of s, as another process would
	// see it. The suite closes it. Nil: the namespace lives in the store.
	Again func(t testing.TB, s driver.Store) driver.Store

	// Advance lets d pass for what stores keep. Nil: the suite sleeps, which in a
	// Bubble takes no time.
	Advance func(t testing.TB, d time.Duration)

	// Bubble runs each rule in a bubble of testing/synctest, where time passes
	// only when all are waiting. It is for stores without network.
	Bubble bool

	// Moment is a lifetime that is short, and that the store keeps. Default 60 ms.
	Moment time.Duration

	// Largest is the payload in bytes above which the store answers ErrTooLarge.
	// 0: it has no limit of its own.
	Largest int

	// Serial keeps rules from running at the same time.
	Serial bool

	// LoseMeta loses the meta record of s, and nothing else: as if the server had
	// evicted it. Nil: it cannot be lost without the entries.
	LoseMeta func(t testing.TB, s driver.Store)

	// Dead returns a store whose server does not answer, such as an address where
	// nothing listens. Nil: there is no server.
	Dead func(t testing.TB) driver.Store

	// Raw returns the bytes that s keeps under key, and Plant replaces them, as
	// another program could. Nil: no other program reaches them.
	Raw   func(t testing.TB, s driver.Store, key driver.Key) []byte
	Plant func(t testing.TB, s driver.Store, key driver.Key, raw []byte)

	// Newer makes the bytes of an entry those of a later format. Nil: there is no
	// way to say that.
	Newer func(raw []byte) []byte

	// Limits are the rules that the store does not keep, each with the sentence
	// that its documentation says about it. A rule is named by its number
	// ("LL-074"), by its story ("fences") or in full. Such rules are skipped with
	// that sentence.
	Limits map[string]string

	logs bool // the store is a driver.LogReader
}

const defaultMoment = 60 * time.Millisecond

// rule is one thing that a store promises.
type rule struct {
	name  string // the promise, as a sentence
	needs need
	check func(w *world)
}

// need is what a rule cannot be checked without.
type need uint8

const (
	nothing need = iota
	metaLoss
	deadServer
	rawBytes
	newerFormat
	secondStore
	logReader
)

// lacks says why a rule cannot be run, or "".
func (h *Harness) lacks(n need) string {
	switch {
	case n == metaLoss && h.LoseMeta == nil:
		return "Harness.LoseMeta is nil: the meta record cannot be lost alone"
	case n == deadServer && h.Dead == nil:
		return "Harness.Dead is nil: there is no server that could be down"
	case n == rawBytes && (h.Raw == nil || h.Plant == nil):
		return "Harness.Raw or Plant is nil: nobody else can reach what is stored"
	case n == newerFormat && (h.Raw == nil || h.Plant == nil || h.Newer == nil):
		return "Harness.Raw, Plant or Newer is nil: there are no entries of a later format"
	case n == logReader && !h.logs:
		return "the store keeps no log (driver.LogReader)"
	case n == secondStore && h.Again == nil:
		return "Harness.Again is nil: the namespace lives in one store"
	}
	return ""
}

// limit is the sentence with which the harness excuses a rule, and its name in
// Limits.
func (h *Harness) limit(story, name string) (key, why string) {
	number, _, _ := strings.Cut(name, " ")
	for _, k := range []string{name, number, story} {
		if why, ok := h.Limits[k]; ok {
			return k, why
		}
	}
	return "", ""
}

// idleLimits are the names in Limits that excuse nothing.
func (h *Harness) idleLimits() []string {
	idle := maps.Clone(h.Limits)
	for _, s := range stories() {
		for _, r := range s.rules {
			key, _ := h.limit(s.name, r.name)
			delete(idle, key)
		}
	}
	return slices.Sorted(maps.Keys(idle))
}

// story is a group of rules.
type story struct {
	name  string
	rules []rule
}

func stories() []story {
	return []story{
		{"reading", reading()},
		{"writing", writing()},
		{"lifetimes", lifetimes()},
		{"touch", touching()},
		{"deleting", deleting()},
		{"counting", counting()},
		{"loading", loading()},
		{"bulk", bulk()},
		{"versions", versions()},
		{"keys", keys()},
		{"values", values()},
		{"fences", fences()},
		{"stamps", stamps()},
		{"concurrency", concurrency()},
		{"closing", closing()},
		{"outage", outages()},
		{"model", models()},
		{"log", logging()},
	}
}

// Run checks every rule that a store must keep.
func Run(t *testing.T, h Harness) {
	if h.Open == nil {
		t.Fatal("drivertest.Run: Harness.Open is nil")
	}
	if h.Moment == 0 {
		h.Moment = defaultMoment
	}
	for _, k := range h.idleLimits() {
		t.Errorf("Harness.Limits[%q] names no rule, or only rules that another limit names", k)
	}
	h.logs = h.keepsLog(t)
	report := newReporter(t, &h)
	for _, s := range stories() {
		t.Run(s.name, func(t *testing.T) {
			if !h.Serial {
				t.Parallel()
			}
			for _, r := range s.rules {
				t.Run(r.name, func(t *testing.T) { h.run(t, s.name, r, report) })
			}
		})
	}
}

func (h *Harness) keepsLog(t *testing.T) bool {
	s := h.Open(t)
	defer func() {
		if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("Close: %v", err)
		}
	}()
	_, ok := driver.Log(s)
	return ok
}

// run checks one rule, where the harness wants it.
func (h *Harness) run(t *testing.T, story string, r rule, report *reporter) {
	if _, why := h.limit(story, r.name); why != "" {
		report.note(story, func(s *StoryReport) { s.Limited[r.name] = why })
		t.Skipf("declared limit: %s", why)
	}
	if why := h.lacks(r.needs); why != "" {
		report.note(story, func(s *StoryReport) { s.Unchecked[r.name] = why })
		t.Skip(why)
	}
	ran := new(ran)
	report.passed(t, story, r.name, ran)
	if !h.Serial {
		t.Parallel()
	}
	check := func(t *testing.T) { r.check(newWorld(t, h, r.name, ran)) }
	if h.Bubble {
		synctest.Test(t, check)
		return
	}
	check(t)
}
