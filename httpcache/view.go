package httpcache

import (
	"net/http"
	"time"
)

// View is the caching of one handler, or of several that follow the same rules.
type View struct {
	cache  *Cache
	ttl    time.Duration
	hasTTL bool
	proxy  bool // what it caches comes from elsewhere
	opts   ViewOptions
}

// ViewOptions configure a [View]. The zero value, and nil, work.
type ViewOptions struct {
	// Tags names what the page for a request depends on. It is called once for
	// each run of the handler, before it. [AddTags] adds what the handler finds
	// out.
	Tags func(*http.Request) []string
	// KeyParts names what the page depends on beside its URL and the header
	// fields in Vary: the language of a session, a cookie's value. It is called
	// for each request. Requests whose parts differ never share a page.
	KeyParts func(*http.Request) []string
}

// View returns the rules for a page that the developer knows to be good for
// ttl. A 200 that says nothing of its freshness is stored that long, and gets
// Expires and Cache-Control: max-age for the caches behind us; one that does
// say is stored for the shorter of the two. What may not be stored at all is
// the same as everywhere. With a ttl of 0 or less nothing is stored, and the
// caches behind us are told the same.
//
// Inside of another handler of the same Cache, a page is stored once, by the
// innermost rules.
func (c *Cache) View(ttl time.Duration, opts *ViewOptions) *View {
	v := &View{cache: c, ttl: min(ttl, maxLifetime), hasTTL: true}
	if opts != nil {
		v.opts = *opts
	}
	return v
}

// Handler caches next's responses by the view's rules.
func (v *View) Handler(next http.Handler) http.Handler { return &handler{view: v, next: next} }

// handler is one cached handler.
type handler struct {
	view *View
	next http.Handler
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect && !h.view.cache.knows(r) {
		h.stranger(w, r)
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodConnect:
		h.next.ServeHTTP(w, r)
		return
	case http.MethodOptions, http.MethodTrace:
		h.pass(w, r, forwarded{fwd: fwdMethod})
		return
	default:
		h.unsafe(w, r)
		return
	}
	if _, upgrade := r.Header["Upgrade"]; upgrade {
		h.next.ServeHTTP(w, r) // another protocol: nothing of ours in its way
		return
	}
	if r.ContentLength != 0 && r.Body != nil && r.Body != http.NoBody {
		// A body is not in the key, so it must not decide what is stored.
		h.pass(w, r, forwarded{fwd: fwdBypass})
		return
	}
	h.cached(w, r)
}

// cached answers GET and HEAD.
func (h *handler) cached(w http.ResponseWriter, r *http.Request) {
	c := h.view.cache
	outer := exchangeOf(r.Context())
	d := c.demandsOf(r)
	at := place{url: c.keyOf(r), parts: h.parts(r)}
	switch {
	case d.noStore && !c.ignore:
		h.pass(w, r, forwarded{fwd: fwdRequest})
		return
	case h.view.proxy && preconditioned(r.Header):
		h.pass(w, r, forwarded{fwd: fwdRequest, detail: "precondition"})
		return
	}

	now := time.Now()
	ask := patience{Context: r.Context(), deadline: now.Add(c.timeout)}
	p, err := c.find(&ask, &at, r, now)
	ask.end()
	if err != nil {
		h.pass(w, r, forwarded{fwd: fwdBypass, detail: "store"})
		return
	}
	can := d.use(p, r, now)
	ours := outer != nil && outer.cache == c && outer.encloses(w, at.url)
	adoptable := ours && h.view.opts.KeyParts == nil
	if adoptable {
		can = min(can, useAsk) // what is there was not good enough for the outer one
	}
	switch {
	case can >= useWhile:
		if outer != nil {
			outer.decline(ours) // it knows nothing of the page's tags
		}
		if can == useWhile {
			h.refresh(r, at)
		}
		c.serve(w, r, p, now, nil)
		return
	case d.onlyIfCached:
		addStatus(w.Header(), c.name+"; detail=only-if-cached")
		http.Error(w, http.StatusText(http.StatusGatewayTimeout), http.StatusGatewayTimeout)
		return
	}
	if adoptable {
		outer.adopt(h.view, r)
		h.next.ServeHTTP(w, r)
		return
	}
	if outer != nil {
		outer.decline(ours)
	}
	h.miss(w, r, &at, &d, p, can)
}

// pass runs the handler with nothing kept.
func (h *handler) pass(w http.ResponseWriter, r *http.Request, f forwarded) {
	c := h.view.cache
	if c.around(w) {
		h.next.ServeHTTP(w, r)
		return
	}
	h.next.ServeHTTP(&recorder{w: w, cache: c, header: func(status int) int {
		addStatus(w.Header(), f.text(c.name))
		return status
	}}, r)
}
