package fragment

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"sync"
	"time"

	"github.com/stratacache/strata/cache"
)

// keeper is what renderers and components have in common: where fragments are
// kept, and how their keys are made.
type keeper struct {
	main     *store
	others   map[string]*store
	allowNil bool
}

func newKeeper(c cache.Cache, o *Options) *keeper {
	k := &keeper{allowNil: o.AllowNil, others: make(map[string]*store, len(o.Using))}
	k.main = newStore(c, o)
	for name, other := range o.Using {
		k.others[name] = newStore(other, o)
	}
	return k
}

// delete drops the entries under keys from every cache.
func (k *keeper) delete(ctx context.Context, keys ...string) (bool, error) {
	n, err := k.main.cache.DeleteMany(ctx, keys...)
	for _, s := range k.others {
		m, also := s.cache.DeleteMany(ctx, keys...)
		n, err = n+m, errors.Join(err, also)
	}
	return n > 0, err
}

// store keeps fragments in one cache.
type store struct {
	cache  cache.Cache
	parts  cache.Typed[*rendered]
	onTags func(context.Context, ...string)

	underway underway
}

func newStore(c cache.Cache, o *Options) *store {
	c = c.WithPrefix(o.Prefix)
	return &store{
		cache: c, onTags: o.OnTags,
		parts: cache.For[*rendered](c, cache.WithCodec(codec{}), cache.Immutable()),
	}
}

// render returns a fragment from the cache, or has draw write it.
func (s *store) render(ctx context.Context, c call, draw func(context.Context, io.Writer) error) (*rendered, error) {
	if c.life <= 0 {
		var b bytes.Buffer
		err := draw(ctx, &b)
		return s.shown(ctx, c.unkept(b.String()), err)
	}
	r, err := s.parts.GetOrSet(ctx, c.key, func(ctx context.Context) (*rendered, error) {
		ctx, around := enter(ctx)
		var b bytes.Buffer
		if err := draw(ctx, &b); err != nil {
			return nil, &failure{err}
		}
		return c.kept(around, b.String())
	}, cache.TTL(c.life), cache.Tags(c.tags...))
	return s.shown(ctx, r, err)
}

// failure is the error of a fragment, kept whole: an ErrNotFound within it
// would be remembered, and what fails must leave nothing in the cache.
type failure struct{ err error }

func (f *failure) Error() string { return f.err.Error() }

// shown passes on what the execution of ctx shows: to the fragment around it,
// to the load that it is part of, and to Options.OnTags.
func (s *store) shown(ctx context.Context, r *rendered, err error) (*rendered, error) {
	if err != nil {
		if f, ok := errors.AsType[*failure](err); ok {
			err = f.err
		}
		return nil, err
	}
	around := scopeOf(ctx)
	if around != nil {
		around.add(r)
	} else if s.onTags != nil && len(r.tags) > 0 {
		s.onTags(ctx, r.tags...)
	}
	if l := cache.Loading(ctx); l != nil && (around == nil || around.load != l) {
		err = l.AddTags(r.tags...)
		r.limit(l)
	}
	return r, err
}

// scope is a fragment that is being rendered. It takes the tags of the
// fragments in it, and ends with the first of them.
type scope struct {
	load *cache.Load

	mu   sync.Mutex // a component may render its parts at once
	tags []string
	ends int64
}

type scopeKey struct{}

// enter begins a fragment in the context of its load.
func enter(ctx context.Context) (context.Context, *scope) {
	s := &scope{load: cache.Loading(ctx), ends: math.MaxInt64}
	return context.WithValue(ctx, scopeKey{}, s), s
}

func scopeOf(ctx context.Context) *scope {
	s, _ := ctx.Value(scopeKey{}).(*scope)
	return s
}

// AddTags gives the fragment that is being rendered in ctx, and those around it,
// more tags than its call names: for data that finds out on the way what it
// depends on. Elsewhere it does nothing.
func AddTags(ctx context.Context, tags ...string) {
	if s := scopeOf(ctx); s != nil {
		s.add(&rendered{tags: tags, ends: math.MaxInt64})
	}
}

func (s *scope) add(r *rendered) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tags, s.ends = append(s.tags, r.tags...), min(s.ends, r.ends)
}

// kept is the value of a fragment that was rendered in s. It tells the load
// what the fragments within it have added, and takes what their data told it.
func (c *call) kept(s *scope, html string) (*rendered, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &rendered{html: html, tags: distinct(c.tags, append(s.load.Tags(), s.tags...)), ends: s.ends}
	r.limit(s.load)
	if own := s.load.TTL(c.life); own != cache.Forever {
		r.ends = min(r.ends, ending(own))
	}
	return r, s.load.AddTags(s.tags...)
}

// ending is when a life that begins now ends.
func ending(life time.Duration) int64 {
	now := time.Now().UnixNano()
	if end := now + int64(max(life, 0)); end >= now {
		return end
	}
	return math.MaxInt64
}

// limit has a load end with r, if r ends.
func (r *rendered) limit(l *cache.Load) {
	if r.ends != math.MaxInt64 {
		l.LimitTTL(time.Duration(r.ends - time.Now().UnixNano()))
	}
}

// unkept is the value of one that is rendered every time, and so is all that it
// is in.
func (c *call) unkept(html string) *rendered { return &rendered{html: html, tags: c.tags} }
