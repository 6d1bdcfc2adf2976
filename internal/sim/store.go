package sim

import (
	"maps"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// authority is the shared store as a server keeps it: entries, one meta record
// and a log. Its methods are steps that nothing comes between; whoever calls
// them sees to that.
type authority struct {
	data
	// replica is the state that a fail-over brings.
	replica data
	// history names what the server keeps; it changes when that goes back.
	history uint64

	random  *rand.Rand
	skew    time.Duration // of the server's clock
	without Rule
	// split: steps that concern a key and the clock are two, the key first.
	split bool
	// filled are the payloads of loads that were stored.
	filled sync.Map
}

// data is what is lost, or goes back, together.
type data struct {
	meta  *record // nil: lost
	slots map[driver.Key]slot
	log   []driver.Change // all that came after begin, unless a hole is in it
	begin uint64
}

// record is the meta record. Epoch, counter and tag stamps are lost together.
type record struct {
	clock   driver.Stamp
	history uint64
	tags    map[string]uint64
}

// slot is an entry, or a placeholder: a token without one.
type slot struct {
	token driver.Token
	until int64
	entry *driver.Entry
}

func newAuthority(random *rand.Rand, without Rule) *authority {
	a := &authority{random: random, without: without}
	a.slots = make(map[driver.Key]slot)
	a.history = a.newNumber()
	a.replica = a.data.clone()
	return a
}

func (d *data) clone() data {
	out := data{slots: maps.Clone(d.slots), log: d.log[:len(d.log):len(d.log)], begin: d.begin}
	if d.meta != nil {
		m := *d.meta
		m.tags = maps.Clone(m.tags)
		out.meta = &m
	}
	return out
}

func (a *authority) newNumber() uint64 { return max(a.random.Uint64(), 1) }

func (a *authority) now() time.Time { return time.Now().Add(a.skew) }

// enter is how each step begins: with a record of this history.
func (a *authority) enter() {
	if a.meta != nil && a.meta.history != a.history && a.without != HistoryRule {
		a.meta = nil
	}
	if a.meta == nil {
		a.newEpoch()
	}
}

func (a *authority) newEpoch() {
	a.meta = &record{history: a.history, tags: make(map[string]uint64)}
	a.meta.clock.Epoch = a.newNumber()
	if a.without == EpochRule {
		a.meta.clock.Epoch = 7
	}
	a.log, a.begin = nil, 0
}

// advance moves the clock on, and tells the log.
func (a *authority) advance(keys []driver.Key, tags ...string) driver.Stamp {
	if a.without != AdvanceRule {
		a.meta.clock.N++
	}
	for _, t := range tags {
		a.meta.tags[t] = a.meta.clock.N
	}
	c := driver.Change{N: a.meta.clock.N, Tags: tags}
	for _, k := range keys {
		c.Keys = append(c.Keys, k.String())
	}
	a.log = append(a.log, c)
	return a.meta.clock
}

// standing is what stands under key now; the zero slot if nothing does.
func (a *authority) standing(key driver.Key) slot {
	at := a.slots[key]
	if (driver.Life{Expires: at.until}).Ended(a.now()) {
		return slot{}
	}
	return at
}

// valid: of this epoch, and no tag invalidated since. Equal is valid.
func (a *authority) valid(e *driver.Entry) bool {
	return a.sameEpoch(e) && a.judge(e) == driver.Valid
}

func (a *authority) sameEpoch(e *driver.Entry) bool { return e.Stamp.Epoch == a.meta.clock.Epoch }

func (a *authority) judge(e *driver.Entry) driver.Verdict {
	return e.Judge(func(tag string) uint64 {
		n := a.meta.tags[tag]
		if a.without == EqualRule && n == e.Stamp.N && n > 0 {
			n++
		}
		return n
	})
}

// judgeToRead is what a reader is told of an entry.
func (a *authority) judgeToRead(e *driver.Entry) driver.Verdict {
	switch {
	case a.without != ReadEpochRule && !a.sameEpoch(e):
		return driver.Invalid
	case a.without == ValidRule, a.without == StaleRule && a.now().UnixNano() >= e.Life.Fresh:
		return driver.Valid
	}
	return a.judge(e)
}

// live is the valid entry under key that is a value, or nil.
func (a *authority) live(key driver.Key) *driver.Entry {
	e := a.standing(key).entry
	if e == nil || e.Kind == driver.Negative || !a.valid(e) {
		return nil
	}
	return e
}

// keep puts e under key, with a token of its own.
func (a *authority) keep(key driver.Key, e *driver.Entry) {
	if e.Life.Ended(a.now()) {
		delete(a.slots, key)
		return
	}
	e.Token = driver.Token(a.newNumber())
	a.slots[key] = slot{token: e.Token, until: e.Life.Expires, entry: e}
}

// clock is the position, with a record that is there.
func (a *authority) clock() driver.Stamp {
	a.enter()
	return a.meta.clock
}

// get reads a key.
func (a *authority) get(key driver.Key, hold time.Duration) (r driver.Reading) {
	a.enter()
	at, verdict := a.standing(key), driver.Invalid
	if at.entry != nil {
		verdict = a.judgeToRead(at.entry)
	}
	switch until := a.now().Add(hold).UnixNano(); {
	case verdict != driver.Invalid:
		r.Entry, r.Expired = at.entry, verdict == driver.Expired
	case hold > 0 && (at.token == 0 || at.entry != nil):
		r.Planted = true
		at = slot{token: driver.Token(a.newNumber()), until: until}
		a.slots[key] = at
	case hold > 0 && at.until < until:
		at.until = until
		a.slots[key] = at
	}
	r.Fence = driver.Fence{Token: at.token, Stamp: a.meta.clock}
	return r
}

// fenced reports whether the fence stands under which something was made.
func (a *authority) fenced(key driver.Key, token driver.Token) bool {
	return a.without == FenceRule || token != 0 && a.standing(key).token == token
}

// allows reports whether what a load made, or a fenced write, is valid.
func (a *authority) allows(e *driver.Entry) bool {
	a.enter()
	switch a.without {
	case FillEpochRule:
		if !a.sameEpoch(e) {
			e.Stamp.Epoch = a.meta.clock.Epoch
		}
	case StampFirstRule:
		e.Stamp = a.meta.clock
	case FillTagsRule:
		return true
	}
	return a.valid(e)
}

// put stores an entry. allowed says that its stamp is known to be right, and
// advances whether the clock is yet to be moved on.
func (a *authority) put(key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token, allowed bool) (done, advances bool) {
	a.enter()
	if a.without == FencedSetRule && mode == driver.SetFenced {
		mode = driver.Set
	}
	done = true
	switch mode {
	case driver.Set:
	case driver.Add:
		done = a.live(key) == nil
	default:
		done = allowed && a.fenced(key, token)
	}
	if mode == driver.SetFenced && !done {
		delete(a.slots, key)
	}
	if mode == driver.Set || mode == driver.Add {
		e.Stamp = a.meta.clock
		if !a.split {
			e.Stamp.N++ // the number that it is about to be given
		}
	}
	if done {
		a.keep(key, e)
	}
	if done && mode == driver.Fill {
		a.filled.Store(string(e.Payload), true)
	}
	return done, mode == driver.SetFenced || mode != driver.Fill && done
}

// touch gives a live entry a new life.
func (a *authority) touch(key driver.Key, life driver.Life) bool {
	a.enter()
	e := a.live(key)
	if e == nil {
		return false
	}
	e = e.Clone() // readers may have the old one
	e.Life = life
	if life.Ended(a.now()) {
		delete(a.slots, key)
	} else {
		a.slots[key] = slot{token: e.Token, until: life.Expires, entry: e}
	}
	return true
}

// incr counts.
func (a *authority) incr(key driver.Key, delta int64, initial *driver.Entry) (s driver.Sum, err error) {
	a.enter()
	e := a.live(key)
	created := e == nil && initial != nil
	switch {
	case created:
		e, delta = initial, 0
	case e == nil:
		return s, driver.ErrMiss
	case e.Kind != driver.Integer:
		return s, driver.ErrNotInteger
	}
	n, err := strconv.ParseInt(string(e.Payload), 10, 64)
	sum := n + delta
	switch {
	case err != nil:
		return s, driver.ErrNotInteger
	case (sum < n) != (delta < 0):
		return s, driver.ErrOverflow
	}
	e = e.Clone()
	if created {
		e.Stamp = a.advance([]driver.Key{key})
	}
	e.Payload = strconv.AppendInt(nil, sum, 10)
	a.keep(key, e)
	return driver.Sum{Value: sum, Created: created, Clock: a.meta.clock}, nil
}

// remove removes what stands under keys, and counts the live ones.
func (a *authority) remove(keys []driver.Key) (live int) {
	a.enter()
	for _, k := range keys {
		if a.live(k) != nil {
			live++
		}
		delete(a.slots, k)
	}
	return live
}

// readLog returns what came after a position. none says that nothing did.
func (a *authority) readLog(after driver.Stamp) (r driver.LogReading, none bool) {
	a.enter()
	r.Clock = a.meta.clock
	if after.Epoch != r.Clock.Epoch || after.N > r.Clock.N || after.N < a.begin {
		return r, false
	}
	for _, c := range a.log {
		if c.N > after.N {
			r.Changes = append(r.Changes, c)
		}
	}
	// A message that was lost is a hole in the numbers.
	r.Complete = uint64(len(r.Changes)) == r.Clock.N-after.N || a.without == LogHolesRule
	if !r.Complete {
		r.Changes = nil
	}
	return r, r.Complete && len(r.Changes) == 0
}
