package ristrettostore

import (
	"sync"

	"github.com/stratacache/strata/cache/driver"
)

// A stripe is the part of the keys that share a lock. A key has an entry or a
// fence, never both.
type stripe struct {
	mu sync.RWMutex
	// waiting is what ristretto does not show yet, or wrongly still shows.
	waiting map[uint64]waiting
	fences  map[driver.Key]fence
	sweepAt int // the number of fences at which ended ones are dropped
	most    int // fences
	index   int

	_ [64]byte // keep the locks of neighbours off this cache line
}

// A fence is the placeholder of a load in flight. Fences live beside ristretto:
// a policy that could evict or refuse them would refuse the stores of a full
// cache.
type fence struct {
	token driver.Token
	end   int64
}

// fenced is the token of the fence under key, or 0.
func (st *stripe) fenced(key driver.Key, now int64) driver.Token {
	if f, ok := st.fences[key]; ok && now < f.end {
		return f.token
	}
	return 0
}

// hold lets the fence under key stand until then at least, and plants one where
// none stands. There is no entry under key.
func (st *stripe) hold(key driver.Key, now, until int64) (t driver.Token, planted bool) {
	f, ok := st.fences[key]
	if !ok && len(st.fences) >= st.sweepAt {
		st.sweep(now)
	}
	if !ok || now >= f.end {
		f, planted = fence{token: driver.NewToken()}, true
	}
	f.end = max(f.end, until)
	if st.fences == nil {
		st.fences = make(map[driver.Key]fence)
	}
	st.fences[key] = f
	return f.token, planted
}

func (st *stripe) unfence(key driver.Key) { delete(st.fences, key) }

const firstSweep = 64

// sweep drops the fences that have ended, and if there is no room then, a
// quarter of those that have not: their loads are not stored. It is due when
// many were planted since it last was, so that a fence costs the same however
// many there are.
func (st *stripe) sweep(now int64) {
	for k, f := range st.fences {
		if now >= f.end {
			delete(st.fences, k)
		}
	}
	if len(st.fences) >= st.most {
		for k := range st.fences {
			delete(st.fences, k)
			if len(st.fences) <= st.most*3/4 {
				break
			}
		}
	}
	st.sweepAt = min(max(2*len(st.fences), firstSweep), st.most)
}

// lockBoth locks two stripes in their order, or one that is both.
func lockBoth(a, b *stripe) (unlock func()) {
	if a == b {
		a.mu.Lock()
		return a.mu.Unlock
	}
	if a.index > b.index {
		a, b = b, a
	}
	a.mu.Lock()
	b.mu.Lock()
	return func() {
		b.mu.Unlock()
		a.mu.Unlock()
	}
}
