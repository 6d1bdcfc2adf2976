package redisstore

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

// Get is GetMany of one key: a hit whose tags are known is one round trip.
func (c *cluster) Get(ctx context.Context, key driver.Key, hold time.Duration) (driver.Reading, error) {
	rs, err := c.GetMany(ctx, []driver.Key{key}, hold)
	if err != nil {
		return driver.Reading{}, err
	}
	return rs[0].Reading, rs[0].Err
}

// GetMany reads the keys with plain commands, in parallel from their shards and
// beside the meta record. Placeholders take a second round trip.
func (c *cluster) GetMany(ctx context.Context, keys []driver.Key, hold time.Duration) ([]driver.KeyReading, error) {
	if err := c.begin(ctx); err != nil {
		return nil, c.failed(ctx, err)
	}
	out := make([]driver.KeyReading, len(keys))
	which := make([]int, len(keys))
	for i := range which {
		which[i] = i
	}
	for range moveAttempts {
		if err := c.read(ctx, keys, out, which); err != nil {
			return nil, c.failed(ctx, err)
		}
		if hold <= 0 {
			for i, r := range out {
				if errors.Is(r.Odd, driver.ErrCorrupt) {
					out[i].Fence.Token, _ = c.drop(ctx, c.rdb, keys[i], r.Fence.Token, 0)
				}
			}
			return out, nil
		}
		if which = c.plant(ctx, keys, out, which, hold); len(which) == 0 {
			return out, nil
		}
	}
	for _, i := range which {
		out[i] = driver.KeyReading{Err: errBusyKey}
	}
	return out, nil
}

var errBusyKey = errors.New("redisstore: the entry keeps changing")

// read reads those keys that which names into out.
func (c *cluster) read(ctx context.Context, keys []driver.Key, out []driver.KeyReading, which []int) error {
	cmds := make([]redis.Cmder, len(which))
	for j, i := range which {
		cmds[j] = redis.NewStringCmd(ctx, "get", c.name(keys[i]))
	}
	rec, before, err := c.look(ctx, *c.guess.Load(), cmds)
	if err != nil {
		return err
	}
	readings := make([]driver.KeyReading, len(which))
	for j, i := range which {
		text, err := cmds[j].(*redis.StringCmd).Result()
		switch {
		case redis.HasErrorPrefix(err, "WRONGTYPE"):
			readings[j].Reading = driver.Reading{Fence: driver.Fence{Stamp: rec.clock}, Odd: driver.ErrForeign}
		case err != nil && !errors.Is(err, redis.Nil):
			readings[j].Err = c.failed(ctx, err)
		default:
			readings[j].Fence.Stamp = rec.clock
			if err == nil {
				plainReading(&readings[j].Reading, keys[i], bytesOf(text))
			}
		}
	}
	if err := c.checkTags(ctx, c.rdb, rec, readings); err != nil {
		return err
	}
	for j, i := range which {
		if e := readings[j].Entry; e != nil {
			// An entry reflects all that was invalidated before it was read, and before
			// its own load. (To a load that begins now the later clock applies.)
			readings[j].Fence.Stamp = before
			readings[j].Fence.Stamp.N = max(before.N, e.Stamp.N)
		}
		out[i] = readings[j]
	}
	return nil
}

// plant plants placeholders where nothing valid was found, and returns those
// keys under which an entry was stored meanwhile.
func (c *cluster) plant(ctx context.Context, keys []driver.Key, out []driver.KeyReading, which []int, hold time.Duration) (again []int) {
	var jobs []job
	var of []int
	for _, i := range which {
		r := &out[i]
		if r.Entry != nil || r.Err != nil || errors.Is(r.Odd, driver.ErrNewer) {
			continue
		}
		args := planting(append(newArgs(1, 3), c.name(keys[i])), hold)
		jobs = append(jobs, job{script: &c.scripts.shardPlant, args: append(args, fence(r.Fence.Token))})
		of = append(of, i)
	}
	c.run(ctx, jobs)
	for j, i := range of {
		body, _ := jobs[j].cmd.Val().(string)
		switch {
		case jobs[j].err != nil:
			out[i] = driver.KeyReading{Err: c.failed(ctx, jobs[j].err)}
		case body == "E":
			again = append(again, i)
		case len(body) < 2:
			out[i] = driver.KeyReading{Err: errReply}
		default:
			odd := out[i].Odd
			out[i].Reading = noEntry(out[i].Fence.Stamp, bytesOf(body))
			if body[0] == 'I' {
				out[i].Odd = odd // what the client found, the script cannot tell
			}
		}
	}
	return again
}

// standing is what the client has judged of what stands under a key.
type standing struct {
	live  *driver.Entry // without its payload; nil if nothing live stands
	token driver.Token  // of an entry or placeholder, live or not
	// parts are the clock and the tags of the entry, by which a script knows it.
	parts [2][]byte
	clock driver.Stamp
}

// stands reads the head of what stands under key, and judges it. Like a script
// of a single server, it takes no notice of the payload.
func (c *cluster) stands(ctx context.Context, key driver.Key) (standing, error) {
	var s standing
	length := 1 << 10 // enough for most
	for {
		cmd := redis.NewStringCmd(ctx, "getrange", c.name(key), 0, length-1)
		rec, _, err := c.look(ctx, *c.guess.Load(), []redis.Cmder{cmd})
		if err != nil {
			return s, err
		}
		s.clock = rec.clock
		text, err := cmd.Result()
		if redis.HasErrorPrefix(err, "WRONGTYPE") {
			return s, nil
		}
		if err != nil {
			return s, err
		}
		s.token = envelope.Token(bytesOf(text))
		e, parts, need := parseHead(bytesOf(text))
		if need > length {
			length = need
			continue
		}
		if e == nil || e.Stamp.Epoch != rec.clock.Epoch || e.Kind == driver.Negative {
			return s, nil
		}
		judged := []driver.KeyReading{{Reading: driver.Reading{Entry: e}}}
		if err := c.checkTags(ctx, c.rdb, rec, judged); err != nil {
			return s, err
		}
		if judged[0].Live() {
			s.live, s.parts = e, parts
		}
		return s, nil
	}
}
