package recipes

import (
	"fmt"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/httpcache"
	"github.com/stratacache/strata/httpcache/sessionstore"
)

var _ scs.CtxStore = (*sessionstore.Store)(nil)

// Sessions keeps the sessions of scs in a cache, outside of the page cache: a
// page that shows what a session holds is nobody else's.
func Sessions(sessions cache.Cache, pages *httpcache.Cache) (http.Handler, error) {
	store, err := sessionstore.New(sessions, nil)
	if err != nil {
		return nil, err
	}
	manager := scs.New()
	manager.Lifetime = 12 * time.Hour
	manager.Store = store

	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if err := manager.RenewToken(r.Context()); err != nil {
			http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
			return
		}
		manager.Put(r.Context(), "name", r.FormValue("name"))
	})
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		if err := manager.Destroy(r.Context()); err != nil {
			http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		}
	})
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		httpcache.CacheControl{Scope: httpcache.Private}.Set(w.Header())
		fmt.Fprintf(w, "hello %s", manager.GetString(r.Context(), "name"))
	})
	mux.HandleFunc("GET /news", func(w http.ResponseWriter, _ *http.Request) {
		httpcache.CacheControl{MaxAge: time.Minute}.Set(w.Header())
		fmt.Fprint(w, "news")
	})
	return manager.LoadAndSave(pages.Handler(mux)), nil
}
