package httpcache

import "context"

// AddTags has the response that is being made in ctx, a request's context,
// depend on tags: see [cache.Cache.Invalidate]. They may be added until the
// handler returns. Outside of a handler whose response may be stored it does
// nothing. It is safe for concurrent use.
func AddTags(ctx context.Context, tags ...string) {
	if x := exchangeOf(ctx); x != nil {
		x.addTags(tags)
	}
}

type exchangeKey struct{}

// exchangeOf returns the exchange around a handler, or nil.
func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}
