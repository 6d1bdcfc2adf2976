package ristrettostore

import "time"

// settler lets barriers pass as long as something waits.
func (c *container) settler() {
	defer close(c.stopped)
	for range c.wake {
		c.settle()
	}
}

// room waits until ristretto's channel has room for what the caller is about to
// write. The caller holds no stripe.
func (c *container) room() {
	for c.full() {
		c.settle()
	}
}

func (c *container) full() bool {
	return c.queued.Load() >= maxQueued || c.bytes.Load() > c.maxWait
}

// settle lets a barrier pass the channel, and then whatever was sent before it
// counts as ristretto says.
func (c *container) settle() {
	c.barrier.Lock()
	defer c.barrier.Unlock()
	if c.closed {
		c.queued.Store(0)
		c.bytes.Store(0)
		return
	}
	queued, bytes := c.queued.Load(), c.bytes.Load()
	// Whoever sends after this has the new number, and waits for the next.
	round := c.round.Add(1)
	c.cache.Wait()
	c.queued.Add(-queued)
	c.bytes.Add(-bytes)
	left := false
	for i := range c.stripes {
		st := &c.stripes[i]
		st.mu.Lock()
		left = c.settleStripe(st, round) || left
		st.mu.Unlock()
	}
	if left {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
}

// settleStripe reports whether something still waits.
func (c *container) settleStripe(st *stripe, round uint64) (left bool) {
	if len(st.waiting) == 0 {
		return false
	}
	now := time.Now().UnixNano()
	for h, w := range st.waiting {
		if w.round >= round {
			continue
		}
		delete(st.waiting, h)
		switch {
		case w.stands == w.sent: // ristretto has it, or did not want it
		case w.stands == nil, now >= w.stands.entry.Life.Expires:
			c.remove(st, h)
		default:
			c.send(st, h, w.sent, w.stands, now)
		}
	}
	if len(st.waiting) == 0 {
		st.waiting = nil // maps do not shrink
		return false
	}
	return true
}

// clear drops everything that ristretto holds, at once, and what is on its way
// to it. What waits is then lost at the next barrier.
func (c *container) clear() {
	c.barrier.Lock()
	defer c.barrier.Unlock()
	if c.closed {
		return
	}
	c.clearing.Store(true)
	c.cache.Clear()
	c.clearing.Store(false)
}

// close ends all goroutines. No stripe is used any more.
func (c *container) close() {
	c.barrier.Lock()
	c.closed = true
	c.barrier.Unlock()
	close(c.wake)
	<-c.stopped
	c.clearing.Store(true)
	c.cache.Close()
	for i := range c.stripes {
		c.stripes[i].waiting = nil
	}
}
