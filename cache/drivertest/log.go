package drivertest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// logging are the rules of a driver.LogReader.
func logging() []rule {
	return []rule{
		{"from no position the log tells the clock alone", logReader, func(w *world) {
			w.set("k", entry("v"))
			r := w.readLog(driver.Stamp{}, 0)
			same(w, "Complete", r.Complete, false)
			same(w, "Changes", len(r.Changes), 0)
			same(w, "Clock", r.Clock, w.clock())
		}},
		{"every advance of the clock is in the log, under its number", logReader, func(w *world) {
			after := w.logged()
			w.set("a", entry("v"))
			w.add("b", entry("v"))
			w.touch("a", lifeOf(long))
			w.incr("n", 1, integer("1"))
			w.invalidate("t", "u")
			w.delete("b", "c")
			f := w.fence("d")
			w.setFenced("d", entry("v"), f)
			w.setFenced("d", entry("v"), f) // refused, and removed
			w.putMany(setOf("e", entry("v")), setOf("f", entry("v")))
			w.putMany(setOf("g", entry("v", "t")), setOf("h", entry("v")))
			w.invalidate(driver.TagAll)
			same(w, "the log", w.changes(after), "a; b; a; n; #t #u; b c; d; d; e; f; g; h; #\x00")
		}},
		{"what moves is in the log under both names", logReader, func(w *world) {
			w.set("a", entry("v"))
			after := w.logged()
			w.move("a", "b")
			var keys []string
			for _, c := range w.readLog(after, 0).Changes {
				keys = append(keys, c.Keys...)
			}
			for _, name := range []string{"a", "b"} {
				if !slices.Contains(keys, keyOf(name).String()) {
					w.fail("after a move of a to b: got %q, want %s in it", keys, name)
				}
			}
		}},
		{"what does not advance the clock is not in the log", logReader, func(w *world) {
			w.set("a", entry("v"))
			w.incr("n", 1, integer("1"))
			after := w.logged()
			f := w.fence("k")
			w.fill("k", entry("v"), f)
			w.fill("k", entry("v"), f)
			w.add("a", entry("v"))
			w.touch("absent", lifeOf(long))
			w.incr("n", 1, nil)
			same(w, "the log", w.changes(after), "")
		}},
		{"a reading goes on where the last one ended", logReader, func(w *world) {
			after := w.logged()
			for i := range 5 {
				w.set(fmt.Sprint("k", i), entry("v"))
				r := w.readLog(after, 0)
				same(w, "Complete", r.Complete, true)
				same(w, "one change", len(r.Changes), 1)
				same(w, "the clock", r.Clock, w.clock())
				after = r.Clock
			}
		}},
		{"where nothing has happened a reading waits, and says so", logReader, func(w *world) {
			after := w.logged()
			r := w.readLog(after, w.h.Moment)
			same(w, "Complete", r.Complete, true)
			same(w, "Changes", len(r.Changes), 0)
			same(w, "Clock", r.Clock, after)
		}},
		{"a reading that waits is told of the first change", logReader, func(w *world) {
			after := w.logged()
			var wg sync.WaitGroup
			wg.Go(func() {
				time.Sleep(w.h.Moment / 4) // so that it waits, most of the time
				w.set("k", entry("v"))
			})
			r, err := w.log().ReadLog(w.ctx, after, long)
			wg.Wait()
			w.must("ReadLog", err)
			same(w, "Changes", len(r.Changes), 1)
		}},
		{"a reading ends with its context", logReader, func(w *world) {
			after := w.logged()
			ctx, cancel := context.WithTimeout(w.ctx, w.h.Moment)
			defer cancel()
			if r, err := w.log().ReadLog(ctx, after, long); err == nil {
				w.fail("got %v, want an error", r)
			}
		}},
		{"after a lost meta record the log is not complete", logReader, func(w *world) {
			if w.h.LoseMeta == nil {
				return
			}
			for i := range 3 {
				w.set(fmt.Sprint("k", i), entry("v"))
			}
			after := w.logged()
			w.h.LoseMeta(w.t, w.store)
			for i := range 6 { // beyond the old number, so that only the epoch tells
				w.set(fmt.Sprint("k", i), entry("v"))
				r := w.readLog(after, 0)
				same(w, "Complete", r.Complete, false)
				same(w, "the epoch is another", r.Clock.Epoch == after.Epoch, false)
			}
		}},
		{"changes that happen together are all in the log", logReader, func(w *world) {
			after := w.logged()
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					for j := range 25 {
						if _, err := w.store.Put(w.ctx, keyOf(fmt.Sprint(i, "-", j)), entry("v"), driver.Set, 0); err != nil {
							w.fail("Set: %v", err)
						}
					}
				})
			}
			seen := make(map[string]bool)
			for n := after.N; len(seen) < 200 && !w.t.Failed(); {
				r := w.readLog(after, long)
				same(w, "Complete", r.Complete, true)
				for _, c := range r.Changes {
					n++
					same(w, "the number", c.N, n)
					same(w, "its keys", len(c.Keys), 1)
					if len(c.Keys) == 1 {
						seen[c.Keys[0]] = true
					}
				}
				after = r.Clock
			}
			wg.Wait()
		}},
		{"a change of thousands of keys is told, or makes the log incomplete", logReader, func(w *world) {
			after := w.logged()
			names := make([]string, 3000)
			for i := range names {
				names[i] = fmt.Sprint("k", i)
			}
			w.delete(names...)
			r := w.readLog(after, 0)
			if r.Complete && (len(r.Changes) != 1 || len(r.Changes[0].Keys) != len(names)) {
				w.fail("got a complete reading of %d changes, want all %d keys in one", len(r.Changes), len(names))
			}
		}},
		{"a reading that is not all there is says so", logReader, func(w *world) {
			after := w.logged()
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					for j := range 140 { // together more than readings may bring
						if _, err := w.store.Put(w.ctx, keyOf(fmt.Sprint(i, "-", j)), entry("v"), driver.Set, 0); err != nil {
							w.fail("Set: %v", err)
						}
					}
				})
			}
			wg.Wait()
			now, seen := w.clock(), 0
			for more := true; more && seen < 8*140; {
				r := w.readLog(after, 0)
				if r.More && len(r.Changes) == 0 {
					w.fail("after %v there is more, of which a reading brings nothing", after)
					break
				}
				same(w, "Complete", r.Complete, true)
				if !r.More {
					same(w, "the clock of a reading without More", r.Clock, now)
				}
				seen += len(r.Changes)
				after, more = r.Clock, r.More
			}
			same(w, "the changes of all readings", seen, 8*140)
		}},
		{"another store of the namespace reads the same log", logReader, func(w *world) {
			if w.h.Again == nil {
				return
			}
			second := w.again()
			after := second.logged()
			w.set("k", entry("v"))
			second.set("l", entry("v"))
			same(w, "the log", second.changes(after), "k; l")
		}},
	}
}

func (w *world) log() driver.LogReader {
	w.t.Helper()
	l, ok := driver.Log(w.store)
	if !ok {
		w.t.Fatalf("%s: the store keeps no log", w.rule)
	}
	return l
}

func (w *world) readLog(after driver.Stamp, wait time.Duration) driver.LogReading {
	w.t.Helper()
	r, err := w.log().ReadLog(w.ctx, after, wait)
	w.must("ReadLog", err)
	return r
}

// logged is the present position. A store may begin its log with the first
// reader.
func (w *world) logged() driver.Stamp { return w.readLog(driver.Stamp{}, 0).Clock }

// changes are all after a position, as "key key #tag; …".
func (w *world) changes(after driver.Stamp) string {
	w.t.Helper()
	r := w.readLog(after, 0)
	same(w, "Complete", r.Complete, true)
	same(w, "the clock of the reading", r.Clock, w.clock())
	var out string
	for i, c := range r.Changes {
		same(w, "the number", c.N, after.N+uint64(i)+1)
		if i > 0 {
			out += "; "
		}
		var names []string
		for _, k := range c.Keys {
			names = append(names, k[len(keyOf("").String()):])
		}
		for _, t := range c.Tags {
			names = append(names, "#"+t)
		}
		for j, n := range names {
			if j > 0 {
				out += " "
			}
			out += n
		}
	}
	return out
}
