package redisstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/cache/driver"
)

// watchHistory has each new connection compare the server's history with the
// one in the meta record, before anything else is sent on it. A connection
// whose check fails is not used.
func (s *primary) watchHistory() {
	opts := s.rdb.Options()
	before := opts.OnConnect
	opts.OnConnect = func(ctx context.Context, cn *redis.Conn) error {
		if before != nil {
			if err := before(ctx, cn); err != nil {
				return err
			}
		}
		return s.checkHistory(ctx, cn)
	}
	if stats := s.rdb.PoolStats(); stats.Hits+stats.Misses > 0 {
		s.unchecked.Store(true)
	}
}

// checkOnce checks the history for connections that are older than the store.
// Callers that come together each do it, which is harmless.
func (s *primary) checkOnce(ctx context.Context) error {
	if !s.unchecked.Load() {
		return nil
	}
	if err := s.checkHistory(ctx, s.rdb); err != nil {
		return err
	}
	s.unchecked.Store(false)
	return nil
}

func (s *primary) checkHistory(ctx context.Context, p processor) error {
	id, _, err := historyID(ctx, p)
	if err != nil {
		return err
	}
	s.history.Store(&id)
	if id == "" {
		return nil
	}
	return s.record(ctx, p, id, "1")
}

// historyID is short for the server's run id and replication id. Both are
// needed: a restart changes the first, a promotion the second. It is "" if the
// server does not tell them. replica says that it follows another one.
func historyID(ctx context.Context, p processor) (id string, replica bool, err error) {
	cmds, _ := p.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Info(ctx, "server")
		p.Info(ctx, "replication")
		return nil
	})
	var run, repl string
	for _, cmd := range cmds {
		if err := cmd.Err(); err != nil {
			if refused(err) {
				return "", false, nil
			}
			return "", false, err
		}
		info, ok := cmd.(*redis.StringCmd)
		if !ok {
			continue
		}
		for line := range strings.Lines(info.Val()) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
			switch name {
			case "run_id":
				run = value
			case "master_replid":
				repl = value
			case "role":
				replica = value == "slave"
			}
		}
	}
	if run == "" || repl == "" {
		return "", replica, nil
	}
	sum := sha256.Sum256([]byte(run + " " + repl))
	return string(sum[:8]), replica, nil
}

// refused reports whether the server answered that it does not do that, and
// not that it cannot now (LOADING, BUSY, …).
func refused(err error) bool {
	var reply redis.Error
	if !errors.As(err, &reply) || errors.Is(err, redis.Nil) {
		return false
	}
	code, _, _ := strings.Cut(reply.Error(), " ")
	return code == "NOPERM" || code == "ERR" || code != strings.ToUpper(code)
}

// makeRecord makes a meta record unless somebody else just did.
func (s *primary) makeRecord(ctx context.Context) error {
	return s.record(ctx, s.rdb, *s.history.Load(), "0")
}

func (s *primary) record(ctx context.Context, p processor, history, mustMatch string) error {
	_, err := evalOnce(ctx, p, &s.scripts.record, append(newArgs(1, 3), s.meta, newEpoch(), history, mustMatch), true)
	return err
}

// newEpoch is random, like a token.
func newEpoch() string { return string(tokenBytes(driver.NewToken())) }
