package cache

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// What the test of many seeds finds once in thousands, step by step.

func stampOf(epoch, n uint64) driver.Stamp { return driver.Stamp{Epoch: epoch, N: n} }

// A copy is judged by the tables of its own epoch: those of the next are empty.
func TestNodeJudgesByTablesOfTheSameEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &node{logged: true}
		key := driver.Key{Name: "k"}
		n.observe(time.Now(), stampOf(1, 5))
		c := &nearCopy{entry: new(driver.Entry), asOf: stampOf(1, 5)}
		time.Sleep(time.Nanosecond)
		n.own(time.Now(), stampOf(1, 6), driver.Change{Keys: []string{"k"}})
		before := n.state.Load() // what a reader holds when the epoch changes under it
		time.Sleep(time.Nanosecond)
		n.observe(time.Now(), stampOf(2, 0))
		if n.acceptsAt(before, key, c) {
			t.Error("a copy of epoch 1 that was changed since is accepted by the tables of epoch 2")
		}
	})
}

// A request that was sent at the instant of an adoption may have been sent
// before it.
func TestNodeTakesATieForAmbiguous(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &node{logged: true}
		n.observe(time.Now(), stampOf(1, 5))
		n.observe(time.Now(), stampOf(2, 0))
		if e := n.load().clock.Epoch; e != 0 {
			t.Errorf("got epoch %d, want none", e)
		}
		time.Sleep(time.Nanosecond)
		n.observe(time.Now(), stampOf(2, 1))
		if e := n.load().clock.Epoch; e != 2 {
			t.Errorf("got epoch %d, want that of a later request", e)
		}
	})
}

// A node that holds no epoch and learns of its own change takes none from a
// request that was under way then: its answer may be from before the change.
func TestNodeWithoutAnEpochMakesAChange(t *testing.T) {
	for _, logged := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			n := &node{logged: logged}
			changed := time.Now()
			time.Sleep(time.Nanosecond)
			n.doubt()
			time.Sleep(time.Nanosecond)
			read := time.Now()
			time.Sleep(time.Nanosecond)
			n.own(changed, stampOf(1, 8), driver.Change{Keys: []string{"k"}})
			n.observe(read, stampOf(1, 7))
			if n.accepts(driver.Key{Name: "k"}, &nearCopy{entry: new(driver.Entry), asOf: stampOf(1, 7)}) {
				t.Error("a copy from before the change is accepted")
			}
		})
	}
}

// A reading of the log that could not be taken in is not passed over.
func TestNodeRefusesAReadingInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &node{logged: true}
		n.observe(time.Now(), stampOf(1, 5))
		time.Sleep(time.Nanosecond)
		sent := time.Now()
		time.Sleep(time.Nanosecond)
		n.doubt()
		r := driver.LogReading{Clock: stampOf(1, 6), Complete: true, Changes: []driver.Change{{N: 6, Keys: []string{"k"}}}}
		if n.apply(sent, &r) {
			t.Error("a reading from before the doubt was taken in")
		}
	})
}

// What is still to be read may be older than the bound.
func TestNodeIsNotVerifiedByAPartOfTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &node{logged: true}
		key := driver.Key{Name: "k"}
		n.observe(time.Now(), stampOf(1, 5))
		time.Sleep(time.Hour)
		c := &nearCopy{entry: new(driver.Entry), asOf: stampOf(1, 5)}
		part := driver.LogReading{Clock: stampOf(1, 6), Changes: []driver.Change{{N: 6, Keys: []string{"l"}}}, Complete: true, More: true}
		if !n.apply(time.Now(), &part) || n.trusts(key, c, time.Minute) {
			t.Error("a copy is trusted while there is more to read than was")
		}
		if !n.apply(time.Now(), &driver.LogReading{Clock: stampOf(1, 6), Complete: true}) || !n.trusts(key, c, time.Minute) {
			t.Error("a copy is not trusted when all was read")
		}
	})
}

// What was read plainly is judged by what may have been forgotten, too.
func TestNodeJudgesByWhatItForgot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &node{logged: true}
		n.observe(time.Now(), stampOf(1, 5))
		time.Sleep(time.Nanosecond)
		n.own(time.Now(), stampOf(1, 6), driver.Change{Tags: []string{"t"}})
		key, old := driver.Key{Name: "k"}, &driver.Entry{Stamp: stampOf(1, 5), Tags: []string{"t"}}
		n.tags.forget(6)
		if v := n.judge(1, key, old); v != driver.Invalid {
			t.Errorf("an entry from before a forgotten change of its tag: got the verdict %v", v)
		}
		if v := n.judge(1, key, &driver.Entry{Stamp: stampOf(1, 6), Tags: []string{"t"}}); v != driver.Valid {
			t.Errorf("an entry from after it: got the verdict %v", v)
		}
	})
}
