package redisstore

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"regexp"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/cache/driver"
)

// Options configure a [Store]. The zero value, and nil, work.
type Options struct {
	// Namespace is what the keys begin with: 1 to 64 of A-Z, a-z, 0-9, ".", "_"
	// and "-". Default "strata".
	Namespace string
}

const (
	defaultNamespace = "strata"
	// maxTagFields bounds the meta record: about 60 MB.
	maxTagFields = 1_000_000
)

// Store is a driver.Store in Redis. It also reads and sets many keys at once,
// and moves entries.
type Store struct {
	rdb    *redis.Client
	owned  bool // by Open: Close closes it
	closed atomic.Bool
	prefix string
	meta   string
	// maxFields is maxTagFields, but in tests.
	maxFields int

	scripts scripts
	sizes   sizes
	buffers sync.Pool // of *[]byte
	// guess is the tags that GetMany reads beforehand.
	guess atomic.Pointer[[]string]
	// clock is one that was seen lately, for PutMany to begin with; nil at first.
	clock atomic.Pointer[driver.Stamp]
	// history is the last known id of the server's history, "" if it tells none.
	history atomic.Pointer[string]
	// unchecked says that the client had connections before New, so that the
	// first call must look at the history itself.
	unchecked atomic.Bool
}

var (
	_ driver.Store      = (*Store)(nil)
	_ driver.ManyGetter = (*Store)(nil)
	_ driver.ManyPutter = (*Store)(nil)
	_ driver.Mover      = (*Store)(nil)
)

// New returns a store over rdb, which must be a [*redis.Client]: a cluster or a
// ring gives an error that wraps errors.ErrUnsupported. It makes no round trip.
//
// Call it before rdb is used. It changes two of rdb's options: OnConnect, which
// still calls what was there, checks the server's history (see the package
// documentation), and ContextTimeoutEnabled is set, so that deadlines hold.
//
// The store does not close rdb.
func New(rdb redis.UniversalClient, opts *Options) (*Store, error) {
	s, err := newStore(rdb, opts)
	if err != nil {
		return nil, err
	}
	s.watchHistory()
	return s, nil
}

// newStore is New without the check of the server's history.
func newStore(rdb redis.UniversalClient, opts *Options) (*Store, error) {
	client, ok := rdb.(*redis.Client)
	if !ok {
		return nil, fmt.Errorf("redisstore: %T: only one primary (*redis.Client) is supported: %w", rdb, errors.ErrUnsupported)
	}
	if client == nil {
		return nil, errors.New("redisstore: the client is nil")
	}
	namespace := defaultNamespace
	if opts != nil && opts.Namespace != "" {
		namespace = opts.Namespace
	}
	if err := checkNamespace(namespace); err != nil {
		return nil, fmt.Errorf("redisstore: Options.Namespace: %w", err)
	}
	loaded, err := loadScripts()
	if err != nil {
		return nil, err
	}
	client.Options().ContextTimeoutEnabled = true
	s := &Store{
		rdb: client, prefix: namespace + ":", meta: namespace + "!meta", maxFields: maxTagFields, scripts: loaded,
		sizes: sizes{from: large, seed: maphash.MakeSeed()},
	}
	s.history.Store(new(string))
	s.guess.Store(new([]string))
	return s, nil
}

func checkNamespace(ns string) error {
	if ok, _ := regexp.MatchString(`^[A-Za-z0-9._-]{1,64}$`, ns); !ok {
		return errors.New(`a namespace is 1 to 64 of A-Z, a-z, 0-9, ".", "_" and "-"`)
	}
	return nil
}

// name is the name under which the server knows key.
func (s *Store) name(key driver.Key) string { return s.prefix + key.Scope + key.Name }

// Ping asks the server whether it answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	return wrap(ctx, s.rdb.Ping(ctx).Err())
}

// Close closes the client if [Open] made it: calls that are under way then
// fail. All other methods return driver.ErrClosed afterwards.
func (s *Store) Close(context.Context) error {
	if s.closed.Swap(true) || !s.owned {
		return nil
	}
	if err := s.rdb.Close(); err != nil && !errors.Is(err, redis.ErrClosed) {
		return fmt.Errorf("redisstore: close: %w", err)
	}
	return nil
}
