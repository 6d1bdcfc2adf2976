package filestore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// Store is a driver.Store in a directory. It also reads many keys at once, and
// moves entries. Make one with [New].
type Store struct {
	opts   Options
	dir    string // of the namespace
	meta   *meta
	sweep  *sweeper
	closed atomic.Bool
	count  count
	// evicting is held by who makes room: one in each process.
	evicting sync.Mutex
	// leftoverAge is that of sweep.go, but in tests.
	leftoverAge time.Duration
}

var (
	_ driver.Store      = (*Store)(nil)
	_ driver.ManyGetter = (*Store)(nil)
	_ driver.Mover      = (*Store)(nil)
)

// New returns a store over a directory, which it makes if it is not there; opts
// may be nil. A relative path is taken from the working directory as it is now.
// See [CheckLocation] for where a cache should not lie.
//
// Where the system has no locks between processes the error wraps
// errors.ErrUnsupported.
func New(dir string, opts *Options) (*Store, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	if !supported {
		return nil, fmt.Errorf("filestore: locks between processes: %w", errors.ErrUnsupported)
	}
	if dir == "" {
		return nil, errors.New("filestore: no directory is given")
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, fmt.Errorf("filestore: %w", err)
	}
	var boot [16]byte
	if !o.Sync {
		if boot, err = bootID(); err != nil {
			return nil, fmt.Errorf("filestore: this system does not tell one boot from another, so Options.Sync must be set: %w", err)
		}
	}
	s := &Store{opts: o, dir: filepath.Join(dir, folderName(o.Namespace)), leftoverAge: leftoverAge}
	if err := makeDir(s.dir); err != nil {
		return nil, fmt.Errorf("filestore: %w", err)
	}
	if info, err := os.Stat(s.dir); err != nil {
		return nil, fmt.Errorf("filestore: %w", err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("filestore: %s is not a directory", s.dir)
	}
	s.meta = newMeta(s.dir, boot, o.Sync)
	s.sweep = startSweeper(o.Sweep, s.sweepAll)
	return s, nil
}

// begin is the beginning of every call.
func (s *Store) begin(ctx context.Context) error {
	if s.closed.Load() {
		return driver.ErrClosed
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// wrap says where an error comes from. Sentinels, and those of a context, are
// returned as they are.
func (s *Store) wrap(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrClosed) && s.closed.Load():
		return driver.ErrClosed
	}
	for _, sentinel := range []error{driver.ErrMiss, driver.ErrNotInteger, driver.ErrOverflow, driver.ErrTooLarge, driver.ErrClosed} {
		if err == sentinel {
			return err
		}
	}
	return fmt.Errorf("filestore: %s: %w", op, err)
}

// Ping reads the meta record, and makes one if there is none.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	_, err := s.meta.read(ctx)
	return s.wrap("ping", err)
}

// Close ends the sweeper and closes the files. It waits until ctx ends for the
// sweeper, and for the step that has the lock.
func (s *Store) Close(ctx context.Context) error {
	s.closed.Store(true)
	err := s.sweep.close(ctx)
	select {
	case s.meta.turn <- struct{}{}:
		defer func() { <-s.meta.turn }()
	case <-ctx.Done():
		err = errors.Join(err, context.Cause(ctx))
	}
	return s.wrap("close", errors.Join(err, s.meta.close()))
}
