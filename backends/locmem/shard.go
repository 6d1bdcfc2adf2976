package locmem

import (
	"sync"
	"sync/atomic"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/metarecord"
)

// A record is an entry in its place.
type record struct {
	entry *driver.Entry
	// checked is the stamp up to which the entry's tags are known to be fine.
	checked atomic.Uint64
}

// A table keeps the records of a shard under a policy. All methods are called
// with the shard locked. It may lose any record at any time.
type table interface {
	// read returns what stands under key and has not ended, and whether m holds
	// it valid. If so the key counts as used.
	read(key driver.Key, now int64, m *metarecord.Record) (*record, driver.Verdict)
	// find is read without counting as use, and without looking at validity.
	find(key driver.Key, now int64) *record
	// put stores e, which has not ended, in place of what stands. used tells
	// whether that counts as use; also is another shard that the caller locked.
	put(key driver.Key, e *driver.Entry, now int64, used bool, also *shard)
	remove(key driver.Key)
	// reset drops everything where that costs the same however much it is.
	reset()
	// sweep drops up to most ended entries and reports whether more are left.
	sweep(now int64, most int) (more bool)
	// next is when the first entry ends that sweep has to drop.
	next() int64
}

// A shard is the part of the keys that share a lock. A key has an entry or a
// fence, never both.
type shard struct {
	mu     sync.Mutex
	table  table
	fences map[driver.Key]*fence
	holds  deadlines // of the fences
	index  int

	_ [64]byte // keep the locks of neighbours off this cache line
}

// A fence is the placeholder of a load in flight. Fences live beside the table:
// a policy that could evict them would refuse the stores of a full cache.
type fence struct {
	due
	token driver.Token
}

// writers counts the writers that have advanced the counter, or are about to,
// and have not yet stored. Who reads without a shard's lock must not pair the
// new number with the entry that it replaces.
type writers [16]struct {
	n atomic.Int32
	_ [60]byte // a cache line
}

// of is the count for key. The last byte spreads names well enough: two keys
// that share a count cost a reader the lock for a moment.
func (w *writers) of(key driver.Key) *atomic.Int32 {
	if key.Name == "" {
		return &w[0].n
	}
	return &w[key.Name[len(key.Name)-1]%16].n
}

// fenced is the token of the fence under key, or 0.
func (sh *shard) fenced(key driver.Key, now int64) driver.Token {
	if f := sh.fences[key]; f != nil && now < f.end {
		return f.token
	}
	return 0
}

// standing is the token under key: that of the fence, else that of the entry,
// valid or not.
func (sh *shard) standing(key driver.Key, now int64) driver.Token {
	if t := sh.fenced(key, now); t != 0 {
		return t
	}
	if r := sh.table.find(key, now); r != nil {
		return r.entry.Token
	}
	return 0
}

// live is the valid entry under key that is not negative, or nil.
func (sh *shard) live(key driver.Key, now int64, m *metarecord.Record) *driver.Entry {
	r := sh.table.find(key, now)
	if r == nil || r.entry.Kind == driver.Negative || !m.Valid(r.entry, &r.checked) {
		return nil
	}
	return r.entry
}

// hold lets the fence under key stand until then at least, and plants one where
// none stands. There is no valid entry under key; one that is not goes.
func (sh *shard) hold(key driver.Key, now, until int64) (t driver.Token, planted bool) {
	f := sh.fences[key]
	switch {
	case f == nil:
		sh.table.remove(key)
		if len(sh.fences) >= maxFences {
			sh.unfence(sh.holds.first().key)
		}
		f = &fence{due: due{key: key, at: unlisted}}
		sh.fences[key] = f
		fallthrough
	case now >= f.end:
		f.token, planted = driver.NewToken(), true
		sh.holds.set(&f.due, until)
	case until > f.end:
		sh.holds.set(&f.due, until)
	}
	return f.token, planted
}

// unfence takes away the fence under key.
func (sh *shard) unfence(key driver.Key) {
	if f := sh.fences[key]; f != nil {
		sh.holds.drop(&f.due)
		delete(sh.fences, key)
	}
}

// clear takes away whatever stands under key.
func (sh *shard) clear(key driver.Key) {
	sh.unfence(key)
	sh.table.remove(key)
}

// sweep drops up to most fences and entries that have ended.
func (sh *shard) sweep(now int64, most int) (more bool) {
	dropped := 0
	for dropped < most {
		d := sh.holds.first()
		if d == nil || now < d.end {
			break
		}
		sh.unfence(d.key)
		dropped++
	}
	if dropped > 0 && len(sh.fences) == 0 {
		sh.fences = make(map[driver.Key]*fence) // maps do not shrink
	}
	return sh.table.sweep(now, most) || dropped == most
}

// next is when the first thing ends that sweep has to drop.
func (sh *shard) next() int64 {
	next := sh.table.next()
	if d := sh.holds.first(); d != nil {
		next = min(next, d.end)
	}
	return next
}
