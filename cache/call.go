package cache

import (
	"fmt"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// Option changes one call. An option that a method has no use for is an error.
//
// Options are values: passing them to a *Client or a Typed allocates nothing.
type Option struct {
	kind     optionKind
	duration time.Duration
	tags     []string
	number   int64
	fence    Fence
}

type optionKind uint16

const (
	optTTL optionKind = 1 << iota
	optNegativeTTL
	optTags
	optInitial
	optFenced
	optStale
	optSoftTimeout
	optHardTimeout
	optRefresh
	optNoStore
	optSkipNear
	optBatchSize
)

// loadOptions are the options of a load.
const loadOptions = optTTL | optNegativeTTL | optTags | optStale | optSoftTimeout | optHardTimeout | optRefresh | optNoStore | optSkipNear

// TTL is the lifetime of what the call stores.
func TTL(d time.Duration) Option { return Option{kind: optTTL, duration: d} }

// NegativeTTL is how long an ErrNotFound of this call's loader is remembered.
func NegativeTTL(d time.Duration) Option { return Option{kind: optNegativeTTL, duration: d} }

// Stale is how long after its TTL the entry is kept: see [Options].Stale.
func Stale(d time.Duration) Option { return Option{kind: optStale, duration: d} }

// SoftTimeout is how long the call waits if it could have a stale value: see
// [Options].SoftTimeout.
func SoftTimeout(d time.Duration) Option { return Option{kind: optSoftTimeout, duration: d} }

// HardTimeout is how long the call waits at all: see [Options].HardTimeout.
func HardTimeout(d time.Duration) Option { return Option{kind: optHardTimeout, duration: d} }

// Refresh loads a new value, whatever is stored; its loader began after the
// call.
func Refresh() Option { return Option{kind: optRefresh} }

// NoStore leaves what is loaded out of the cache.
func NoStore() Option { return Option{kind: optNoStore} }

// BatchSize bounds the keys that GetOrSetMany gives to one call of its loader;
// several run at once. Without it there is one call.
func BatchSize(n int) Option { return Option{kind: optBatchSize, number: int64(n)} }

// SkipNear reads past the near tiers.
func SkipNear() Option { return Option{kind: optSkipNear} }

// Tags names what the value depends on: see [Cache].Invalidate. A tag is 1 to
// 200 bytes and does not begin with NUL.
func Tags(tags ...string) Option { return Option{kind: optTags, tags: tags} }

// Initial lets Incr and Decr start from n when the key is absent, in the same
// atomic step, with the call's TTL: the result is n plus delta.
func Initial(n int64) Option { return Option{kind: optInitial, number: n} }

// Fenced makes a Set a write-through under f, which was taken before the
// transaction began: see [Cache].Set.
func Fenced(f Fence) Option { return Option{kind: optFenced, fence: f} }

// call is what the options of one call come to.
type call struct {
	ttl         time.Duration
	negativeTTL time.Duration
	tags        []string // the user's and those that clear the view's prefixes
	userTags    bool
	initial     int64
	hasInitial  bool
	fence       Fence
	fenced      bool
	cost        time.Duration // of the load
	stale       time.Duration
	soft        time.Duration
	hard        time.Duration
	hasStale    bool
	refresh     bool
	noStore     bool
	batchSize   int
}

const maxTag = 200

var optionNames = map[optionKind]string{
	optTTL: "TTL", optNegativeTTL: "NegativeTTL", optTags: "Tags", optInitial: "Initial", optFenced: "Fenced",
	optStale: "Stale", optSoftTimeout: "SoftTimeout", optHardTimeout: "HardTimeout", optRefresh: "Refresh",
	optNoStore: "NoStore", optSkipNear: "SkipNear", optBatchSize: "BatchSize",
}

// flagsOf is what of opts a read must know before it reads.
func flagsOf(opts []Option) optionKind {
	var flags optionKind
	for i := range opts {
		flags |= opts[i].kind & (optRefresh | optSkipNear)
	}
	return flags
}

// resolve applies opts over the view's defaults; takes are the kinds that the
// operation has a use for. It keeps no reference to opts.
func (v *view) resolve(op string, takes optionKind, opts []Option) (call, error) {
	d := &v.engine.opts
	c := call{
		ttl: d.TTL, negativeTTL: d.NegativeTTL, tags: v.clearTags,
		soft: d.SoftTimeout, hard: d.HardTimeout,
	}
	for i := range opts {
		o := &opts[i]
		if o.kind&takes == 0 {
			return c, fmt.Errorf("%w: %s has no use for %s", ErrOption, op, optionNames[o.kind])
		}
		switch o.kind {
		case optTTL:
			c.ttl = o.duration
		case optNegativeTTL:
			c.negativeTTL = o.duration
		case optStale:
			c.stale, c.hasStale = o.duration, true
		case optSoftTimeout:
			c.soft = o.duration
		case optHardTimeout:
			c.hard = o.duration
		case optRefresh:
			c.refresh = true
		case optBatchSize:
			c.batchSize = int(o.number)
		case optNoStore:
			c.noStore = true
		case optTags:
			tags := make([]string, 0, len(c.tags)+len(o.tags))
			tags = append(tags, c.tags...)
			for _, t := range o.tags {
				if err := checkTag(t); err != nil {
					return c, err
				}
				tags = append(tags, t)
			}
			c.userTags = c.userTags || len(o.tags) > 0
			c.tags = tags
		case optInitial:
			c.initial, c.hasInitial = o.number, true
		case optFenced:
			c.fence, c.fenced = o.fence, true
		}
	}
	if takes&optSoftTimeout != 0 { // a load
		c.staleAsLoad(d)
	}
	if c.noStore {
		c.ttl, c.negativeTTL = Never, Never
	}
	return c, nil
}

// staleAsLoad keeps what a loader made for as long as the client keeps stale
// values. What is set or added ends with its TTL: to Add a value that nobody can
// get must be absent.
func (c *call) staleAsLoad(o *Options) {
	if !c.hasStale {
		c.stale = o.Stale
	}
}

func checkTag(tag string) error {
	if tag == "" || len(tag) > maxTag || tag[0] == 0 {
		return fmt.Errorf("%w: tag %q: a tag is 1 to %d bytes and does not begin with NUL", ErrKey, shorten(tag), maxTag)
	}
	return nil
}

// life is the absolute form of a TTL that is positive, and of the time that
// follows it in which the entry is stale. An end beyond the range of time is no
// end.
func life(now time.Time, ttl, stale time.Duration) driver.Life {
	fresh := later(now.UnixNano(), ttl)
	return driver.Life{Fresh: fresh, Expires: later(fresh, stale)}
}

func later(t int64, d time.Duration) int64 {
	if t == driver.Forever || d == Forever {
		return driver.Forever
	}
	if sum := t + int64(max(d, 0)); sum >= t {
		return sum
	}
	return driver.Forever
}
