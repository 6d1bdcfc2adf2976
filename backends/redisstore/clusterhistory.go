package redisstore

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// maxKnown bounds the ids that a client remembers.
const maxKnown = 512

var errReplica = errors.New("redisstore: the node is a replica")

// hook has each connection of each node checked, before anything else is sent
// on it. A connection whose check fails is not used.
func (c *cluster) hook(next func(*redis.Options) *redis.Client) func(*redis.Options) *redis.Client {
	return func(opts *redis.Options) *redis.Client {
		plain := *opts
		opts.OnConnect = func(ctx context.Context, cn *redis.Conn) error {
			if plain.OnConnect != nil {
				if err := plain.OnConnect(ctx, cn); err != nil {
					return err
				}
			}
			return c.check(ctx, cn, plain)
		}
		node := next(opts)
		if !c.hooked.Load() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.nodes[node] = true
		}
		return node
	}
}

// begin makes sure, once, that no node was made before the store.
func (c *cluster) begin(ctx context.Context) error {
	if c.hooked.Load() {
		return nil
	}
	err := c.rdb.ForEachShard(ctx, func(_ context.Context, node *redis.Client) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.nodes[node] && !c.hooked.Load() {
			return errors.New("the cluster client was used before the store was made with it")
		}
		return nil
	})
	if err == nil {
		c.hooked.Store(true) // all that are made from now on come by way of hook
	}
	return err
}

// check compares the history of the server behind cn with those in the meta
// record, where every shard's is, and starts a new epoch if it is not there: a
// server that came back, or took over, may have forgotten what was invalidated.
//
// Replicas are refused. One that is promoted keeps its connections, and what is
// sent on them then would not have been checked.
func (c *cluster) check(ctx context.Context, cn *redis.Conn, node redis.Options) error {
	id, replica, err := historyID(ctx, cn)
	if err != nil {
		return err
	}
	if replica {
		return errReplica
	}
	if id != "" {
		unknown, err := c.atRecord(ctx, cn, node, c.historyArgs("", id))
		if err != nil {
			return err
		}
		c.remember(id)
		if unknown {
			c.gather(ctx, cn, node)
			if _, err := c.atRecord(ctx, cn, node, c.historyArgs(newEpoch(), id)); err != nil {
				return err
			}
		}
	}
	c.connections.Add(1)
	return nil
}

// gather remembers the histories of all shards, so that a new epoch knows them.
// One that does not answer begins yet another epoch when it does.
func (c *cluster) gather(ctx context.Context, cn *redis.Conn, node redis.Options) {
	//lint:ignore SA1019 servers before 7.0 know nothing else
	slots, err := cn.ClusterSlots(ctx).Result()
	if err != nil {
		return
	}
	asked := make(map[string]bool)
	var wg sync.WaitGroup
	for _, s := range slots {
		if len(s.Nodes) == 0 || asked[s.Nodes[0].Addr] {
			continue
		}
		asked[s.Nodes[0].Addr] = true
		wg.Go(func() {
			rdb := redis.NewClient(elsewhere(node, s.Nodes[0].Addr))
			defer rdb.Close()
			if id, replica, err := historyID(ctx, rdb); err == nil && id != "" && !replica {
				c.remember(id)
			}
		})
	}
	wg.Wait()
}

// makeRecord makes a meta record unless somebody else just did.
func (c *cluster) makeRecord(ctx context.Context) error {
	_ = c.rdb.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		if id, _, err := historyID(ctx, node); err == nil && id != "" {
			c.remember(id)
		}
		return nil
	})
	_, err := evalOnce(ctx, c.rdb, &c.scripts.histories, c.historyArgs(newEpoch(), ""), true)
	return err
}

// atRecord runs the script of histories where the meta record is: on cn, or
// where that sends it. There it takes a connection of its own, because one of
// the client's might have to be checked by way of this one.
func (c *cluster) atRecord(ctx context.Context, cn *redis.Conn, node redis.Options, args []any) (unknown bool, err error) {
	reply, err := evalOnce(ctx, cn, &c.scripts.histories, args, true)
	for range recordAttempts {
		addr, moved := redis.IsMovedError(err)
		ask := false
		if !moved {
			addr, ask = redis.IsAskError(err)
		}
		if !moved && !ask {
			break
		}
		reply, err = c.direct(ctx, elsewhere(node, addr), ask, args)
	}
	return reply == int64(1), err
}

func (c *cluster) direct(ctx context.Context, opts *redis.Options, ask bool, args []any) (any, error) {
	rdb := redis.NewClient(opts)
	defer rdb.Close()
	args[0], args[1] = "eval", c.scripts.histories.source
	cmd := redis.NewCmd(ctx, args...)
	_, _ = rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		if ask {
			_ = p.Process(ctx, redis.NewCmd(ctx, "asking"))
		}
		return p.Process(ctx, cmd)
	})
	return cmd.Result()
}

// elsewhere are the options of node for one connection to addr, of which only
// the port is given if the host is the same.
func elsewhere(node redis.Options, addr string) *redis.Options {
	if strings.HasPrefix(addr, ":") {
		host, _, _ := net.SplitHostPort(node.Addr)
		addr = host + addr
	}
	node.Addr, node.PoolSize, node.MinIdleConns = addr, 1, 0
	return &node
}

// historyArgs are the arguments of the script of histories.
func (c *cluster) historyArgs(epoch, id string) []any {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append(newArgs(1, 3), c.meta, epoch, id, strings.Join(c.known, ""))
}

// remember keeps the id of a history for the records that this client makes.
func (c *cluster) remember(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if slices.Contains(c.known, id) {
		return
	}
	if len(c.known) == maxKnown {
		c.known = slices.Delete(c.known, 0, 1)
	}
	c.known = append(c.known, id)
}
