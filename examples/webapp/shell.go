package main

import (
	"bytes"
	"html/template"
	"net/http"
	"strings"
)

// shell puts what is live around a page that may come from the cache: the aside,
// which shows the visitor's own packages, and the footer, which says what the
// cache did for this very response.
//
// Cached pages are the same for everyone, so none of that may be in them. They
// leave off the end of the document, and shell writes it after them. Nothing is
// searched or replaced, and the page itself is passed on unbuffered. The price:
// an HTML response as a whole is new each time, so it has no validators and no
// length, and conditional and range requests are answered in full. (Ask for
// application/json, which goes around the shell, to see ETag and 304.)
func (s *site) shell(page http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		r = r.Clone(ctx)
		for _, name := range []string{"If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since", "If-Range", "Range"} {
			r.Header.Del(name)
		}
		// The aside comes last in the document, but the headers know about it, so it
		// is made beside the page, which waits for it before its first byte.
		made := make(chan template.HTML, 1)
		if r.Method == http.MethodGet {
			go func() { made <- s.aside(ctx) }()
		} else {
			made <- ""
		}
		sw := &shellWriter{ResponseWriter: w, visitor: visitorOf(ctx), made: made}
		page(sw, r)
		aside := sw.await()
		if !sw.html || r.Method == http.MethodHead {
			return
		}
		reads, parts := traceOf(ctx).snapshot()
		var b bytes.Buffer
		err := s.templates.Execute(ctx, &b, "bottom", map[string]any{
			"Aside": aside, "Reads": reads, "Parts": parts, "Go": s.std.Version(),
		})
		if err != nil {
			s.log.Error("render", "template", "bottom", "error", err)
			return
		}
		if _, err := w.Write(b.Bytes()); err != nil {
			s.log.Debug("write", "path", r.URL.Path, "error", err)
		}
	})
}

// shellWriter prepares the header of an HTML response for what will follow it.
type shellWriter struct {
	http.ResponseWriter
	visitor visitor
	made    <-chan template.HTML
	aside   template.HTML
	awaited bool
	wrote   bool
	html    bool
}

// await returns the aside as soon as it is made.
func (w *shellWriter) await() template.HTML {
	if !w.awaited {
		w.aside, w.awaited = <-w.made, true
	}
	return w.aside
}

// Unwrap is for http.ResponseController.
func (w *shellWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *shellWriter) WriteHeader(status int) {
	if !w.wrote && status >= 200 {
		w.wrote = true
		w.await()
		h := w.Header()
		redirect := status >= 300 && status < 400
		w.html = strings.HasPrefix(h.Get("Content-Type"), "text/html") && !redirect
		if w.html {
			for _, name := range []string{"Content-Length", "ETag", "Last-Modified", "Accept-Ranges", "Age", "Expires"} {
				h.Del(name)
			}
			// The visitor's own copy, which must ask again: a new note shows at once.
			h.Set("Cache-Control", "private, no-cache")
			w.visitor.greet(w.ResponseWriter)
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *shellWriter) Write(b []byte) (int, error) {
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(b)
}
