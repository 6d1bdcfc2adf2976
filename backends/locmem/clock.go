package locmem

import (
	"sync/atomic"
	"time"
)

// A clock gives Unix nanoseconds at half the price of time.Now: it reads only
// the monotonic clock and adds the wall time of a base. Wall and monotonic time
// part only when someone sets the clock; every write compares them and takes a
// new base. Until then lives are measured as they run, so a clock that is set
// makes no entry live longer than it was meant to.
type clock struct {
	base atomic.Pointer[base]
}

type base struct {
	at   time.Time
	wall int64
}

// maxDrift tells a clock that was set from the nanoseconds between the two
// readings of time.Now.
const maxDrift = int64(time.Millisecond)

func newClock() *clock {
	c := new(clock)
	t := time.Now()
	c.base.Store(&base{at: t, wall: t.UnixNano()})
	return c
}

func (c *clock) now() int64 {
	b := c.base.Load()
	return b.wall + int64(time.Since(b.at))
}

// sync is now, after looking whether the clock was set.
func (c *clock) sync() int64 {
	t, b := time.Now(), c.base.Load()
	wall, ours := t.UnixNano(), b.wall+int64(t.Sub(b.at))
	if d := wall - ours; -maxDrift <= d && d <= maxDrift {
		return ours
	}
	c.base.Store(&base{at: t, wall: wall})
	return wall
}
