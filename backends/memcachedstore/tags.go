package memcachedstore

import (
	"encoding/binary"
	"errors"
	"slices"
	"strconv"

	"github.com/cespare/xxhash/v2"
)

// Each tag that is in use has an item with its stamp. One that has none was
// never used, or was evicted: what is stored under it counts as invalid. Before
// such a tag gets an item (again) something must say that it was not invalidated
// lately, and that is its guard: a stamp that no tag of the same slot exceeds.
// Guards are made with the epoch; one that is missing was evicted.
//
// Whoever invalidates raises the guard and then the tag. Whoever makes a tag
// first puts an item there that makes everything invalid, then reads the guard,
// and replaces that very item by what the guard says. So whatever is evicted when,
// a tag is never made older than its last invalidation.
const (
	guards     = 16 // items
	guardSlots = 64 // in each
	guardLen   = 8 * guardSlots
	// unmade is the stamp of a tag that is being made.
	unmade = 1 << 53
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
	if o.status == done && o.num < unmade {
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
// is as old as its guard allows. ops are the stamps as they were just read. If
// the epoch has ended there are none: it returns absentStamp.
func (s *Store) ensure(c *call, r *record, tags []string, ops []op) (uint64, error) {
	for attempt := 0; ; attempt++ {
		if err := firstErr(ops); err != nil {
			return 0, err
		}
		var n uint64
		var lost []string
		for i := range ops {
			if stamp := stampIn(&ops[i]); stamp != absentStamp {
				n = max(n, stamp)
			} else {
				lost = append(lost, tags[i])
			}
		}
		if len(lost) == 0 {
			return n, nil
		}
		if err := c.again(attempt); err != nil {
			return 0, err
		}
		made, ok, err := s.makeTags(c, r, lost)
		switch {
		case errors.Is(err, errEpoch):
			return absentStamp, nil
		case err != nil:
			return 0, err
		case ok:
			return max(n, made), nil
		}
		c.do(ops)
	}
}

var errEpoch = errors.New("the epoch has ended")

// makeTags gives tags that have no stamp those of their guards, and returns the
// greatest. ok is false where somebody else did.
func (s *Store) makeTags(c *call, r *record, tags []string) (n uint64, ok bool, err error) {
	ops, err := s.tagOps(make([]op, 0, len(tags)), r, tags)
	if err != nil {
		return 0, false, err
	}
	for i := range ops {
		o := &ops[i]
		o.verb, o.number, o.value, o.when, o.back = set, false, strconv.AppendUint(nil, unmade, 10), absent, true
	}
	c.do(ops)
	for i := range ops { // where somebody else is making it
		if o := &ops[i]; o.err == nil && o.status != done {
			*o = op{server: o.server, verb: get, name: o.name, number: true, back: true}
			one := ops[i : i+1]
			c.do(one)
		}
	}
	if err := firstErr(ops); err != nil {
		return 0, false, err
	}
	stamps, err := s.readGuards(c, r, tags)
	if err != nil {
		return 0, false, err
	}
	var writes []op
	for i := range ops {
		if o := &ops[i]; o.status == done && (o.verb == set || o.num == unmade) {
			writes = append(writes, op{
				server: o.server, verb: set, name: o.name, value: strconv.AppendUint(nil, stamps[i], 10), when: exact, cas: o.got,
			})
		}
	}
	c.do(writes)
	ok = len(writes) == len(tags) && !slices.ContainsFunc(writes, func(o op) bool { return o.status != done })
	return slices.Max(stamps), ok, firstErr(writes)
}

// readGuards is what the guards say of each of tags.
func (s *Store) readGuards(c *call, r *record, tags []string) ([]uint64, error) {
	of := make(map[int]int) // the op of each guard
	var reads []op
	for _, t := range tags {
		item, _ := guardOf(t)
		if _, ok := of[item]; !ok {
			of[item] = len(reads)
			reads = append(reads, op{server: r.server, verb: get, name: s.names.guard(r.epoch, item)})
		}
	}
	for attempt := 0; ; attempt++ {
		if err := c.again(attempt); err != nil {
			return nil, err
		}
		c.do(reads)
		if err := firstErr(reads); err != nil {
			return nil, err
		}
		var lost []op
		for _, o := range reads {
			if o.status == missing || len(o.data) != guardLen {
				lost = append(lost, o)
			}
		}
		if len(lost) == 0 {
			break
		}
		if err := s.remakeGuards(c, r, lost); err != nil {
			return nil, err
		}
	}
	stamps := make([]uint64, len(tags))
	for i, t := range tags {
		item, slot := guardOf(t)
		stamps[i] = binary.BigEndian.Uint64(reads[of[item]].data[8*slot:])
	}
	return stamps, nil
}

// remakeGuards replaces guards that were lost: tags without a stamp then get one
// that is newer than all that was loaded before.
func (s *Store) remakeGuards(c *call, r *record, lost []op) error {
	now, err := s.advance(c)
	if err != nil {
		return err
	}
	if now.epoch != r.epoch {
		return errEpoch
	}
	value := make([]byte, 0, guardLen)
	for range guardSlots {
		value = binary.BigEndian.AppendUint64(value, stampOf(now.word).N)
	}
	for i, o := range lost {
		lost[i] = op{server: o.server, verb: set, name: o.name, value: value, when: absent}
		if o.status == done { // of another length: not ours
			lost[i].when, lost[i].cas = exact, o.got
		}
	}
	c.do(lost)
	return firstErr(lost)
}
