package ristrettostore

// Stats is what a store holds, and what it has thrown out since it was made.
type Stats struct {
	// Bytes are counted against Options.MaxBytes. An entry that has ended counts
	// until ristretto looks for it, some seconds later.
	Bytes int64
	// Waiting are keys whose last write ristretto has not taken in yet.
	Waiting int
	// Fences are loads in flight, and those that ended without storing.
	Fences int
	// Tags are the tags whose invalidation is remembered.
	Tags int
	// Rejected entries were not let in because others are asked for more often.
	// Evicted ones went to make room, Expired ones because their life ended.
	Rejected, Evicted, Expired uint64
}

// Stats counts. It locks each stripe for a moment.
func (s *Store) Stats() Stats {
	c := s.container
	out := Stats{
		Tags:     s.meta.Load().Tags(),
		Rejected: c.rejected.Load(), Evicted: c.evicted.Load(), Expired: c.expired.Load(),
	}
	if !s.closed.Load() {
		out.Bytes = c.cache.MaxCost() - c.cache.RemainingCost()
	}
	for i := range s.stripes {
		st := &s.stripes[i]
		st.mu.RLock()
		out.Waiting += len(st.waiting)
		out.Fences += len(st.fences)
		st.mu.RUnlock()
	}
	return out
}

// Settle waits until ristretto has taken in everything that was written before,
// so that Stats says what has become of it. Reads need no such waiting.
func (s *Store) Settle() {
	for s.container.settle(); s.Stats().Waiting > 0 && !s.closed.Load(); {
		s.container.settle()
	}
}
