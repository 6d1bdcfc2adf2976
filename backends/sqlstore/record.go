package sqlstore

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// errNoRecord says that there is no meta record, or that it was made in another
// run of the server (or, in MySQL, on another connection: see history).
var errNoRecord = errors.New("there is no meta record")

const (
	// attempts is how often a call begins again because what it had read changed.
	attempts = 12
	// patience is how long it does because the database gave way to others.
	patience = 5 * time.Second
)

// run does f, again where the database gave way to somebody else, and after
// having made the meta record where there was none.
func (s *Store) run(ctx context.Context, op string, f func(session) error) error {
	if s.closed.Load() {
		return driver.ErrClosed
	}
	if s.create && !s.created.Load() {
		if err := s.createOnce(ctx); err != nil {
			return err
		}
	}
	began := time.Now()
	err := s.once(ctx, op, f)
	missing := false // and is made before f, however often that gives way
	counted := 0     // of the attempts; those that gave way are bounded by time
	for attempt := 1; err != nil && ctx.Err() == nil; attempt++ {
		switch {
		case gaveWay(err) && time.Since(began) < patience:
		case errors.Is(err, errNoRecord) && counted < attempts:
			missing = true
			counted++
		case errors.Is(err, errChanged) && counted < attempts:
			missing = false
			counted++
		default:
			return s.finish(ctx, op, err)
		}
		if attempt > 1 || !errors.Is(err, errNoRecord) {
			pause(ctx, rand.N(time.Millisecond<<min(attempt, 5)))
		}
		if missing {
			err = s.withRecord(ctx, f)
		} else {
			err = s.once(ctx, op, f)
		}
	}
	return s.finish(ctx, op, err)
}

// once does f where statements of this store run.
func (s *Store) once(ctx context.Context, op string, f func(session) error) error {
	if s.pin == nil {
		return f(session{s: s})
	}
	return s.pin.use(ctx, func() error { return f(session{s: s, pin: s.pin, long: op == sweeping}) })
}

// finish says what failed. A statement that was closed is one of a store that
// was.
func (s *Store) finish(ctx context.Context, op string, err error) error {
	if err != nil && s.closed.Load() {
		return driver.ErrClosed
	}
	return wrap(ctx, op, err)
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// withRecord makes the record unless somebody else just did, and does f on the
// same connection.
func (s *Store) withRecord(ctx context.Context, f func(session) error) error {
	if s.pin != nil {
		return s.pin.use(ctx, func() error {
			c := session{s: s, pin: s.pin}
			if err := c.record(ctx); err != nil {
				return err
			}
			return f(c)
		})
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	c := session{s: s, conn: conn}
	if err := c.record(ctx); err != nil {
		return err
	}
	return f(c)
}

// record makes the meta record, with a new epoch, if there is none of this run
// of the server. What MySQL knows of its run is asked once for each connection.
func (c session) record(ctx context.Context) error {
	p := &params{fence: driver.Stamp{Epoch: uint64(newToken())}}
	if c.s.dialect == MySQL {
		if _, err := c.exec(ctx, "history", p); err != nil {
			return fmt.Errorf("asking for the server's history: %w", err)
		}
		var mariadb column64
		if _, err := c.one(ctx, "mariadb", p, &mariadb); err != nil {
			return fmt.Errorf("asking for the server's version: %w", err)
		}
		c.s.mariadb.Store(mariadb != 0)
	}
	// Reading first: making it would wait for whoever advances the clock now.
	if _, err := c.clock(ctx); !errors.Is(err, errNoRecord) {
		return err
	}
	if _, err := c.exec(ctx, "record", p); err != nil {
		return err
	}
	c.s.sweeper.invalid.Store(true)
	_, err := c.clock(ctx)
	return err
}

// clock reads the clock.
func (c session) clock(ctx context.Context) (driver.Stamp, error) {
	var epoch, n int64
	ok, err := c.one(ctx, "clock", new(params), &epoch, &n)
	if err == nil && !ok {
		err = errNoRecord
	}
	return c.s.stamp(epoch, n), err
}

// stamp is a clock that was read.
func (s *Store) stamp(epoch, n int64) driver.Stamp {
	if e := uint64(epoch); e != 0 && s.epoch.Load() != e {
		s.epoch.Store(e)
	}
	return driver.Stamp{Epoch: uint64(epoch), N: uint64(n)}
}

// bootID is a number of this run of the machine, or 0 where the system does not
// tell. After a power cut, SQLite may have forgotten its last commits.
func bootID() int64 {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return 0
	}
	sum := sha256.Sum256(id)
	return int64(binary.BigEndian.Uint64(sum[:]))
}
