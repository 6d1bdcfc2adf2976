package httpcache

import (
	"context"
	"fmt"
	"time"

	"github.com/stratacache/strata/cache"
)

// SoftPurge makes the pages of a URL stale and keeps them: they are validated, or
// used as RFC 5861 allows, when they are asked for next. One that is being made
// now is not stored.
func (c *Cache) SoftPurge(ctx context.Context, rawURL string) error {
	ctx = cache.WithAccess(ctx, nil) // what it stores, it has read here
	u, err := purgeURL(rawURL)
	if err != nil {
		return err
	}
	for _, key := range c.keysOf(u) {
		rec, err := c.soften(ctx, key)
		if err != nil {
			return fmt.Errorf("httpcache: purge: %w", err)
		}
		if rec == nil {
			continue
		}
		for _, sum := range rec.others {
			if _, err := c.soften(ctx, variantKeyOf(key, rec.generation, sum)); err != nil {
				return fmt.Errorf("httpcache: purge: %w", err)
			}
		}
	}
	return c.expire(ctx, c.targetTag(u.Host, u.RequestURI()))
}

// SoftPurgePrefix makes stale what [Cache.PurgePrefix] drops.
func (c *Cache) SoftPurgePrefix(ctx context.Context, rawURL string) error {
	tag, err := c.prefixTag(rawURL)
	if err != nil {
		return err
	}
	return c.expire(ctx, tag)
}

// SoftPurgeGroup makes stale what [Cache.PurgeGroup] drops.
func (c *Cache) SoftPurgeGroup(ctx context.Context, origin, group string) error {
	return c.expire(ctx, GroupTag(origin, group))
}

// SoftPurgeTag makes stale the pages that have a tag; with other entries of the
// cache that have it happens what [cache.Cache.Expire] says.
func (c *Cache) SoftPurgeTag(ctx context.Context, tag string) error { return c.expire(ctx, tag) }

func (c *Cache) expire(ctx context.Context, tags ...string) error {
	if err := c.all.Expire(ctx, tags...); err != nil {
		return fmt.Errorf("httpcache: purge: %w", err)
	}
	return nil
}

// soften ends the lifetime of a record's page, and returns the record.
func (c *Cache) soften(ctx context.Context, key string) (*record, error) {
	fence, err := c.pages.Fence(ctx, key)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	rec, err := c.read(ctx, key, now)
	if rec == nil || rec.page == nil || err != nil {
		return rec, err
	}
	next := rec.expired(now)
	soft := next.page
	ttl := indexTTL(max(soft.whileStale, soft.ifError, c.keep, time.Second))
	stored, err := c.pages.Fill(ctx, key, next, fence, lives(ttl, soft.tags)...)
	if err == nil && !stored { // somebody wrote there meanwhile
		_, err = c.pages.Delete(ctx, key)
	}
	return rec, err
}

// expired is the record with a page that is fresh no longer.
func (rec *record) expired(now time.Time) *record {
	if rec.page == nil || rec.page.remaining(now) <= 0 {
		return rec
	}
	next, soft := *rec, *rec.page
	soft.lifetime = soft.currentAge(now)
	next.page = &soft
	return &next
}

// lives are the options under which a record with tags is stored: for as long as
// it may be of use, fresh or not, which is for the page to say. With a while after
// it, however short, cache.Cache.Expire leaves the record and marks it.
func lives(ttl time.Duration, tags []string) []cache.Option {
	return []cache.Option{cache.TTL(ttl), cache.Stale(time.Second), cache.Tags(tags...)}
}
