package shard

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/stratacache/strata/cache/driver"
)

// Shard is one of the stores.
type Shard struct {
	// Name decides which keys are this shard's, and is in errors. It belongs to
	// what is stored and not to an address: a shard that moves keeps its name.
	Name  string
	Store driver.Store
	// Weight is the shard's share of the keys, relative to the others. Default 1.
	Weight float64
}

// Options are the choices of [New]. The zero value is ready for use.
type Options struct {
	// Generation separates the keys of one set of shards from those of another:
	// raising it makes all shards empty to the eye. See "Changing the set" in the
	// package comment for when that is needed. It is a part of the keys, which it
	// makes a few bytes longer. Default 0: no part of them.
	Generation uint32
}

// Store spreads keys over several stores.
type Store struct {
	parts    []*part
	weighted bool   // weights differ
	prefix   string // of the scope of every key

	within, settle time.Duration // see settle.go
}

// part is a shard.
type part struct {
	name   string
	seed   uint64
	weight float64
	store  driver.Store
	clock  clock
}

var (
	_ driver.Store        = (*Store)(nil)
	_ driver.ManyGetter   = (*Store)(nil)
	_ driver.ManyPutter   = (*Store)(nil)
	_ driver.Mover        = (*Store)(nil)
	_ driver.EntryKeeper  = (*Store)(nil)
	_ driver.ClockCounter = (*Store)(nil)
)

// New returns a store over shards, whose order means nothing. It owns their
// stores: closing one closes the others.
func New(shards []Shard, opts *Options) (*Store, error) {
	if len(shards) == 0 {
		return nil, errors.New("shard: no shards")
	}
	s := &Store{within: within, settle: settle}
	if opts != nil && opts.Generation != 0 {
		// No scope of package cache begins so.
		s.prefix = "g" + strconv.FormatUint(uint64(opts.Generation), 10) + "!"
	}
	names := make(map[string]bool)
	for i, sh := range shards {
		switch {
		case sh.Store == nil:
			panic(fmt.Sprintf("shard.New: the store of shard %d is nil", i))
		case sh.Name == "":
			return nil, fmt.Errorf("shard: shard %d has no name", i)
		case names[sh.Name]:
			return nil, fmt.Errorf("shard: two shards have the name %q", sh.Name)
		case sh.Weight < 0 || math.IsNaN(sh.Weight) || math.IsInf(sh.Weight, 0):
			return nil, fmt.Errorf("shard: %s: the weight is %v", sh.Name, sh.Weight)
		case sh.Weight == 0:
			sh.Weight = 1
		}
		names[sh.Name] = true
		s.weighted = s.weighted || i > 0 && sh.Weight != s.parts[0].weight
		s.parts = append(s.parts, &part{name: sh.Name, seed: xxhash.Sum64String(sh.Name), weight: sh.Weight, store: sh.Store})
	}
	return s, nil
}

// Clocks implements [driver.ClockCounter]: each shard has one.
func (s *Store) Clocks() int { return len(s.parts) }

// KeepsEntries implements [driver.EntryKeeper]: all shards must.
func (s *Store) KeepsEntries() bool {
	for _, p := range s.parts {
		if k, ok := driver.As[driver.EntryKeeper](p.store); !ok || !k.KeepsEntries() {
			return false
		}
	}
	return true
}

// at is where a key lives, and its name there.
func (s *Store) at(key driver.Key) (*part, driver.Key) { return s.parts[s.pick(key)], s.inner(key) }

func (s *Store) inner(key driver.Key) driver.Key {
	if s.prefix != "" {
		key.Scope = s.prefix + key.Scope
	}
	return key
}

// wrap says whose error it is.
func (p *part) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("shard: %s: %w", p.name, err)
}

// each asks shards at the same time. The error names all that failed.
func each(parts []*part, ask func(i int, p *part) error) error {
	if len(parts) == 1 {
		return parts[0].wrap(ask(0, parts[0]))
	}
	errs := make([]error, len(parts))
	var wg sync.WaitGroup
	for i, p := range parts {
		wg.Go(func() { errs[i] = p.wrap(ask(i, p)) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Get implements [driver.Store].
func (s *Store) Get(ctx context.Context, key driver.Key, hold time.Duration) (driver.Reading, error) {
	p, key := s.at(key)
	r, err := p.store.Get(ctx, key, hold)
	if err == nil {
		s.saw(p, r.Fence.Stamp)
	}
	return r, p.wrap(err)
}

// Put implements [driver.Store].
func (s *Store) Put(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) (driver.Result, error) {
	p, key := s.at(key)
	r, err := p.store.Put(ctx, key, e, mode, token)
	return r, p.wrap(err)
}

// Touch implements [driver.Store].
func (s *Store) Touch(ctx context.Context, key driver.Key, life driver.Life) (driver.Result, error) {
	p, key := s.at(key)
	r, err := p.store.Touch(ctx, key, life)
	return r, p.wrap(err)
}

// Incr implements [driver.Store].
func (s *Store) Incr(ctx context.Context, key driver.Key, delta int64, initial *driver.Entry) (driver.Sum, error) {
	p, key := s.at(key)
	r, err := p.store.Incr(ctx, key, delta, initial)
	return r, p.wrap(err)
}

// Ping asks all shards.
func (s *Store) Ping(ctx context.Context) error {
	return each(s.parts, func(_ int, p *part) error { return p.store.Ping(ctx) })
}

// Close closes all shards.
func (s *Store) Close(ctx context.Context) error {
	return each(s.parts, func(_ int, p *part) error { return p.store.Close(ctx) })
}
