package httpcache

import (
	"context"
	"net/http"
	"net/http/httputil"
)

// Proxy caches what a reverse proxy fetches, by the rules of RFC 9111 alone: no
// default lifetime, no computed entity-tags. When the origin cannot be reached, a
// stored response that is stale may answer (section 4.2.4). p itself is not
// changed; its ErrorHandler answers where no stored response may.
//
// The Transport of p should not add or undo codings behind the cache's back
// (DisableCompression), and the Host of the client should reach the origin.
func (c *Cache) Proxy(p *httputil.ReverseProxy) http.Handler {
	watched := *p
	answer := p.ErrorHandler
	if answer == nil {
		answer = func(w http.ResponseWriter, r *http.Request, err error) {
			logger := p.ErrorLog
			if logger == nil {
				logger = logOf(r.Context())
			}
			logger.Printf("http: proxy error: %v", err)
			w.WriteHeader(http.StatusBadGateway)
		}
	}
	watched.ErrorHandler = func(w http.ResponseWriter, r *http.Request, err error) {
		Unreachable(r.Context())
		answer(w, r, err)
	}
	return c.front.Handler(&watched)
}

// Unreachable says that what the response to ctx, a request's context, would be
// made from cannot be reached. If a stored response is good enough then, it goes
// to the client in place of what the handler writes next. Call it before the
// header is written. Outside of a cached handler it does nothing.
func Unreachable(ctx context.Context) {
	if x := exchangeOf(ctx); x != nil {
		x.unreach.Store(true)
	}
}
