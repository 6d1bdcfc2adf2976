// Chi shows the page cache around a router: a site whose handlers say what may be
// cached, a view with a lifetime of its own, and one page that never is.
//
//	go run ./examples/chi -addr 127.0.0.1:8080
//	curl -si http://127.0.0.1:8080/articles/1 | grep -i -e cache -e age
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/httpcache"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *addr); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, addr string) error {
	client, err := cache.New(locmem.New(nil), nil)
	if err != nil {
		return err
	}
	pages, err := httpcache.New(client, nil)
	if err != nil {
		return errors.Join(err, client.Close(ctx))
	}
	server := &http.Server{Addr: addr, Handler: router(pages), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	log.Printf("http://%s", addr)
	go func() { failed <- server.ListenAndServe() }()
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(err, server.Shutdown(ending), pages.Close(ending), client.Close(ending))
}

// router has what belongs to a visit outside of the cache, and what makes a page
// inside of it.
func router(pages *httpcache.Cache) http.Handler {
	r := chi.NewRouter()
	r.Use(middleware.RequestID, middleware.Recoverer)
	r.Use(pages.Handler) // the handlers say what may be stored

	r.Get("/", func(w http.ResponseWriter, _ *http.Request) {
		httpcache.CacheControl{MaxAge: time.Minute, StaleWhileRevalidate: time.Hour}.Set(w.Header())
		fmt.Fprintf(w, "home, made at %s\n", time.Now().Format(time.TimeOnly))
	})
	r.Route("/articles", func(r chi.Router) {
		articles := pages.View(time.Hour, &httpcache.ViewOptions{
			Tags: func(r *http.Request) []string { return []string{"articles"} },
		})
		r.Use(articles.Handler) // the developer says for how long
		r.Get("/{id}", func(w http.ResponseWriter, r *http.Request) {
			httpcache.AddTags(r.Context(), "article:"+chi.URLParam(r, "id"))
			fmt.Fprintf(w, "article %s, made at %s\n", chi.URLParam(r, "id"), time.Now().Format(time.TimeOnly))
		})
	})
	r.With(httpcache.NeverCache).Get("/account", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "yours alone")
	})
	return r
}
