package sim

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// fault is something that goes wrong by itself.
type fault struct {
	name string
	only Rule // it is none while this rule holds
	do   func(w *world)
}

var faults = []fault{
	{name: "evict an entry", do: func(w *world) {
		keys := slices.SortedFunc(maps.Keys(w.store.slots), byName)
		if len(keys) > 0 {
			k := keys[w.random.IntN(len(keys))]
			w.note("store", "", "evicts %s", k)
			delete(w.store.slots, k)
		}
	}},
	{name: "evict the record", do: func(w *world) {
		w.note("store", "", "evicts the record")
		w.store.meta = nil
	}},
	{name: "evict a near copy", do: func(w *world) {
		p := w.someProcess()
		for _, t := range p.near {
			if w.chance(70) {
				w.note(p.name, "", "a near tier loses all")
				_, _ = t.Invalidate(context.Background(), driver.Invalidation{Tags: []string{driver.TagAll}})
			}
		}
	}},
	{name: "cut the log", do: func(w *world) {
		a := w.store
		if len(a.log) == 0 {
			return
		}
		if w.chance(50) {
			loseMessage(w)
			return
		}
		w.note("store", "", "cuts the log")
		a.begin, a.log = a.log[len(a.log)-1].N, nil
	}},
	{name: "lose a message", only: LogHolesRule, do: loseMessage},
	{name: "fail over", do: failOver},
	{name: "lose all", do: func(w *world) {
		if w.chance(30) {
			w.note("store", "", "loses all")
			w.store.data = data{slots: make(map[driver.Key]slot)}
			w.store.history = w.store.newNumber()
		}
	}},
	{name: "partition", do: func(w *world) {
		p := w.someProcess()
		switch {
		case p.hangs || p.fails || p.logHangs || p.readsFail:
			w.note(p.name, "", "is connected again")
			p.hangs, p.fails, p.logHangs, p.readsFail = false, false, false, false
		case w.chance(25):
			w.note(p.name, "", "is cut off: calls hang")
			p.hangs = true
		case w.chance(30):
			w.note(p.name, "", "is cut off: calls fail")
			p.fails = true
		case w.chance(40):
			w.note(p.name, "", "its reads fail")
			p.readsFail = true
		default:
			w.note(p.name, "", "its log is silent")
			p.logHangs = true
		}
	}},
	{name: "crash", do: func(w *world) {
		if w.chance(40) {
			i := w.random.IntN(len(w.processes))
			p := w.processes[i]
			w.note(p.name, "", "crashes")
			p.end()
			w.processes[i] = w.start(p.node)
		}
	}},
	{name: "the server's clock jumps", do: func(w *world) {
		w.store.skew = w.someSkew()
		w.note("store", "", "its clock is now %v off", w.store.skew)
	}},
	{name: "a process's clock jumps", do: func(w *world) {
		p := w.someProcess()
		p.link.skew = w.someSkew()
		w.note(p.name, "", "its clock is now %v off", p.link.skew)
	}},
	{name: "lose a tag", only: RecordRule, do: func(w *world) {
		if m := w.store.meta; m != nil && len(m.tags) > 0 {
			tags := slices.Sorted(maps.Keys(m.tags))
			t := tags[w.random.IntN(len(tags))]
			w.note("store", "", "loses the stamp of tag %q", t)
			delete(m.tags, t)
		}
	}},
}

// loseMessage makes a hole in the log, at its end: nobody misses an old message.
func loseMessage(w *world) {
	a := w.store
	if len(a.log) == 0 {
		return
	}
	i := len(a.log) - 1 - w.random.IntN(min(2, len(a.log)))
	w.note("store", "", "loses message %d of the log", a.log[i].N)
	a.log = slices.Delete(slices.Clone(a.log), i, i+1)
}

// failOver has the replica catch up, or take over with what it has.
func failOver(w *world) {
	if w.chance(60) {
		w.note("store", "", "the replica has all")
		w.store.replica = w.store.data.clone()
		return
	}
	w.note("store", "", "the replica takes over")
	w.store.data = w.store.replica.clone()
	w.store.history = w.store.newNumber()
}

func byName(a, b driver.Key) int { return cmp.Compare(a.String(), b.String()) }

func (w *world) someProcess() *process { return w.processes[w.random.IntN(len(w.processes))] }

func (w *world) someSkew() time.Duration {
	return time.Duration(w.random.IntN(11)-5) * 1700 * time.Millisecond
}
