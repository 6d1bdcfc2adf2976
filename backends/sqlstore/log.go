package sqlstore

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

const (
	// logBatch is how many rows one reading brings.
	logBatch = 1000
	// logRenew is after how long the sign is renewed that somebody reads; it stands
	// for at least five minutes more.
	logRenew = 2 * time.Minute
	// logPoll is how long, about, a reading waits that nobody wakes before it looks.
	logPoll = 500 * time.Millisecond
	// logRest is the least time between a reading that found something, and the
	// next one: what happens in a storm is read together.
	logRest = 5 * time.Millisecond
)

// logState is what a store knows of its log.
type logState struct {
	poll    time.Duration // logPoll, but in tests
	began   time.Time     // before all that follows
	renewed atomic.Int64  // when the sign is to be renewed, since began
	found   atomic.Int64  // when something was read, since began
}

// KeepsLog implements driver.LogKeeper: PostgreSQL does.
func (s *Store) KeepsLog() bool { return s.dialect == PostgreSQL }

// ReadLog implements driver.LogReader, in PostgreSQL. The log is a table to which
// the statements that advance the clock add while somebody reads it: the first
// reading begins it, and ten minutes after the last it ends.
//
// Whoever waits is woken by NOTIFY, and looks twice a second where that does not
// come: see "Log" in the package documentation.
func (s *Store) ReadLog(ctx context.Context, after driver.Stamp, wait time.Duration) (driver.LogReading, error) {
	if !s.KeepsLog() {
		return driver.LogReading{}, fmt.Errorf("sqlstore: read log: %v: %w", s.dialect, errors.ErrUnsupported)
	}
	deadline := time.Now().Add(wait)
	s.listen()
	if wait > 0 {
		pause(ctx, min(time.Duration(s.log.found.Load())+logRest-time.Since(s.log.began), wait/2))
	}
	for {
		woken := s.listener.next() // before looking: what comes later wakes
		r, err := s.readLog(ctx, after)
		left := time.Until(deadline)
		if err != nil || !r.Complete || len(r.Changes) > 0 || left <= 0 {
			return r, err
		}
		timer := time.NewTimer(min(left, s.log.poll/2+rand.N(s.log.poll)))
		select {
		case <-woken:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		switch {
		case ctx.Err() != nil:
			return driver.LogReading{}, wrap(ctx, "read log", ctx.Err())
		case !time.Now().Before(deadline):
			return r, nil // of when it looked
		}
	}
}

// readLog looks once. Where something is missing it sees to it that nothing will
// be from now on.
func (s *Store) readLog(ctx context.Context, after driver.Stamp) (driver.LogReading, error) {
	if s.log.renewed.Load() < int64(time.Since(s.log.began)) {
		if err := s.follow(ctx); err != nil {
			return driver.LogReading{}, err
		}
	}
	r, err := s.changes(ctx, after)
	if err == nil && !r.Complete {
		if err = s.follow(ctx); err == nil {
			r, err = s.changes(ctx, driver.Stamp{})
		}
	}
	if len(r.Changes) > 0 {
		s.log.found.Store(int64(time.Since(s.log.began)))
	}
	return r, err
}

// follow leaves the sign that somebody reads. It waits for no writer, and none
// waits for it.
func (s *Store) follow(ctx context.Context) error {
	err := s.run(ctx, "follow", func(c session) error {
		_, err := c.exec(ctx, "follow", new(params))
		return err
	})
	if err == nil {
		s.log.renewed.Store(int64(time.Since(s.log.began) + logRenew/2 + rand.N(logRenew)))
	}
	return err
}

// changes reads what came after a position, and the clock: in one statement, so
// that neither is without the other.
func (s *Store) changes(ctx context.Context, after driver.Stamp) (driver.LogReading, error) {
	var out driver.LogReading
	err := s.run(ctx, "read log", func(c session) error {
		rows, err := c.query(ctx, "changes", &params{fence: after, limit: logBatch})
		if err != nil {
			return err
		}
		defer rows.Close()
		out = driver.LogReading{Clock: after, Complete: true}
		var clock driver.Stamp
		found := 0
		for rows.Next() {
			var epoch, now int64
			var n, count sql.NullInt64
			var names, tags sql.NullString
			if err := rows.Scan(&epoch, &now, &n, &count, &names, &tags); err != nil {
				return err
			}
			clock = s.stamp(epoch, now)
			if n.Valid {
				found++
				out.Complete = out.Complete && addChanges(&out, uint64(n.Int64), uint64(count.Int64), names, tags.String)
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
		if clock.Epoch == 0 {
			return errNoRecord
		}
		if !out.Complete || found < logBatch && out.Clock != clock {
			out = driver.LogReading{Clock: clock}
		}
		out.More = out.Complete && found == logBatch
		return nil
	})
	return out, err
}

// addChanges adds what a row tells, or reports that something is missing: before
// it, or of it. Of several numbers, which were one step, each has one key, or the
// last has all.
func addChanges(out *driver.LogReading, n, count uint64, names sql.NullString, tags string) bool {
	if !names.Valid || count == 0 || out.Clock.N+count != n {
		return false
	}
	keys, ok := unlist(names.String)
	dropped, ok2 := unlist(tags)
	if !ok || !ok2 {
		return false
	}
	for _, k := range keys {
		if len(k) > maxName {
			return false // nobody knows what it was: see nameOf
		}
	}
	each := uint64(len(keys)) <= count && len(dropped) == 0
	for before := out.Clock.N + 1; before < n; before++ {
		c := driver.Change{N: before}
		if each && len(keys) > 0 {
			c.Keys, keys = keys[:1], keys[1:]
		}
		out.Changes = append(out.Changes, c)
	}
	out.Clock.N = n
	out.Changes = append(out.Changes, driver.Change{N: n, Keys: keys, Tags: dropped})
	return true
}

// unlist reads hexadecimal words, each with a space after it.
func unlist(text string) ([]string, bool) {
	var out []string
	for text != "" {
		word, rest, found := strings.Cut(text, " ")
		raw, err := hex.DecodeString(word)
		if !found || err != nil {
			return nil, false
		}
		out, text = append(out, string(raw)), rest
	}
	return out, true
}
