package httpcache

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

// store puts the page where the lookup said, or, if the response named header
// fields that were not known, remembers these.
func (x *exchange) store(ctx context.Context, p *page, ttl time.Duration) (bool, error) {
	if !x.at.fenced {
		return false, nil
	}
	c := x.cache
	known := x.at.rec.known()
	names := union(known, x.verdict.names)
	if len(names) > maxVary {
		return false, nil
	}
	of := c.variant(x.at.parts, names, x.r)
	if len(of) > maxHeader {
		return false, nil
	}
	if x.at.key != x.at.url { // a further variant
		if len(names) > len(known) {
			return false, x.relearn(ctx, names, ttl)
		}
		if ok, err := x.admit(ctx, ttl); !ok || err != nil {
			return false, err
		}
		rec := &record{generation: x.at.rec.generation, variant: of, page: p}
		return c.pages.Fill(ctx, x.at.key, rec, x.at.fence, lives(ttl, p.tags)...)
	}
	rec := &record{generation: rand.Uint64(), names: names, variant: of, page: p}
	if x.at.rec != nil && len(names) == len(known) && len(x.at.rec.others) < max(1, x.cache.maxOthers) {
		rec.generation, rec.others = x.at.rec.generation, x.at.rec.others // the other variants stay, unless there is room for no more
	}
	if of != "" {
		ttl = indexTTL(ttl)
	}
	return c.pages.Fill(ctx, x.at.url, rec, x.at.fence, lives(ttl, p.tags)...)
}

// relearn writes the record of a URL anew, with all names and no page: under
// which key this one belongs was not known when its handler began, so that no
// fence guards it there. The next request for it stores it.
func (x *exchange) relearn(ctx context.Context, names []string, ttl time.Duration) error {
	return x.amend(ctx, ttl, func(rec *record) *record {
		names := union(names, rec.known())
		if len(names) > maxVary {
			return nil
		}
		return &record{generation: rand.Uint64(), names: names}
	})
}

// admit makes sure that the URL's record counts a variant; there may be
// Options.MaxVariants of them, and those that are there stay: a flood of variants
// costs no writes.
func (x *exchange) admit(ctx context.Context, ttl time.Duration) (bool, error) {
	others := x.at.rec.others
	if slices.Contains(others, x.at.sum) {
		return true, nil
	}
	if len(others) >= x.cache.maxOthers {
		return false, nil
	}
	admitted := false
	err := x.amend(ctx, ttl, func(rec *record) *record {
		if rec == nil || rec.generation != x.at.rec.generation || len(rec.others) >= x.cache.maxOthers {
			return nil
		}
		admitted = true
		if slices.Contains(rec.others, x.at.sum) {
			return nil
		}
		more := *rec
		more.others = append(slices.Clone(rec.others), x.at.sum)
		return &more
	})
	return admitted, err
}

// amend replaces the record of the URL by what change makes of it, if anything.
// What the record held when it was fenced was valid then, so that it may be
// stored again.
func (x *exchange) amend(ctx context.Context, ttl time.Duration, change func(*record) *record) error {
	pages := x.cache.pages
	fence, err := pages.Fence(ctx, x.at.url)
	if err != nil {
		return err
	}
	rec, err := x.cache.read(ctx, x.at.url, time.Now())
	if err != nil {
		return err
	}
	changed := change(rec)
	if changed == nil {
		return nil
	}
	var tags []string
	if changed.page != nil {
		tags = changed.page.tags
		ttl = max(ttl, changed.page.remaining(time.Now()))
	}
	_, err = pages.Fill(ctx, x.at.url, changed, fence, lives(indexTTL(ttl), tags)...)
	return err
}

// indexTTL is how long the record of a URL with variants lives: longer than its
// own page, so that variants stored later than it are found until they end.
func indexTTL(ttl time.Duration) time.Duration { return ttl + min(ttl, 24*time.Hour) }
