package recipes

import (
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"github.com/klauspost/compress/gzhttp"

	"github.com/stratacache/strata/httpcache"
)

// Mux caches a whole site, and within it one view for which the developer says
// how long it is good.
func Mux(pages *httpcache.Cache) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /news", func(w http.ResponseWriter, _ *http.Request) {
		httpcache.CacheControl{MaxAge: time.Minute}.Set(w.Header())
		fmt.Fprint(w, "news")
	})
	view := pages.View(time.Hour, nil)
	mux.Handle("GET /articles/{id}", view.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		httpcache.AddTags(r.Context(), "article:"+r.PathValue("id"))
		fmt.Fprint(w, "article ", r.PathValue("id"))
	})))
	return pages.Handler(mux)
}

// Proxy caches what another server says may be cached.
func Proxy(pages *httpcache.Cache, origin *url.URL) http.Handler {
	return pages.Proxy(&httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(origin)
			p.Out.Host = p.In.Host
		},
		Transport: &http.Transport{DisableCompression: true, IdleConnTimeout: 5 * time.Second},
	})
}

// Compressed compresses outside of the cache: each page is stored once. If pages
// has Options.Compress, it is stored in gzip and goes out as it is stored: gzhttp
// compresses what is not from the store, and leaves alone what has a coding.
func Compressed(pages *httpcache.Cache, site http.Handler) http.Handler {
	return gzhttp.GzipHandler(pages.Handler(site))
}

// StoredCompressed compresses inside of the cache: hits cost no compression, and
// each page is stored for each coding. The normalizer Encodings keeps these few.
func StoredCompressed(pages *httpcache.Cache, site http.Handler) http.Handler {
	return pages.Handler(gzhttp.GzipHandler(site))
}
