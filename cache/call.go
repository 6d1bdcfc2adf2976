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

type optionKind uint8

const (
	optTTL optionKind = 1 << iota
	optNegativeTTL
	optTags
	optInitial
	optFenced
)

// TTL is the lifetime of what the call stores.
func TTL(d time.Duration) Option { return Option{kind: optTTL, duration: d} }

// NegativeTTL is how long an ErrNotFound of this call's loader is remembered.
func NegativeTTL(d time.Duration) Option { return Option{kind: optNegativeTTL, duration: d} }

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
}

const maxTag = 200

var optionNames = map[optionKind]string{
	optTTL: "TTL", optNegativeTTL: "NegativeTTL", optTags: "Tags", optInitial: "Initial", optFenced: "Fenced",
}

// resolve applies opts over the view's defaults; takes are the kinds that the
// operation has a use for. It keeps no reference to opts.
func (v *view) resolve(op string, takes optionKind, opts []Option) (call, error) {
	c := call{ttl: v.engine.opts.TTL, negativeTTL: v.engine.opts.NegativeTTL, tags: v.clearTags}
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
	return c, nil
}

func checkTag(tag string) error {
	if tag == "" || len(tag) > maxTag || tag[0] == 0 {
		return fmt.Errorf("%w: tag %q: a tag is 1 to %d bytes and does not begin with NUL", ErrKey, shorten(tag), maxTag)
	}
	return nil
}

// life is the absolute form of a TTL that is positive. An end beyond the range
// of time is no end.
func life(now time.Time, ttl time.Duration) driver.Life {
	if ttl == Forever {
		return driver.Life{Fresh: driver.Forever, Expires: driver.Forever}
	}
	end := now.UnixNano() + int64(ttl)
	if end < 0 {
		end = driver.Forever
	}
	return driver.Life{Fresh: end, Expires: end}
}
