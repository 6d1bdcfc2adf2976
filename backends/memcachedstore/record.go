package memcachedstore

import (
	"math/rand/v2"
	"strconv"

	"github.com/stratacache/strata/cache/driver"
)

// The clock is one number, which the server itself advances: the epoch, and
// below it n. An overflow of n thus is a new epoch. The number stays below 2^63:
// where a greater one is to be advanced, memcached 1.6.18 looks for a minus sign in
// whatever lies behind it in memory, and may find one.
const (
	nBits     = 36
	epochBits = 27
)

func stampOf(word uint64) driver.Stamp {
	return driver.Stamp{Epoch: word >> nBits, N: word & (1<<nBits - 1)}
}

// wordOf is the inverse of stampOf. What no clock can show becomes 0, which is
// of no epoch.
func wordOf(s driver.Stamp) uint64 {
	if s.Epoch >= 1<<epochBits || s.N >= 1<<nBits {
		return 0
	}
	return s.Epoch<<nBits | s.N
}

// record is the meta record as it was seen last: the clock, and the names of
// what belongs to its epoch.
type record struct {
	word   uint64
	all    uint64  // the stamp of TagAll
	server *server // has clock, TagAll and guards

	clock, allName string
	epoch          string // a part of the names of stamps and guards
}

// recordFor is the record of a clock, with the stamp of TagAll if that was seen
// as well.
func (s *Store) recordFor(word, all uint64) (*record, error) {
	if last := s.record.Load(); last != nil {
		if last.word == word && last.all >= all {
			return last, nil
		}
		if last.word>>nBits == word>>nBits {
			r := *last
			r.word, r.all = word, max(all, last.all)
			return &r, nil
		}
	}
	server, err := s.pick.pick(s.names.clock)
	if err != nil {
		return nil, err
	}
	epoch := strconv.FormatUint(word>>nBits, 36) + ":"
	return &record{word: word, all: all, epoch: epoch, allName: s.names.all(epoch), server: server, clock: s.names.clock}, nil
}

// saw remembers the clock. What is remembered may be old, never invented.
func (s *Store) saw(word, all uint64) (*record, error) {
	r, err := s.recordFor(word, all)
	if err == nil && r != s.record.Load() {
		s.record.Store(r)
	}
	return r, err
}

// known is the record as it was seen last, or now if it never was.
func (s *Store) known(c *call) (*record, error) {
	if r := s.record.Load(); r != nil {
		return r, nil
	}
	return s.now(c)
}

// now reads the clock, and makes a record if there is none.
func (s *Store) now(c *call) (*record, error) {
	server, err := s.pick.pick(s.names.clock)
	if err != nil {
		return nil, err
	}
	for attempt := 0; ; attempt++ {
		if err := c.again(attempt); err != nil {
			return nil, err
		}
		ops := []op{{server: server, verb: get, name: s.names.clock, number: true}}
		c.do(ops)
		if err := ops[0].err; err != nil {
			return nil, err
		}
		if ops[0].status == done {
			return s.saw(ops[0].num, 0)
		}
		if err := s.create(c, server); err != nil {
			return nil, err
		}
	}
}

// create begins an epoch, unless somebody else does. The stamps that must be
// there in every epoch are made first: who sees the clock and not them knows
// that they were lost. All of it is harmless if it arrives late, or twice.
func (s *Store) create(c *call, server *server) error {
	word := (1 + rand.Uint64N(1<<epochBits-2)) << nBits
	epoch := strconv.FormatUint(word>>nBits, 36) + ":"
	ops := make([]op, 0, guards+2)
	ops = append(ops, op{server: server, verb: set, name: s.names.all(epoch), value: []byte("0"), when: absent})
	for i := range guards {
		ops = append(ops, op{server: server, verb: set, name: s.names.guard(epoch, i), value: make([]byte, guardLen), when: absent})
	}
	ops = append(ops, op{server: server, verb: set, name: s.names.clock, value: strconv.AppendUint(nil, word, 10), when: absent})
	c.do(ops)
	return firstErr(ops)
}

// advance moves the clock by one and returns it. Without a clock it makes one.
func (s *Store) advance(c *call) (*record, error) {
	server, err := s.pick.pick(s.names.clock)
	if err != nil {
		return nil, err
	}
	for attempt := 0; ; attempt++ {
		if err := c.again(attempt); err != nil {
			return nil, err
		}
		ops := []op{s.advancing(server, 1)}
		c.do(ops)
		if err := ops[0].err; err != nil {
			return nil, err
		}
		if ops[0].status == done {
			return s.saw(ops[0].num, 0)
		}
		if err := s.create(c, server); err != nil {
			return nil, err
		}
	}
}

func (s *Store) advancing(server *server, by int) op {
	return op{server: server, verb: advance, name: s.names.clock, by: uint64(by)}
}

// catchUp makes the clock show at least n, if its epoch is still r's: what
// carries n is not seen before that, and whoever was to advance the clock may
// be gone.
func (s *Store) catchUp(c *call, r *record, n uint64) error {
	now, err := s.now(c)
	if err == nil && now.epoch == r.epoch && stampOf(now.word).N < n {
		_, err = s.advance(c)
	}
	return err
}

// remake replaces the stamp of TagAll, which was lost: all that was stored
// before is invalid then.
func (s *Store) remake(c *call, r *record) error {
	now, err := s.advance(c)
	if err != nil || now.epoch != r.epoch {
		return err
	}
	ops := []op{{server: r.server, verb: set, name: r.allName, value: strconv.AppendUint(nil, stampOf(now.word).N, 10), when: absent}}
	c.do(ops)
	return ops[0].err
}
