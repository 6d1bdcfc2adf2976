package main

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"sync"
	"time"

	_ "github.com/stratacache/strata/backends/dummy"          // dummy://
	_ "github.com/stratacache/strata/backends/filestore"      // file://
	_ "github.com/stratacache/strata/backends/locmem"         // locmem://
	_ "github.com/stratacache/strata/backends/memcachedstore" // memcached://
	_ "github.com/stratacache/strata/backends/redisstore"     // redis://
	_ "github.com/stratacache/strata/backends/ristrettostore" // ristretto://
	_ "github.com/stratacache/strata/backends/sqlstore"       // sqlite://
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/fragment"
	"github.com/stratacache/strata/httpcache"
	"github.com/stratacache/strata/invalidate"
	"github.com/stratacache/strata/invalidate/outbox"
)

// defaultCache bounds the memory that pages may take.
const defaultCache = "locmem://?max_bytes=268435456"

// site is the program behind its address.
type site struct {
	std     *Stdlib
	notes   *Notes
	client  *cache.Client
	library *library
	work    *work
	log     *slog.Logger
	started time.Time

	pages      *httpcache.View        // whole package pages
	templates  *fragment.Renderer     // parts of pages
	writes     *invalidate.DB         // transactions on the notes
	noteWrites *invalidate.Hook[Note] // what a note drops

	closing context.Context // ends when the relay must
	stop    context.CancelFunc
	relay   sync.WaitGroup
}

// openSite opens what the site stands on, and asks the cache whether it is
// there: better no site than one that is slow for a reason nobody sees. An
// outage later is another matter; then pages are computed.
func openSite(ctx context.Context, cfg config, prefix string, logTo io.Writer) (_ *site, err error) {
	s := &site{work: &work{}, log: slog.New(slog.NewTextHandler(logTo, nil)), started: time.Now()}
	s.closing, s.stop = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.std, err = OpenStdlib(ctx, cfg.goroot); err != nil {
		return nil, err
	}
	if s.notes, err = OpenNotes(ctx, cfg.db); err != nil {
		return nil, err
	}
	if s.client, err = cache.Open(ctx, cfg.cache, &cache.Options{Prefix: prefix, Hooks: traceHooks()}); err != nil {
		return nil, err
	}
	ping, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if err = s.client.Ping(ping); err != nil {
		return nil, fmt.Errorf("the cache does not answer: %w", err)
	}
	s.library = newLibrary(s.std, s.work, s.client)
	if err = s.openOutbox(ctx, prefix); err != nil {
		return nil, err
	}
	s.noteWrites = invalidate.NewHook(s.client, noteAffects)
	return s, s.openPages()
}

// openOutbox makes the transactions on the notes keep what they invalidate in the
// database until the cache knows it, whatever is down or dies meanwhile.
func (s *site) openOutbox(ctx context.Context, prefix string) error {
	box, err := outbox.New(s.notes.db, outbox.Options{
		Dialect: outbox.SQLite,
		Caches:  map[string]cache.Cache{prefix: s.client},
		OnError: func(err error) { s.log.Warn("the outbox has to wait", "error", err) },
	})
	if err != nil {
		return err
	}
	if err := box.CreateTable(ctx); err != nil {
		return err
	}
	s.relay.Go(func() { _ = box.Run(s.closing) }) // until close
	s.writes = invalidate.NewDB(s.notes.db, &invalidate.Options{Journal: box})
	return nil
}

// openPages makes the two levels that keep HTML. Their prefix names all that it
// is made from: the Go release, the templates and the database of notes.
func (s *site) openPages() error {
	rendered := s.client.WithPrefix(s.std.Version() + "." + fingerprint + "." + s.notes.ID())
	set, err := template.New("").Funcs(functions).Funcs(fragment.Funcs()).ParseFS(assets, "templates/*.html")
	if err != nil {
		return err
	}
	// A page is dropped with the fragments that it shows.
	if s.templates, err = fragment.New(rendered, set, &fragment.Options{OnTags: httpcache.AddTags}); err != nil {
		return err
	}
	pages, err := httpcache.New(rendered, &httpcache.Options{
		Prefix: "page",
		Name:   "webapp",
		// A reload in a browser asks every cache on the way for a fresh response.
		// Ours is never out of date, and whoever reloads is to see it at work.
		IgnoreRequestDirectives: true,
	})
	if err != nil {
		return err
	}
	s.pages = pages.View(10*time.Minute, nil)
	return nil
}

// close gives back what openSite opened, as far as it came.
func (s *site) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	s.stop()
	s.relay.Wait()
	var err error
	if s.client != nil {
		err = s.client.Close(ctx)
	}
	if s.notes != nil {
		err = errors.Join(err, s.notes.Close())
	}
	return err
}
