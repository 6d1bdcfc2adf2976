package redisstore

import (
	"context"
	"slices"
	"time"
	"unsafe"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

// setCmds are the commands that set many entries. A later call uses them again:
// to make them takes as long as to send them. Their arguments are pointers into
// slices, because to box a string or a number allocates.
type setCmds struct {
	names, values []string
	lives         []int64 // in milliseconds
	blobs         []byte  // of which values are parts
	sets          []*redis.StatusCmd
	// cmds are those of the last items, in their order.
	cmds []redis.Cmder
}

// grow makes room for n items.
func (c *setCmds) grow(n int) {
	if n <= len(c.sets) {
		return
	}
	const each = 4
	c.names, c.values, c.lives = make([]string, n), make([]string, n), make([]int64, n)
	c.sets = make([]*redis.StatusCmd, n)
	args := make([]any, 0, each*n)
	for i := range n {
		args = append(args, "psetex", &c.names[i], &c.lives[i], &c.values[i]) // shorter than SET with PX
		// A context would be kept for longer than the call lasts.
		c.sets[i] = redis.NewStatusCmd(context.Background(), args[each*i:]...)
	}
}

// fill makes commands that set items, which it stamps.
func (c *setCmds) fill(s *space, items []driver.Item, clock driver.Stamp) {
	c.grow(len(items))
	s.fillNames(c.names[:len(items)], func(i int) driver.Key { return items[i].Key })
	size := 0
	for i := range items {
		size += envelope.Len(items[i].Entry)
	}
	c.blobs, c.cmds = slices.Grow(c.blobs[:0], size), c.cmds[:0]
	now := time.Now()
	for i := range items {
		it := &items[i]
		it.Entry.Token, it.Entry.Stamp = driver.NewToken(), clock
		c.lives[i] = lifetime(it.Entry.Life, now)
		start := len(c.blobs)
		c.blobs = envelope.Encode(c.blobs, it.Key, it.Entry)
		c.values[i] = unsafe.String(&c.blobs[start], len(c.blobs)-start)
		cmd := c.sets[i]
		cmd.SetErr(nil)
		switch c.lives[i] {
		case 0:
			cmd = redis.NewStatusCmd(context.Background(), "set", &c.names[i], &c.values[i])
		case -1: // removes it, and may stand in a cluster's pipeline
			cmd = redis.NewStatusCmd(context.Background(), "pexpire", &c.names[i], "-1")
		}
		c.cmds = append(c.cmds, cmd)
	}
}

// results are what came of the items; failed says what an error means.
func (c *setCmds) results(clock driver.Stamp, failed func(error) error) []driver.ItemResult {
	out := make([]driver.ItemResult, len(c.cmds))
	for i, cmd := range c.cmds {
		out[i].Result = driver.Result{Done: true, Clock: clock}
		if err := cmd.Err(); err != nil {
			out[i].Done, out[i].Err = false, failed(err)
		}
	}
	return out
}

// newSetCmds returns commands that are to be filled.
func (s *primary) newSetCmds() *setCmds {
	if c, ok := s.sets.Get().(*setCmds); ok {
		return c
	}
	return new(setCmds)
}

// freeSetCmds takes them back. go-redis has copied what it sends when a call
// returns.
func (s *primary) freeSetCmds(c *setCmds) {
	if cap(c.blobs) <= maxBuffer && len(c.sets) <= manyKeys {
		clear(c.cmds)
		clear(c.names)
		s.sets.Put(c)
	}
}
