package memcachedstore

import (
	"encoding/binary"
	"strconv"

	"github.com/stratacache/strata/cache/driver"
)

// raising is a stamp, or a guard's item, that is to be at least n.
type raising struct {
	op    op
	slots []int // of a guard; nil: a stamp
}

// reading reads what is to be raised.
func (x *raising) reading() op {
	return op{server: x.op.server, verb: get, name: x.op.name, number: x.slots == nil, back: true}
}

// writing raises what was read, unless it is high enough.
func (x *raising) writing(read *op, n uint64) (write op, needed bool) {
	write = op{server: x.op.server, verb: set, name: x.op.name, when: absent}
	if read.status == done {
		write.when, write.cas = exact, read.got
	}
	if x.slots == nil {
		write.value = strconv.AppendUint(nil, n, 10)
		return write, read.status != done || read.num < n || read.num >= unmade
	}
	if read.status != done || len(read.data) != guardLen {
		// It was lost: of the other tags in it nothing is known.
		for range guardSlots {
			write.value = binary.BigEndian.AppendUint64(write.value, n)
		}
		return write, true
	}
	write.value = read.data
	for _, slot := range x.slots {
		at := read.data[8*slot : 8*slot+8]
		if binary.BigEndian.Uint64(at) < n {
			binary.BigEndian.PutUint64(at, n)
			needed = true
		}
	}
	return write, needed
}

// raisings are all that must be raised to invalidate tags: their guards, and
// their stamps.
func (s *Store) raisings(r *record, tags []string) (guards, stamps []raising, err error) {
	slots := make(map[int][]int)
	seen := make(map[string]bool, len(tags))
	for _, t := range tags {
		if seen[t] {
			continue
		}
		seen[t] = true
		if t == driver.TagAll { // it needs no guard: where it is missing nothing is valid
			stamps = append(stamps, raising{op: op{server: r.server, name: r.allName}})
			continue
		}
		name := s.names.tag(r.epoch, t)
		server, err := s.pick.pick(name)
		if err != nil {
			return nil, nil, err
		}
		stamps = append(stamps, raising{op: op{server: server, name: name}})
		item, slot := guardOf(t)
		slots[item] = append(slots[item], slot)
	}
	for item, list := range slots {
		guards = append(guards, raising{op: op{server: r.server, name: s.names.guard(r.epoch, item)}, slots: list})
	}
	return guards, stamps, nil
}

// raiseAll raises the guards and then the stamps to n. reads is what they were.
func (s *Store) raiseAll(c *call, guards, stamps []raising, reads []op, n uint64) error {
	inOrder := true // in one pipeline
	for i := range stamps {
		inOrder = inOrder && (len(guards) == 0 || stamps[i].op.server == guards[0].op.server)
	}
	if !inOrder {
		if _, err := s.raise(c, guards, reads[:len(guards)], n); err != nil {
			return err
		}
		_, err := s.raise(c, stamps, reads[len(guards):], n)
		return err
	}
	again, err := s.raise(c, append(guards[:len(guards):len(guards)], stamps...), reads, n)
	if err == nil && again && len(guards) > 0 { // perhaps a guard was raised after its stamp
		_, err = s.raise(c, stamps, nil, n)
	}
	return err
}

// raise makes each of xs at least n. reads is what they were, if that is known.
// again says that somebody else was faster at first.
func (s *Store) raise(c *call, xs []raising, reads []op, n uint64) (again bool, err error) {
	for attempt := 0; len(xs) > 0; attempt++ {
		if err := c.again(attempt); err != nil {
			return again, err
		}
		if reads == nil {
			reads = make([]op, len(xs))
			for i := range xs {
				reads[i] = xs[i].reading()
			}
			c.do(reads)
			if err := firstErr(reads); err != nil {
				return again, err
			}
		}
		var writes []op
		var of []raising
		for i := range xs {
			if w, needed := xs[i].writing(&reads[i], n); needed {
				writes, of = append(writes, w), append(of, xs[i])
			}
		}
		c.do(writes)
		if err := firstErr(writes); err != nil {
			return again, err
		}
		xs, reads = nil, nil
		for i := range writes {
			if writes[i].status != done {
				xs, again = append(xs, of[i]), true
			}
		}
	}
	return again, nil
}
