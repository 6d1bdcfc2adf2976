package redisstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/cache/driver"
)

// cluster is a namespace whose entries are spread over the shards of a Redis
// Cluster, while its meta record is on one of them. A script sees only one of
// the two. So a step does its effect on the entry's shard first and advances
// the clock then, and what a step depends on is judged here: an entry by its
// clock and tags, which the script then finds unchanged.
type cluster struct {
	space
	rdb *redis.ClusterClient

	// seen is a clock that was seen lately; nil at first.
	seen atomic.Pointer[sighting]
	// connections counts the connections whose server's history was checked.
	connections atomic.Uint64
	// hooked says that all nodes of the client check it.
	hooked atomic.Bool

	mu    sync.Mutex
	nodes map[*redis.Client]bool // those that check the history
	known []string               // ids of histories
}

// sighting is a clock and when it was seen.
type sighting struct {
	clock driver.Stamp
	at    time.Time
}

func newCluster(rdb *redis.ClusterClient, namespace string) (*cluster, error) {
	opts := rdb.Options()
	if opts.ReadOnly || opts.RouteByLatency || opts.RouteRandomly {
		return nil, fmt.Errorf("redisstore: a cluster client that reads from replicas: %w", errors.ErrUnsupported)
	}
	c := &cluster{rdb: rdb, nodes: make(map[*redis.Client]bool)}
	// "{}" first in a key says that all of it is hashed: braces in keys of
	// applications can then neither gather keys on one shard nor tear them apart.
	if err := c.init(namespace+":{}", "{"+namespace+"}!meta"); err != nil {
		return nil, err
	}
	opts.ContextTimeoutEnabled = true
	opts.NewClient = c.hook(opts.NewClient)
	return c, nil
}

// recent is a clock that was seen no longer than maxAge ago.
func (c *cluster) recent() (driver.Stamp, bool) {
	// Any clock that was ever seen is safe: as the stamp of a reading or of a load
	// it only promises less. An old one costs loads that are refused, because a
	// tag was invalidated since; a read that asks first costs a round trip.
	const maxAge = time.Second
	if s := c.seen.Load(); s != nil && time.Since(s.at) < maxAge {
		return s.clock, true
	}
	return driver.Stamp{}, false
}

// saw remembers a clock.
func (c *cluster) saw(clock driver.Stamp) {
	if s := c.seen.Load(); s != nil && s.clock.Epoch == clock.Epoch {
		clock.N = max(clock.N, s.clock.N)
	}
	c.seen.Store(&sighting{clock, time.Now()})
}

// record reads the record, with the stamps of tags, and makes it if there is
// none.
func (c *cluster) record(ctx context.Context, tags []string) (record, error) {
	for range recordAttempts {
		cmd := c.recordCmd(ctx, tags)
		if err := c.rdb.Process(ctx, cmd); err != nil {
			return record{}, err
		}
		rec, err := readRecord(cmd, tags)
		if err != nil {
			return record{}, err
		}
		if rec.clock.Epoch != 0 {
			c.saw(rec.clock)
			return rec, nil
		}
		if err := c.makeRecord(ctx); err != nil {
			return record{}, err
		}
	}
	return record{}, errNoRecord
}

// look does cmds, each on the shard of its key, and reads the record. before is
// a clock from before the first of cmds.
//
// The record is read beside cmds, and for what it says of tags that is as good
// as after them: what is invalidated during a call may be seen or not. But a
// command may meet a server that has just taken over with old data, and then
// the record must be read when the epoch that this began is in it. That is so if
// no connection was checked meanwhile, since all commands then met servers that
// were known before.
func (c *cluster) look(ctx context.Context, tags []string, cmds []redis.Cmder) (rec record, before driver.Stamp, err error) {
	for range recordAttempts {
		before, ok := c.recent()
		if !ok {
			if rec, err = c.record(ctx, tags); err != nil {
				return record{}, driver.Stamp{}, err
			}
			before = rec.clock
		}
		connections := c.connections.Load()
		meta := c.recordCmd(ctx, tags)
		_, _ = c.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			_ = p.Process(ctx, meta)
			for _, cmd := range cmds {
				_ = p.Process(ctx, cmd)
			}
			return nil
		})
		if err := meta.Err(); err != nil {
			return record{}, driver.Stamp{}, err
		}
		rec, err := readRecord(meta, tags)
		if err != nil {
			return record{}, driver.Stamp{}, err
		}
		if rec.clock.Epoch == 0 || c.connections.Load() != connections {
			if rec, err = c.record(ctx, tags); err != nil {
				return record{}, driver.Stamp{}, err
			}
		}
		c.saw(rec.clock)
		if rec.clock.Epoch == before.Epoch {
			return rec, before, nil
		}
	}
	return record{}, driver.Stamp{}, errNoRecord
}

// advance moves the clock on, by one for each of keys, after everything else of
// a step was done.
func (c *cluster) advance(ctx context.Context, keys ...driver.Key) (driver.Stamp, error) {
	return c.advanceBy(ctx, len(keys), keys...)
}

func (c *cluster) advanceBy(ctx context.Context, by int, keys ...driver.Key) (driver.Stamp, error) {
	clock, _, err := splitReply(c.evalMeta(ctx, &c.scripts.advance, append(newArgs(1, 2), c.meta, by, c.items(keys))))
	return clock, err
}

// evalMeta runs a script on the meta record, which it makes if there is none.
func (c *cluster) evalMeta(ctx context.Context, sc *script, args []any) (any, error) {
	for range recordAttempts {
		reply, err := evalOnce(ctx, c.rdb, sc, args, true)
		if !errors.Is(err, redis.Nil) {
			return reply, err
		}
		if err := c.makeRecord(ctx); err != nil {
			return nil, err
		}
	}
	return nil, errNoRecord
}

// run does jobs in one pipeline for each shard. A script that a shard does not
// know is loaded everywhere, and what needed it is sent again. beside are
// commands that travel with them.
func (c *cluster) run(ctx context.Context, jobs []job, beside ...redis.Cmder) {
	todo := make([]*job, len(jobs))
	for i := range jobs {
		todo[i] = &jobs[i]
	}
	for range recordAttempts {
		_, _ = c.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, cmd := range beside {
				_ = p.Process(ctx, cmd)
			}
			for _, j := range todo {
				j.args[0], j.args[1] = "evalsha", j.script.sha
				j.cmd = redis.NewCmd(ctx, j.args...)
				_ = p.Process(ctx, j.cmd)
			}
			return nil
		})
		var again []*job
		for _, j := range todo {
			if j.err = j.cmd.Err(); redis.HasErrorPrefix(j.err, "NOSCRIPT") {
				again = append(again, j)
			}
		}
		if len(again) == 0 {
			return
		}
		source := again[0].script.source
		// A shard that does not answer keeps its jobs' errors.
		_ = c.rdb.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
			_ = node.Do(ctx, "script", "load", source).Err()
			return nil
		})
		todo, beside = again, nil
	}
}

// failed is how each call ends. After an error that may mean that the cluster
// has changed, the client looks at it anew: by itself it would stay with a
// primary that is gone for a long time.
func (c *cluster) failed(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var reply redis.Error
	changed := !errors.As(err, &reply) || redis.IsClusterDownError(err) || redis.IsReadOnlyError(err)
	if changed && !errors.Is(ctx.Err(), context.Canceled) {
		c.rdb.ReloadState(ctx)
	}
	return wrap(ctx, err)
}

// Ping asks all primaries.
func (c *cluster) Ping(ctx context.Context) error {
	err := c.begin(ctx)
	if err == nil {
		err = c.rdb.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error { return node.Ping(ctx).Err() })
	}
	return c.failed(ctx, err)
}
