package memcachedstore

import (
	"encoding/binary"
	"strconv"

	"github.com/cespare/xxhash/v2"

	"github.com/stratacache/strata/cache/driver"
)

// Each tag that is in use has an item with its stamp. One that has none was
// never used, or was evicted: what is stored under it counts as invalid. Before
// such a tag gets an item (again) something must say that it was not invalidated
// lately, and that is its guard: a stamp that no tag of the same slot exceeds.
// Guards are made with the epoch; one that is missing was evicted.
const (
	guards     = 16 // items
	guardSlots = 64 // in each
	guardLen   = 8 * guardSlots
)

// guardOf is the item and the slot of a tag's guard.
func guardOf(tag string) (item, slot int) {
	h := xxhash.Sum64String(tag)
	return int(h % guards), int(h / guards % guardSlots)
}

// absentStamp is the stamp of a tag that has none: nothing is valid under it.
const absentStamp = 1<<64 - 1

// tagOps reads the stamps of tags. TagAll is not among them.
func (s *Store) tagOps(ops []op, r *record, tags []string) ([]op, error) {
	for _, t := range tags {
		name := s.names.tag(r.epoch, t)
		server, err := s.pick.pick(name)
		if err != nil {
			return nil, err
		}
		ops = append(ops, op{server: server, verb: get, name: name, number: true})
	}
	return ops, nil
}

// stampIn is the stamp that an op of tagOps has read.
func stampIn(o *op) uint64 {
	if o.status == done {
		return o.num
	}
	return absentStamp
}

// greatest is the greatest of the stamps that ops have read.
func greatest(ops []op) (n uint64) {
	for i := range ops {
		n = max(n, stampIn(&ops[i]))
	}
	return n
}

// ensure makes all tags have stamps and returns the greatest. One that is made
// is as old as its guard allows.
func (s *Store) ensure(c *call, r *record, tags []string) (uint64, error) {
	for attempt := 0; ; attempt++ {
		if err := c.again(attempt); err != nil {
			return 0, err
		}
		ops, err := s.tagOps(make([]op, 0, len(tags)), r, tags)
		if err != nil {
			return 0, err
		}
		c.do(ops)
		if err := firstErr(ops); err != nil {
			return 0, err
		}
		var lost []string
		for i := range ops {
			if ops[i].status == missing {
				lost = append(lost, tags[i])
			}
		}
		if len(lost) == 0 {
			return greatest(ops), nil
		}
		if err := s.make(c, r, lost); err != nil {
			return 0, err
		}
	}
}

// make gives tags that have no stamp those of their guards.
func (s *Store) make(c *call, r *record, tags []string) error {
	of := make(map[int]int) // the op of each guard
	var reads []op
	for _, t := range tags {
		item, _ := guardOf(t)
		if _, ok := of[item]; !ok {
			of[item] = len(reads)
			reads = append(reads, op{server: r.server, verb: get, name: s.names.guard(r.epoch, item)})
		}
	}
	c.do(reads)
	if err := firstErr(reads); err != nil {
		return err
	}
	var lost []op
	for i := range reads {
		if reads[i].status == missing || len(reads[i].data) != guardLen {
			lost = append(lost, reads[i])
		}
	}
	if len(lost) > 0 {
		return s.remakeGuards(c, r, lost)
	}
	sets := make([]op, len(tags))
	for i, t := range tags {
		item, slot := guardOf(t)
		n := binary.BigEndian.Uint64(reads[of[item]].data[8*slot:])
		name := s.names.tag(r.epoch, t)
		server, err := s.pick.pick(name)
		if err != nil {
			return err
		}
		sets[i] = op{server: server, verb: set, name: name, value: strconv.AppendUint(nil, n, 10), when: absent}
	}
	c.do(sets)
	return firstErr(sets)
}

// remakeGuards replaces guards that were lost: tags without a stamp then get one
// that is newer than all that was loaded before.
func (s *Store) remakeGuards(c *call, r *record, lost []op) error {
	now, err := s.advance(c)
	if err != nil || now.epoch != r.epoch {
		return err
	}
	value := make([]byte, 0, guardLen)
	for range guardSlots {
		value = binary.BigEndian.AppendUint64(value, stampOf(now.word).N)
	}
	for i, o := range lost {
		lost[i] = op{server: o.server, verb: set, name: o.name, value: value, when: absent}
		if o.status == done { // of another length: not ours
			lost[i].when = always
		}
	}
	c.do(lost)
	return firstErr(lost)
}

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
		return write, read.status != done || read.num < n
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

// raisings are all that must be raised to invalidate tags.
func (s *Store) raisings(r *record, tags []string) ([]raising, error) {
	out := make([]raising, 0, len(tags)+guards)
	slots := make(map[int][]int)
	seen := make(map[string]bool, len(tags))
	for _, t := range tags {
		if seen[t] {
			continue
		}
		seen[t] = true
		if t == driver.TagAll {
			out = append(out, raising{op: op{server: r.server, name: r.allName}})
			continue
		}
		name := s.names.tag(r.epoch, t)
		server, err := s.pick.pick(name)
		if err != nil {
			return nil, err
		}
		out = append(out, raising{op: op{server: server, name: name}})
		item, slot := guardOf(t)
		slots[item] = append(slots[item], slot)
	}
	for item, list := range slots {
		out = append(out, raising{op: op{server: r.server, name: s.names.guard(r.epoch, item)}, slots: list})
	}
	return out, nil
}
