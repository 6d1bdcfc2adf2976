package sessionstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stratacache/strata/cache"
)

// ErrDeleted: the session was deleted while the request that saves it was
// running.
var ErrDeleted = errors.New("sessionstore: the session was deleted during the request")

// errContended: others saved the session again and again meanwhile.
var errContended = errors.New("sessionstore: the session is being written by too many")

// Options configure a [Store]. The zero value, and nil, work.
type Options struct {
	// Prefix sets sessions apart within the cache. Default "session".
	Prefix string
	// Timeout bounds the methods without a context. Default 5 s.
	Timeout time.Duration
	// Grave is how long it is remembered that a session was deleted: longer than
	// any request takes. Default 10 minutes.
	Grave time.Duration
}

const (
	// A session's token has 128 bits or more; what is shorter or longer than
	// these bounds was not made by us and is no session.
	minToken = 8
	maxToken = 256

	// maxTries bounds how often a session is written anew because another write
	// came between.
	maxTries = 10

	live = 'S' // before a session's bytes
	dead = 'D' // in place of a deleted one
)

// Store keeps sessions. It is safe for concurrent use, owns nothing, and needs no
// closing.
type Store struct {
	cache   cache.Cache
	timeout time.Duration
	grave   time.Duration
}

// New returns a store over c. A nil opts is the zero Options.
func New(c cache.Cache, opts *Options) (*Store, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Prefix == "" {
		o.Prefix = "session"
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	if o.Grave == 0 {
		o.Grave = 10 * time.Minute
	}
	switch {
	case c == nil:
		return nil, errors.New("sessionstore.New: the cache is nil")
	case o.Timeout < 0:
		return nil, fmt.Errorf("sessionstore.Options.Timeout is %v", o.Timeout)
	case o.Grave < 0:
		return nil, fmt.Errorf("sessionstore.Options.Grave is %v", o.Grave)
	}
	return &Store{cache: c.WithPrefix(o.Prefix), timeout: o.Timeout, grave: o.Grave}, nil
}

// FindCtx returns a session's bytes. found is false if there is no such session,
// it has ended or was deleted; err is an outage.
func (s *Store) FindCtx(ctx context.Context, token string) (b []byte, found bool, err error) {
	ctx = apart(ctx)
	if !plausible(token) {
		return nil, false, nil
	}
	b, alive, err := s.read(ctx, token)
	if err != nil {
		return nil, false, fmt.Errorf("sessionstore: find: %w", err)
	}
	return b, alive, nil
}

// CommitCtx saves a session until expiry, new or not: the last writer wins. A
// session that was deleted is not saved again: that is ErrDeleted. One whose
// expiry is past is removed.
func (s *Store) CommitCtx(ctx context.Context, token string, b []byte, expiry time.Time) error {
	ctx = apart(ctx)
	if !plausible(token) {
		return fmt.Errorf("sessionstore: commit: %d bytes are no token", len(token))
	}
	ttl := time.Until(expiry)
	if ttl <= 0 {
		return s.DeleteCtx(ctx, token)
	}
	value := append(make([]byte, 0, len(b)+1), live)
	value = append(value, b...)
	for range maxTries {
		// Under a fence, so that a deletion between our look and our write wins.
		fence, err := s.cache.Fence(ctx, token)
		if err != nil {
			return fmt.Errorf("sessionstore: commit: %w", err)
		}
		current, err := s.cache.Get(ctx, token)
		switch {
		case err == nil && isDead(current):
			return ErrDeleted
		case err != nil && !errors.Is(err, cache.ErrMiss):
			return fmt.Errorf("sessionstore: commit: %w", err)
		}
		stored, err := s.cache.Fill(ctx, token, value, fence, cache.TTL(ttl))
		if err != nil {
			return fmt.Errorf("sessionstore: commit: %w", err)
		}
		if stored {
			return nil
		}
	}
	return errContended
}

// DeleteCtx removes a session. One that is not there is no error.
func (s *Store) DeleteCtx(ctx context.Context, token string) error {
	ctx = apart(ctx)
	if !plausible(token) {
		return nil
	}
	if err := s.cache.Set(ctx, token, []byte{dead}, cache.TTL(s.grave)); err != nil {
		return fmt.Errorf("sessionstore: delete: %w", err)
	}
	return nil
}

// apart returns ctx as one outside of the transaction that it may be in: a session
// is no row of its, and is read and saved whether it commits or not.
func apart(ctx context.Context) context.Context { return cache.WithAccess(ctx, nil) }

// read returns a session's bytes; alive is false for one that is not there.
func (s *Store) read(ctx context.Context, token string) (b []byte, alive bool, err error) {
	value, err := s.cache.Get(ctx, token)
	switch {
	case errors.Is(err, cache.ErrMiss):
		return nil, false, nil
	case err != nil:
		return nil, false, err
	case len(value) == 0 || value[0] != live:
		return nil, false, nil
	}
	return value[1:], true, nil
}

func isDead(value []byte) bool { return len(value) == 1 && value[0] == dead }

// plausible tells what can be a token from what a client made up.
func plausible(token string) bool { return len(token) >= minToken && len(token) <= maxToken }

// Find is FindCtx without a context.
func (s *Store) Find(token string) (b []byte, found bool, err error) {
	ctx, cancel := s.background()
	defer cancel()
	return s.FindCtx(ctx, token)
}

// Commit is CommitCtx without a context.
func (s *Store) Commit(token string, b []byte, expiry time.Time) error {
	ctx, cancel := s.background()
	defer cancel()
	return s.CommitCtx(ctx, token, b, expiry)
}

// Delete is DeleteCtx without a context.
func (s *Store) Delete(token string) error {
	ctx, cancel := s.background()
	defer cancel()
	return s.DeleteCtx(ctx, token)
}

func (s *Store) background() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), s.timeout)
}
