package cache

import (
	"errors"
	"fmt"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

const (
	// Forever as a TTL means that the entry never expires.
	Forever time.Duration = 1<<63 - 1
	// Never as Options.TTL means that nothing is stored unless a call gives a
	// TTL; as Options.NegativeTTL, that "not found" is not remembered; as
	// Options.LeaseWait, that nobody waits.
	Never time.Duration = -1
)

// Options configure a [Client]. The zero value, and nil, work.
type Options struct {
	// TTL is the lifetime of entries that are stored without one. Default 5
	// minutes; Forever and Never are allowed.
	TTL time.Duration
	// NegativeTTL is how long an ErrNotFound of a loader is remembered. Default
	// 30 seconds, and never longer than the call's TTL.
	NegativeTTL time.Duration
	// LoadTimeout ends the context of a loader, and is how long the fence of a
	// load stands. Default 1 minute.
	LoadTimeout time.Duration

	// Stale is how long after its TTL what a loader made is kept, for GetOrSet to
	// return while its loader is slow, or fails. Get, GetMany and Has do not see it
	// then; Add, Touch and Delete do. What was invalidated is never returned.
	// Default 0: an entry ends with its TTL.
	Stale time.Duration
	// SoftTimeout is how long a caller of GetOrSet that could have a stale value
	// waits for the loader. Default 0: not at all, the value is refreshed in the
	// background. Forever: until the loader fails.
	SoftTimeout time.Duration
	// HardTimeout is how long a caller of GetOrSet waits for the loader at all,
	// which goes on in the background: then it gets a stale value or
	// ErrLoadTimeout. Default Forever.
	HardTimeout time.Duration
	// RetryAfter is how long after a loader failed this process returns stale
	// values of the key without trying again. Default 10 seconds.
	RetryAfter time.Duration
	// EarlyRefresh has a hit of GetOrSet start a refresh in the background before
	// the entry stops being fresh, with a probability that grows towards the end
	// and with the cost of the load (XFetch, Vattani and others, VLDB 2015). It is
	// the paper's β: 1 is its choice, larger is earlier. Default 0: off. Hits then
	// read the time, which in memory is a third of their cost.
	EarlyRefresh float64
	// RefreshAt is the plainer rule in place of EarlyRefresh: the first hit of
	// GetOrSet after this part of an entry's fresh life starts the refresh, 0.8
	// after four fifths of it. It counts from when the entry was stored or touched,
	// with the TTL that it got then, and is right within 2 %. Default 0: off; less
	// than 1. Hits then read the time, as with EarlyRefresh.
	RefreshAt float64

	// MaxLoads bounds the loaders that run at once, so that a clear, a deploy or a
	// cold start does not send all readers to the database together; the others
	// wait in line, within LoadTimeout. A load from within a load does not count.
	// Default 0: no bound.
	MaxLoads int
	// LeaseWait is how long a load waits for another process that is loading the
	// same key, before it loads too; how long the refresh of an entry is left to
	// another process; and how long a [Lease] is waited for. Default 3 seconds; it
	// should be longer than most loads take. Never: each process loads for itself.
	// Between processes that share no store, and in memory, there is nothing to wait
	// for.
	LeaseWait time.Duration
	// MaxBackground bounds the loads that go on without a waiting caller. Beyond
	// it stale values are not refreshed, and loads that nobody waits for any more
	// are cancelled. Default 64.
	MaxBackground int

	// Prefix and Version are those of the client itself. Version 0 means 1; use
	// WithVersion for version 0.
	Prefix  string
	Version int

	// MaxKey is the length in bytes above which a composed key is hashed.
	// Default 250, at least 150.
	MaxKey int
	// ValidateKey may refuse keys; its error is returned wrapped in ErrKey.
	// By default all keys are taken. See [PortableKeys].
	ValidateKey func(key string) error
	// MaxValue is the largest payload that is stored, in bytes. Default 64 MiB.
	MaxValue int

	// StoreTimeout bounds each call to the store: one that takes longer is given
	// up, and is an outage (ErrStoreTimeout). It may or may not have taken effect.
	// Default 0: the store's own timeouts do, and the caller's context.
	StoreTimeout time.Duration
	// StoreSoftTimeout is how long a read that has a loader to go on with waits for
	// the store: then it loads, as in an outage. The call goes on, in a place of
	// MaxBackground, and what it brings is in the near tiers for the next reader.
	// Default 0: as long as StoreTimeout.
	StoreSoftTimeout time.Duration
	// OnOutage is what GetOrSet and GetOrSetMany do while the store is down.
	// Default FailOpen: they load.
	OnOutage OutagePolicy
	// Recovery bounds the keys and tags that are remembered while the store does
	// not take their invalidation. The caller has the error, and the client goes on
	// trying: until the store has taken it, nothing that it concerns is served or
	// joined here. Beyond the bound one Clear of the whole namespace stands for all.
	// A fenced Set that the store did not take counts as an invalidation of its key;
	// other writes are not repeated. Default 10 000; negative: nothing is remembered.
	// A store in memory has no outages and no use for it.
	Recovery int

	// Near are tiers in front of the store, nearest first.
	Near []Tier
	// Staleness bounds how long a near tier may serve what another process has
	// invalidated, and how old a load may be for a caller to share it while the
	// store does not answer. Default 500 ms.
	Staleness time.Duration

	// RequestMemo has reads look into their context for a memo: see [WithMemo].
	RequestMemo bool

	// Hooks observe what happens.
	Hooks Hooks
}

// Tier is a tier in front of a client's store, such as memory. What it holds ends
// with the entry that it was copied from, or before, and is used only while the
// authoritative store was asked within Options.Staleness and has seen no
// invalidation or write since: without a log, of anything, with one, of what
// concerns it. A tier that is full, slow or down is passed over.
//
// Where Store keeps entries in this process (driver.EntryKeeper) they stay
// decoded. Any other, such as a server on the same machine in front of a distant
// one, costs a round trip that has to be worth it, and is of use where the
// authoritative store has a log: elsewhere any write makes all of it suspect.
type Tier struct {
	// Store must be a namespace of its own: only other clients of the same store
	// may share it, and of memory none. The client closes it.
	Store driver.Store
	// TTL caps how long this tier keeps an entry: default 1 minute, Forever for no
	// cap. It bounds what a clock that differs from the one of the process that
	// wrote the entry can add to its life.
	TTL time.Duration
	// Timeout bounds each call to this tier: one that takes longer is given up, and
	// the next tier is asked, as when this one is down. Default 0: no bound.
	Timeout time.Duration
}

// OutagePolicy is what a read that could load does while the store is down.
type OutagePolicy uint8

const (
	// FailOpen treats what cannot be asked as a miss: the loader runs, within
	// Options.MaxLoads, and its value is not stored.
	FailOpen OutagePolicy = iota
	// FailClosed returns the outage: for a database that would not survive the
	// reads that the cache keeps from it.
	FailClosed
)

const (
	defaultTTL         = 5 * time.Minute
	defaultNegativeTTL = 30 * time.Second
	defaultLoadTimeout = time.Minute
	defaultMaxKey      = 250 // memcached's limit, so that a key means the same everywhere
	minMaxKey          = 150 // room for a prefix, a version and a hash
	defaultMaxValue    = 64 << 20
	defaultStaleness   = 500 * time.Millisecond
	defaultNearTTL     = time.Minute
	defaultLeaseWait   = 3 * time.Second
	defaultRetryAfter  = 10 * time.Second
	defaultBackground  = 64
	defaultRecovery    = 10_000
)

// withDefaults returns a copy with each zero replaced, or says what contradicts
// what.
func (o *Options) withDefaults() (Options, error) {
	var out Options
	if o != nil {
		out = *o
	}
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&out.TTL, defaultTTL},
		{&out.NegativeTTL, defaultNegativeTTL},
		{&out.LoadTimeout, defaultLoadTimeout},
		{&out.Staleness, defaultStaleness},
		{&out.HardTimeout, Forever},
		{&out.RetryAfter, defaultRetryAfter},
		{&out.LeaseWait, defaultLeaseWait},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if out.MaxKey == 0 {
		out.MaxKey = defaultMaxKey
	}
	if out.MaxValue == 0 {
		out.MaxValue = defaultMaxValue
	}
	if out.MaxBackground == 0 {
		out.MaxBackground = defaultBackground
	}
	if out.Recovery == 0 {
		out.Recovery = defaultRecovery
	}
	if out.Version == 0 {
		out.Version = 1
	}
	var errs []error
	refuse := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf("cache.Options."+format, args...))
		}
	}
	refuse(out.TTL < 0 && out.TTL != Never, "TTL is %v: use cache.Never to store nothing", out.TTL)
	refuse(out.NegativeTTL < 0 && out.NegativeTTL != Never, "NegativeTTL is %v: use cache.Never", out.NegativeTTL)
	refuse(out.LoadTimeout < 0, "LoadTimeout is %v", out.LoadTimeout)
	refuse(out.Staleness < 0, "Staleness is %v", out.Staleness)
	refuse(out.Stale < 0, "Stale is %v", out.Stale)
	refuse(out.SoftTimeout < 0, "SoftTimeout is %v", out.SoftTimeout)
	refuse(out.SoftTimeout > 0 && out.Stale == 0, "SoftTimeout is %v, but without Stale there is no value to return then", out.SoftTimeout)
	refuse(out.HardTimeout < 0, "HardTimeout is %v", out.HardTimeout)
	refuse(out.RetryAfter < 0, "RetryAfter is %v", out.RetryAfter)
	refuse(out.LeaseWait < 0 && out.LeaseWait != Never, "LeaseWait is %v: use cache.Never", out.LeaseWait)
	refuse(out.EarlyRefresh < 0, "EarlyRefresh is %v", out.EarlyRefresh)
	refuse(!(out.RefreshAt >= 0 && out.RefreshAt < 1), "RefreshAt is %v: it is a part of the fresh life, at least 0 and less than 1", out.RefreshAt)
	refuse(out.RefreshAt > 0 && out.EarlyRefresh > 0, "RefreshAt and EarlyRefresh are two rules for one thing: set one of them")
	refuse(out.MaxLoads < 0, "MaxLoads is %d", out.MaxLoads)
	refuse(out.MaxBackground < 0, "MaxBackground is %d", out.MaxBackground)
	refuse(out.MaxKey < minMaxKey, "MaxKey is %d, less than %d", out.MaxKey, minMaxKey)
	refuse(out.MaxValue < 0, "MaxValue is %d", out.MaxValue)
	refuse(out.StoreTimeout < 0, "StoreTimeout is %v", out.StoreTimeout)
	refuse(out.StoreSoftTimeout < 0, "StoreSoftTimeout is %v", out.StoreSoftTimeout)
	refuse(out.OnOutage > FailClosed, "OnOutage is %d", out.OnOutage)
	refuse(out.OnOutage == FailClosed && out.StoreSoftTimeout > 0, "StoreSoftTimeout is %v, but FailClosed has nothing to go on with then", out.StoreSoftTimeout)
	for i, t := range out.Near {
		if t.Store == nil {
			errs = append(errs, fmt.Errorf("cache.Options.Near[%d].Store is nil", i))
			continue
		}
		refuse(t.TTL < 0, "Near[%d].TTL is %v", i, t.TTL)
		refuse(t.Timeout < 0, "Near[%d].Timeout is %v", i, t.Timeout)
	}
	return out, errors.Join(errs...)
}

// PortableKeys is a ValidateKey that takes what every cache server takes
// unchanged: 1 to 200 bytes, none of them a space or control character.
func PortableKeys(key string) error {
	if key == "" || len(key) > 200 {
		return fmt.Errorf("its length is %d bytes, not 1 to 200", len(key))
	}
	for i := range len(key) {
		if key[i] <= ' ' || key[i] == 0x7f {
			return fmt.Errorf("byte %d is %#02x", i, key[i])
		}
	}
	return nil
}
