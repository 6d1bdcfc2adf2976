package redisstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/cache/driver"
)

// Options configure a [Store]. The zero value, and nil, work.
type Options struct {
	// Namespace is what the keys begin with: 1 to 64 of A-Z, a-z, 0-9, ".", "_"
	// and "-". Default "strata".
	Namespace string

	// Replicas are clients of replicas of the primary (with sentinels, of
	// redis.FailoverOptions with ReplicaOnly). Hits are then read from one of them,
	// chosen at random, and the primary is asked for the rest: see the package
	// documentation for what that means. Default none. They have no place with a
	// cluster.
	Replicas []*redis.Client

	// PinAfterWrite is for how long the store asks the primary for what it has
	// loaded or counted itself, unless a replica has it too, and for everything
	// after a write whose outcome it does not know. Default 1 second; negative is
	// not at all. Other writes need no pin: a replica that has not heard of them is
	// never believed.
	PinAfterWrite time.Duration
}

const (
	defaultNamespace = "strata"
	// maxTagFields bounds the meta record: about 60 MB.
	maxTagFields = 1_000_000
)

// Store is a driver.Store in Redis. It also reads and stores many keys at once,
// and moves entries.
type Store struct {
	engine engine
	// close closes the client if Open made it.
	close  func() error
	closed atomic.Bool
}

// engine does the work: for one primary, or for a cluster.
type engine interface {
	Get(ctx context.Context, key driver.Key, hold time.Duration) (driver.Reading, error)
	GetMany(ctx context.Context, keys []driver.Key, hold time.Duration) ([]driver.KeyReading, error)
	Put(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) (driver.Result, error)
	PutMany(ctx context.Context, items []driver.Item) []driver.ItemResult
	Touch(ctx context.Context, key driver.Key, life driver.Life) (driver.Result, error)
	Incr(ctx context.Context, key driver.Key, delta int64, initial *driver.Entry) (driver.Sum, error)
	Invalidate(ctx context.Context, what driver.Invalidation) (driver.Invalidated, error)
	Move(ctx context.Context, from, to driver.Key) (driver.Result, error)
	ReadLog(ctx context.Context, after driver.Stamp, wait time.Duration) (driver.LogReading, error)
	Peek(ctx context.Context, key driver.Key) (*driver.Entry, error)
	Ping(ctx context.Context) error
}

var (
	_ driver.Store      = (*Store)(nil)
	_ driver.ManyGetter = (*Store)(nil)
	_ driver.ManyPutter = (*Store)(nil)
	_ driver.Mover      = (*Store)(nil)
	_ driver.LogReader  = (*Store)(nil)
	_ driver.Peeker     = (*Store)(nil)
)

// New returns a store over rdb, which is a [*redis.Client] (also one that
// follows sentinels) or a [*redis.ClusterClient]: a ring gives an error that
// wraps errors.ErrUnsupported. It makes no round trip.
//
// Call it before rdb is used. It changes options of rdb: what a new connection
// does first checks the server's history (see the package documentation) and
// still calls the OnConnect that was there, and ContextTimeoutEnabled is set, so
// that deadlines hold. A hook of rdb must not keep a command that it sees: the
// store uses them again.
//
// The store does not close rdb.
func New(rdb redis.UniversalClient, opts *Options) (*Store, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	namespace := cmp.Or(o.Namespace, defaultNamespace)
	if err := checkNamespace(namespace); err != nil {
		return nil, fmt.Errorf("redisstore: Options.Namespace: %w", err)
	}
	if o.PinAfterWrite != 0 && len(o.Replicas) == 0 {
		return nil, errors.New("redisstore: Options.PinAfterWrite without Options.Replicas")
	}
	switch rdb := rdb.(type) {
	case *redis.Client:
		if rdb == nil {
			return nil, errNoClient
		}
		p, err := newPrimary(rdb, namespace)
		if err != nil {
			return nil, err
		}
		p.watchHistory()
		if len(o.Replicas) > 0 {
			r, err := newReplicated(p, &o)
			if err != nil {
				return nil, err
			}
			return &Store{engine: r}, nil
		}
		return &Store{engine: p}, nil
	case *redis.ClusterClient:
		if rdb == nil {
			return nil, errNoClient
		}
		if len(o.Replicas) > 0 {
			return nil, errors.New("redisstore: Options.Replicas has no place with a cluster")
		}
		c, err := newCluster(rdb, namespace)
		if err != nil {
			return nil, err
		}
		return &Store{engine: c}, nil
	}
	return nil, fmt.Errorf("redisstore: %T is no client of one primary or of a cluster: %w", rdb, errors.ErrUnsupported)
}

var errNoClient = errors.New("redisstore: the client is nil")

// begin is the start of each call.
func (s *Store) begin(ctx context.Context) error {
	if s.closed.Load() {
		return driver.ErrClosed
	}
	return wrap(ctx, ctx.Err())
}

// Get implements driver.Store. What it finds corrupt it removes, or replaces by
// a placeholder.
func (s *Store) Get(ctx context.Context, key driver.Key, hold time.Duration) (driver.Reading, error) {
	if err := s.begin(ctx); err != nil {
		return driver.Reading{}, err
	}
	return s.engine.Get(ctx, key, hold)
}

// Peek implements driver.Peeker, by a plain GET. With replicas it returns nothing:
// they are asked by Get.
func (s *Store) Peek(ctx context.Context, key driver.Key) (*driver.Entry, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	return s.engine.Peek(ctx, key)
}

// GetMany implements driver.ManyGetter, with plain commands in one round trip
// where it can.
func (s *Store) GetMany(ctx context.Context, keys []driver.Key, hold time.Duration) ([]driver.KeyReading, error) {
	if err := s.begin(ctx); err != nil || len(keys) == 0 {
		return nil, err
	}
	return s.engine.GetMany(ctx, keys, hold)
}

// Put implements driver.Store.
func (s *Store) Put(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) (driver.Result, error) {
	if err := s.begin(ctx); err != nil {
		return driver.Result{}, err
	}
	return s.engine.Put(ctx, key, e, mode, token)
}

// PutMany implements driver.ManyPutter, in one pipeline where it can.
func (s *Store) PutMany(ctx context.Context, items []driver.Item) []driver.ItemResult {
	if err := s.begin(ctx); err != nil || len(items) == 0 {
		return all(len(items), err)
	}
	return s.engine.PutMany(ctx, items)
}

// Touch implements driver.Store.
func (s *Store) Touch(ctx context.Context, key driver.Key, life driver.Life) (driver.Result, error) {
	if err := s.begin(ctx); err != nil {
		return driver.Result{}, err
	}
	return s.engine.Touch(ctx, key, life)
}

// Incr implements driver.Store. The server itself adds, in 64 bits.
func (s *Store) Incr(ctx context.Context, key driver.Key, delta int64, initial *driver.Entry) (driver.Sum, error) {
	if err := s.begin(ctx); err != nil {
		return driver.Sum{}, err
	}
	return s.engine.Incr(ctx, key, delta, initial)
}

// Invalidate implements driver.Store.
func (s *Store) Invalidate(ctx context.Context, what driver.Invalidation) (driver.Invalidated, error) {
	if err := s.begin(ctx); err != nil {
		return driver.Invalidated{}, err
	}
	return s.engine.Invalidate(ctx, what)
}

// Move implements driver.Mover. In a cluster there is a moment at which neither
// name has the entry.
func (s *Store) Move(ctx context.Context, from, to driver.Key) (driver.Result, error) {
	if err := s.begin(ctx); err != nil {
		return driver.Result{}, err
	}
	return s.engine.Move(ctx, from, to)
}

// Ping asks the server whether it answers; of a cluster, all primaries.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	return s.engine.Ping(ctx)
}

// Close closes the client if [Open] made it: calls that are under way then
// fail. All other methods return driver.ErrClosed afterwards.
func (s *Store) Close(context.Context) error {
	if s.closed.Swap(true) || s.close == nil {
		return nil
	}
	if err := s.close(); err != nil && !errors.Is(err, redis.ErrClosed) {
		return fmt.Errorf("redisstore: close: %w", err)
	}
	return nil
}
