package recipes

import (
	"fmt"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/stratacache/strata/httpcache"
)

// Chi caches a whole site with a middleware, and one route with a view: both are
// func(http.Handler) http.Handler. examples/chi is a program with more of it.
func Chi(pages *httpcache.Cache) http.Handler {
	r := chi.NewRouter()
	r.Use(pages.Handler)
	r.Get("/news", func(w http.ResponseWriter, _ *http.Request) {
		httpcache.CacheControl{MaxAge: time.Minute}.Set(w.Header())
		fmt.Fprint(w, "news")
	})
	view := pages.View(time.Hour, nil)
	r.With(view.Handler).Get("/articles/{id}", func(w http.ResponseWriter, r *http.Request) {
		httpcache.AddTags(r.Context(), "article:"+chi.URLParam(r, "id"))
		fmt.Fprint(w, "article ", chi.URLParam(r, "id"))
	})
	return r
}
