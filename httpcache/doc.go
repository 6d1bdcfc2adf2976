// Package httpcache is a shared HTTP cache for net/http: one line around a
// handler, a router or a reverse proxy, over a [cache.Cache].
//
//	pages, err := httpcache.New(client, nil)
//	http.ListenAndServe(addr, pages.Handler(mux))                             // a whole site
//	mux.Handle("GET /pkg/", pages.View(5*time.Minute, nil).Handler(pkg))      // one view
//	http.ListenAndServe(addr, pages.Proxy(httputil.NewSingleHostReverseProxy(u))) // another server
//
// # What is stored
//
// What RFC 9111 section 3 lets a shared cache store: the whole response to a GET,
// with any final status, that says how long it is fresh (s-maxage, max-age,
// Expires; RFC 9213's CDN-Cache-Control before them), or whose status may be
// guessed about and that has Last-Modified (section 4.2.2); the head that answers
// a HEAD; one range of bytes (section 3.3), joined with others of the same strong
// entity-tag (3.4); of a whole whose beginning is stored only the rest is fetched. no-cache is stored and asked about each time (5.2.2.4).
// Within [Cache.View] the developer says how long a 200 is fresh that says
// nothing, and nothing is guessed.
//
// # What never is
//
//   - private, and no-store unless must-understand lifts it (5.2.2.3, 5.2.2.5, 5.2.2.7);
//   - Vary: *, or more than 8 names, or what is no list of names (4.1);
//   - the answer to a request with Authorization, unless it says public, s-maxage
//     or must-revalidate (3.5); nor does a stored page that does not say so answer
//     such a request;
//   - the answer to a method other than GET and HEAD, to a GET with a body, to a
//     request with Cache-Control: no-store (5.2.1.5);
//   - what was cut short, panicked, or lost its client before it was whole;
//   - Content-Range that contradicts the body or answers no Range; a stream of
//     events; a header beyond 64 KiB or with a field that could split a response.
//
// # Policies that refuse what the RFC allows
//
//   - Set-Cookie keeps a response out (RFC 9111 section 7.3 would store it):
//     [Options].SetCookie.
//   - No lifetime is guessed for the answer to a request with cookies, unless it
//     is public: [Options].Heuristic.
//   - Within a view other statuses than 200, 206, 301, 308, 404 and 410 are not
//     stored: a handler that sets its header first and fails later is common.
//   - A 206 is trusted only if its Content-Range and its length agree, and a
//     stored part is completed only under a strong entity-tag (RFC 9110 section
//     15.3.7.3).
//   - A response in a transfer coding that is not chunked ends in 502 before it
//     reaches us: where its body ends nobody can say (RFC 9112 section 6.3), and
//     [http.Transport] refuses it.
//   - Accept-Language is compared as written but for case and blanks; that its
//     order does not matter is for the application to say: [Languages].
//
// A handler that looks at a cookie, or at anything else of the visitor, must say
// so: Vary: Cookie, Cache-Control: private, or [ViewOptions].KeyParts. The cache
// cannot see what a handler reads. Other caches are told, too: a page with
// max-age may be kept by the visitor's browser for as long, where no
// invalidation reaches it. s-maxage with max-age=0 keeps it here alone.
//
// # Keys
//
// A page is stored for scheme, host, path and query as they were sent, and for
// the values of each request header field that its URL's responses named in
// Vary. Each part is framed: no two requests that differ in one of them can
// meet. X-Forwarded-Host, -Port, -Prefix and -Proto are in the key if a request
// has them. Options leave query parameters out, sort them, and normalize what is
// in Vary.
//
// What is not in the key, a handler whose response may be stored does not see:
// Forwarded, X-Forwarded-For, X-Original-URL, X-HTTP-Method-Override and their
// like ([Options].StripHeaders), ignored parameters, cookies that a normalizer
// drops. So nothing of it that a handler reflects reaches others.
//
// The host is what the client says. [Options].Hosts lists those that exist: for
// others nothing is stored, and with RefuseUnknownHosts no handler runs.
//
// # Fresh, stale, validated
//
// Freshness and age are those of sections 4.2.1 and 4.2.3; every hit has Age. A
// page that is stale, or that the request wants validated, is asked about with
// its own validators (4.3.1); the client's conditions and ranges are answered
// from the result, so that a 304 never reaches one who did not ask for it. A 304
// updates the stored header (4.3.4), the 200 of a HEAD too (4.3.5).
//
// A stale page is used as it is for stale-while-revalidate, while one run of the
// handler makes the next in the background, without the credentials of its cause
// unless they are in the key; for stale-if-error on 500, 502, 503 and 504 (RFC
// 5861); for max-stale (5.2.1.2); and when [Unreachable] says that there is no
// origin, or a handler aborts before its header (4.2.4). must-revalidate,
// proxy-revalidate and no-cache forbid all of that, and then the answer is 504;
// s-maxage forbids what its response does not itself ask for. [Cache.Close] ends
// what runs in the background.
//
// # One load
//
// Concurrent misses for one page run the handler once. It runs in the goroutine
// of the request that came first and streams to its client; the others wait and
// then read the store. If the response may not be shared, they are released at
// its header and run the handler themselves, and the page is not waited for
// again for a while.
//
// This holds across processes that share a store: of those that miss a page, or
// are to make a stale one anew, one runs the handler ([cache.Cache.Lease]). The
// others wait for [cache.Options].LeaseWait at most, and for a refresh not at all.
//
// # Streams
//
// Whatever is not stored passes through at once and is never buffered; what is
// stored streams as well. Flush, Hijack, deadlines and full duplex work through
// us; upgrades, CONNECT, 1xx and trailers pass. Interim responses and trailers
// are not stored. A panic is what it is without us.
//
// # Compression
//
// With [Options].Compress a text is stored once, in gzip, and answers clients
// with and without: see [Compression]. Where the handler compresses, each coding
// is a page of its own, and [Encodings] keeps them few.
//
// # Invalidation
//
// A page has the tags that its view names and that the handler adds with
// [AddTags], those of [Options].TagHeaders, and its Cache-Groups (RFC 9875, see
// [GroupTag]); [cache.Cache.Invalidate] of one of them drops it, and refuses what
// a handler that was running then would store; [cache.Cache.Expire] of one makes
// it stale, to be used as a stale page may be. A successful POST, PUT, DELETE
// or other method that is not known to be safe drops the pages of its own URL,
// of Location and Content-Location of the same origin, and the groups in
// Cache-Group-Invalidation (section 4.4). [Cache.PurgeHandler] is for operators.
//
// # Bounds
//
// A body is stored up to [Options].MaxBody, and all bodies that are being kept
// at one time up to MaxBuffered; a URL has up to MaxVariants pages, a response up
// to 8 names in Vary, 64 KiB of header, 256 tags and 32 groups. What is beyond
// a bound passes through.
//
// # When the store is down
//
// The handler runs, as if there were no cache. A slow store costs at most
// [Options].StoreTimeout for each thing asked of it, and one that falls silent
// while another process is waited for what is left of that wait; after the first
// failure a request asks no more.
//
// # Cache-Status
//
// Each response says in Cache-Status (RFC 9211) what was done: hit and ttl, or
// fwd with its reason, fwd-status, stored, collapsed, and as detail why not.
//
// # Order of handlers
//
// Put the cache outside of what makes the page (compression may stand on either
// side) and inside of what belongs to a visit: request ids, logging, sessions.
// Header fields that were set before the cache was entered are not stored. A
// transaction (package invalidate) that spans a request must end inside of the
// cache, which drops what a POST changes once the handler has returned. What wraps
// the cache sees no [http.Request.PathValue] of a mux inside of it.
package httpcache
