package httpcache

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/stratacache/strata/cache"
)

// place is where a request's page is, or would be stored.
type place struct {
	url   string  // key of the URL's record
	parts string  // what else is in the key, framed
	rec   *record // the URL's record, or nil
	key   string  // where a page for this request goes: url, or a variant's own
	sum   uint64  // of the variant, if key is its own
	stale bool    // a page is there that is no longer fresh
	other bool    // a page is there of which this request wants more than it holds
	held  *page   // what is there, whether it fits the request or not

	fenced bool // fence guards key
	fence  cache.Fence
}

// page names what the requests that may share one response have in common, as
// far as is known.
func (at *place) page() string {
	if at.key == at.url {
		return at.url + at.parts
	}
	return at.key
}

// miss says which part of the key found nothing.
func (at *place) miss() string {
	switch {
	case at.other:
		return fwdPartial
	case at.stale:
		return fwdStale
	case at.rec == nil:
		return fwdURIMiss
	}
	return fwdVaryMiss
}

// find looks a request's page up: one read, or two for a variant that is not
// its URL's first. The page it returns may be stale. An error is an outage.
func (c *Cache) find(ctx context.Context, at *place, r *http.Request, now time.Time) (*page, error) {
	at.key, at.rec, at.held, at.stale, at.other = at.url, nil, nil, false, false
	rec, err := c.read(ctx, at.url, now)
	if rec == nil || err != nil {
		return nil, err
	}
	at.rec = rec
	of := c.variant(at.parts, rec.names, r)
	p := rec.holds(of)
	if p == nil {
		at.sum = variantSum(of)
		at.key = variantKeyOf(at.url, rec.generation, at.sum)
		if !slices.Contains(rec.others, at.sum) {
			return nil, nil
		}
		other, err := c.read(ctx, at.key, now)
		if err != nil {
			return nil, err
		}
		p = other.holds(of)
	}
	at.held = p
	at.stale = p != nil && p.remaining(now) <= 0
	at.other = p != nil && !p.fits(r)
	return p, nil
}

// read returns the record under key, or nil. If one of its tags was expired, or
// its own time has passed, its page is not fresh now.
func (c *Cache) read(ctx context.Context, key string, now time.Time) (*record, error) {
	rec, fresh, err := c.pages.GetStale(ctx, key)
	switch {
	case err == nil && !fresh:
		return rec.expired(now), nil
	case err == nil:
		return rec, nil
	case errors.Is(err, cache.ErrMiss), errors.Is(err, cache.ErrNotFound):
		return nil, nil
	}
	return nil, err
}

// maxAim bounds how often the place of a page may change while it is fenced.
const maxAim = 3

// aim fences the place where the request's page will be stored, and then looks
// again: what it finds is at least as new as the fence, and may be the page.
func (c *Cache) aim(ctx context.Context, at *place, r *http.Request) (*page, error) {
	at.fenced = false
	for range maxAim {
		key := at.key
		fence, err := c.pages.Fence(ctx, key)
		if err != nil {
			return nil, err
		}
		p, err := c.find(ctx, at, r, time.Now())
		if err != nil {
			return nil, err
		}
		if at.key == key {
			at.fence, at.fenced = fence, true
			return p, nil
		}
	}
	return nil, nil
}
