package main

import (
	"bytes"
	"context"
	"encoding/json"
	"html/template"
	"net/http"
	"strings"
	"unicode/utf8"
)

// notesShown is how many notes a page shows.
const notesShown = 50

// page is what every template of a whole page is given.
type page struct {
	Title string
	Query string // what the search box holds
	Go    string
}

// routes puts the handlers together. Read it from the inside out:
//
//	package page → page cache → shell (aside and footer) → trace → visitor → cross-origin check
func (s *site) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", s.shell(s.list))
	mux.Handle("GET /stats", s.shell(s.stats))
	mux.Handle("GET /pkg/{path...}", s.packageRoute())
	mux.Handle("POST /pkg/{path...}", s.shell(s.leaveNote))
	mux.Handle("POST /notes/{id}/delete", s.shell(s.deleteNote))
	mux.HandleFunc("GET /static/{fingerprint}/{file}", static)
	mux.Handle("GET /", s.shell(s.elsewhere))
	return secure(http.NewCrossOriginProtection().Handler(withVisitor(traced(mux))))
}

// secure says what browsers may do with our pages: no script, no frame, nothing
// from elsewhere.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// list is the package list. Its table is not kept as a page, because a filter
// can be anything, but what it is made of is cached.
func (s *site) list(w http.ResponseWriter, r *http.Request) {
	query := strings.TrimSpace(r.FormValue("q"))
	if utf8.RuneCountInString(query) > 100 {
		s.fail(w, r, http.StatusBadRequest, "A filter has at most 100 characters.")
		return
	}
	s.render(w, r, http.StatusOK, "list", &listData{
		page: page{"Go standard library", query, s.std.Version()},
		site: s,
	})
}

// listData is what the list page is given. As in aside, the template asks for
// what it shows.
type listData struct {
	page
	site *site
}

// Total is how many packages there are.
func (d *listData) Total() int { return len(d.site.std.Paths()) }

// row is a line of the list; Sub is one of the same family as the line above.
type row struct {
	Entry
	Sub bool
}

// Packages are those that match the query.
func (d *listData) Packages(ctx context.Context) ([]row, error) {
	all, err := d.site.library.List(ctx)
	if err != nil {
		return nil, err
	}
	var rows []row
	family := ""
	for _, e := range filter(all, d.Query) {
		first, _, _ := strings.Cut(e.Path, "/")
		rows = append(rows, row{e, first == family})
		family = first
	}
	return rows, nil
}

// filter returns the entries that have query in their path or synopsis.
func filter(all []Entry, query string) []Entry {
	if query == "" {
		return all
	}
	query = strings.ToLower(query)
	var out []Entry
	for _, e := range all {
		if strings.Contains(e.Path, query) || strings.Contains(strings.ToLower(e.Synopsis), query) {
			out = append(out, e)
		}
	}
	return out
}

// packageRoute is the way to a package page, around the page cache.
func (s *site) packageRoute() http.Handler {
	cached := s.pages.Handler(http.HandlerFunc(s.packagePage))
	html := s.shell(cached.ServeHTTP)
	missing := s.shell(s.elsewhere)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("path")
		if !s.std.Has(name) {
			missing.ServeHTTP(w, r) // before the cache: nobody can fill it with names
			return
		}
		r = onePerPage(r, name)
		// Pages vary on Accept, which has as many values as there are browsers. Two
		// matter to us.
		if accept := r.Header.Get("Accept"); strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/html") {
			r.Header.Set("Accept", "application/json")
			cached.ServeHTTP(w, r)
			return
		}
		r.Header.Set("Accept", "text/html")
		if r.Method == http.MethodGet {
			defer s.visit(r.Context(), name)()
		}
		html.ServeHTTP(w, r)
	})
}

// visit notes that a package is being read. The counter is a trip to the cache
// that nothing on the page waits for, so it is made beside the page's own; the
// function that visit returns waits for it. Both are best effort: a page is
// worth more than who read it.
func (s *site) visit(ctx context.Context, name string) (wait func()) {
	counted := make(chan struct{})
	go func() {
		defer close(counted)
		if err := s.library.Count(ctx, name); err != nil {
			s.log.Warn("a visit was not counted", "package", name, "error", err)
		}
	}()
	if v := visitorOf(ctx); v.Returning {
		if err := s.library.Remember(ctx, name, v); err != nil {
			s.log.Warn("a visit was not remembered", "package", name, "error", err)
		}
	}
	return func() { <-counted }
}

// onePerPage returns r with the one address that the page of a package has in
// the cache. The page depends on neither query nor host, and somebody who makes
// them up should not fill the cache with copies.
func onePerPage(r *http.Request, name string) *http.Request {
	r = r.Clone(r.Context())
	r.Host = "webapp"
	r.URL.Path, r.URL.RawPath, r.URL.RawQuery = "/pkg/"+name, "", ""
	r.RequestURI = r.URL.Path
	return r
}

// packagePage renders the documentation of a package with its notes, for all
// visitors alike: it runs behind the page cache.
func (s *site) packagePage(w http.ResponseWriter, r *http.Request) {
	ctx, name := r.Context(), r.PathValue("path")
	w.Header().Set("Vary", "Accept")
	if r.Header.Get("Accept") == "application/json" {
		pkg, err := s.library.Package(ctx, name)
		if err != nil {
			s.broken(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(pkg); err != nil {
			s.log.Debug("write", "path", r.URL.Path, "error", err)
		}
		return
	}
	defer s.work.does(ctx, workPage, name, "")()
	doc, err := s.library.Doc(ctx, name)
	if err != nil {
		s.broken(w, r, err)
		return
	}
	s.render(w, r, http.StatusOK, "package", &packageData{
		page: page{name + " · Go standard library", "", s.std.Version()},
		Path: name, Doc: template.HTML(doc), site: s,
	})
}

// packageData is what the package page is given.
type packageData struct {
	page
	Path string
	Doc  template.HTML
	site *site
}

// NotesTag is the tag of what shows the notes on this package.
func (d *packageData) NotesTag() string { return notesTag(d.Path) }

// Notes are the notes on the package. A fragment asks for them.
func (d *packageData) Notes(ctx context.Context) ([]Note, error) {
	defer d.site.work.does(ctx, workFragment, "notes on "+d.Path, "")()
	return d.site.notes.On(ctx, d.Path, notesShown)
}

// elsewhere helps people who cut or type an address: /net/http is a package.
func (s *site) elsewhere(w http.ResponseWriter, r *http.Request) {
	name := strings.Trim(strings.TrimPrefix(r.URL.Path, "/pkg"), "/")
	if s.std.Has(name) {
		http.Redirect(w, r, "/pkg/"+name, http.StatusMovedPermanently)
		return
	}
	s.fail(w, r, http.StatusNotFound, "There is no such package or page here.")
}

// render writes a template as a response. The template runs to its end first: a
// fault in it is an error page and not half a page.
func (s *site) render(w http.ResponseWriter, r *http.Request, status int, name string, data any) {
	var b bytes.Buffer
	done := measure(r.Context(), "render")
	err := s.templates.Execute(r.Context(), &b, name, data)
	done()
	if err != nil {
		if r.Context().Err() != nil {
			return // nobody is waiting
		}
		s.log.Error("render", "template", name, "error", err)
		http.Error(w, "This page cannot be shown.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if _, err := w.Write(b.Bytes()); err != nil {
		s.log.Debug("write", "path", r.URL.Path, "error", err) // the reader has gone
	}
}

// fail answers with a page that says what is wrong.
func (s *site) fail(w http.ResponseWriter, r *http.Request, status int, message string) {
	s.render(w, r, status, "error", struct {
		page
		Message, Back string
	}{page{http.StatusText(status), "", s.std.Version()}, message, "/"})
}

// broken answers when something failed that is not the visitor's fault.
func (s *site) broken(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // nobody is waiting
	}
	s.log.Error("request failed", "path", r.URL.Path, "error", err)
	s.fail(w, r, http.StatusInternalServerError, "Something is broken on our side. Please try again.")
}
