package locmem

// Stats is what a store holds, and what it has thrown out since it was made.
type Stats struct {
	// Entries and Bytes count what is kept, against the bounds of [Options]. An
	// entry that was invalidated counts until it is read, replaced or thrown out.
	Entries int
	Bytes   int64
	// Fences are loads in flight, and those that ended without storing.
	Fences int
	// Tags are the tags whose invalidation is remembered.
	Tags int
	// Evicted entries went to make room, Expired ones because their life ended.
	Evicted uint64
	Expired uint64
}

// Stats counts. It locks each shard for a moment.
func (s *Store) Stats() Stats {
	st := Stats{Entries: s.Len(), Tags: s.meta.Load().Tags()}
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		st.Fences += len(sh.fences)
		if l, ok := sh.table.(*lru); ok {
			st.Evicted += l.evicted
			st.Expired += l.expired
		}
		sh.mu.Unlock()
	}
	if s.otter != nil {
		st.Bytes = s.otter.bytes.Load()
		st.Evicted, st.Expired = s.otter.evicted.Load(), s.otter.expired.Load()
	} else {
		st.Bytes = s.room.bytes.Load()
	}
	return st
}

// Len is the number of entries that are kept. With WTinyLFU it first lets the
// policy catch up with its bound.
func (s *Store) Len() int {
	if s.otter == nil {
		return int(s.room.entries.Load())
	}
	s.otter.cache.CleanUp()
	return s.otter.cache.EstimatedSize()
}
