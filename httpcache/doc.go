// Package httpcache is a page cache for net/http: one line around a handler,
// over a [cache.Cache].
//
//	pages, err := httpcache.New(client, nil)
//	mux.Handle("GET /pkg/", pages.View(5*time.Minute, nil).Handler(pkg)) // one view
//	http.ListenAndServe(addr, pages.Handler(mux))                        // a whole site
//
// # What is stored
//
// By default nothing that RFC 9111 does not allow a shared cache to store, and
// less: a response is kept if it is complete, says how long it is fresh, and
// says nothing that makes it one person's. Set-Cookie, private, no-store,
// no-cache, Vary: *, and a request with Authorization (unless the response says
// public, s-maxage or must-revalidate) each keep it out. Within
// [Cache.View] the developer says how long a 200 without freshness of its own
// is fresh. There is no guessing from Last-Modified.
//
// A handler that looks at a cookie, or at anything else of the visitor, must say
// so: Vary: Cookie, Cache-Control: private, or [ViewOptions].KeyParts. The cache
// cannot see what a handler reads.
//
// Other caches are told, too: a page with max-age may be kept by the visitor's
// browser for as long, where no invalidation reaches it. s-maxage with max-age=0
// keeps it here alone.
//
// # Keys
//
// A page is stored for scheme, host, path and query as they were sent, and for
// the values of each request header field that its URL's responses named in
// Vary. Each part is framed: no two requests that differ in one of them can
// meet. X-Forwarded-* and their like are not consulted: a handler that reflects
// them must name them in Vary.
//
// # One load
//
// Concurrent misses for one page run the handler once. It runs in the goroutine
// of the request that came first and streams to its client; the others wait and
// then read the store. If the response may not be shared, they are released at
// its header and run the handler themselves, and the page is not waited for
// again for a while.
//
// # Invalidation
//
// A page has the tags that its view names and that the handler adds with
// [AddTags]; [cache.Cache.Invalidate] of one of them drops it, and refuses what
// a handler that was running then would store. A successful POST, PUT, DELETE
// or other unsafe request through the cache drops the pages of its own URL.
//
// # When the store is down
//
// The handler runs, as if there were no cache. A slow store costs at most
// [Options].StoreTimeout for each thing asked of it; after the first failure a
// request asks no more.
//
// # Order of handlers
//
// Put the cache outside of what makes the page (compression may stand on either
// side) and inside of what belongs to a visit: request ids, logging, sessions.
// Header fields that were set before the cache was entered are not stored. What
// wraps the cache sees no [http.Request.PathValue] of a mux inside of it.
package httpcache
