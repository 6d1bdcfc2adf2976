package redisstore

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

// Peek is a plain GET.
func (s *primary) Peek(ctx context.Context, key driver.Key) (*driver.Entry, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	return s.peek(ctx, s.rdb, key)
}

// Peek is a plain GET, of the key's shard alone.
func (c *cluster) Peek(ctx context.Context, key driver.Key) (*driver.Entry, error) {
	if err := c.begin(ctx); err != nil {
		return nil, c.failed(ctx, err)
	}
	return c.peek(ctx, c.rdb, key)
}

// Peek leaves it to Get to choose a replica.
func (*replicated) Peek(context.Context, driver.Key) (*driver.Entry, error) { return nil, nil }

// peek takes whatever it reads and cannot use for nothing: Get says what it is.
func (s *space) peek(ctx context.Context, p processor, key driver.Key) (*driver.Entry, error) {
	get := redis.NewStringCmd(ctx, "get", s.name(key))
	if err := p.Process(ctx, get); err != nil {
		if _, replied := errors.AsType[redis.Error](err); replied {
			return nil, nil
		}
		return nil, wrap(ctx, err)
	}
	e, err := envelope.Decode(key, bytesOf(get.Val()))
	if err != nil {
		return nil, nil
	}
	return e, nil
}
