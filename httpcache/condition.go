package httpcache

import (
	"net/http"
	"strings"
)

// hasValidator reports whether the handler can be asked whether p still holds:
// RFC 9111 section 4.3.1. A tag that we computed is unknown to it.
func (p *page) hasValidator() bool {
	if p.status == http.StatusPartialContent || p.kind == part {
		return false
	}
	_, tagged := p.get("Etag")
	return tagged && !p.has(flagOwnTag) || !p.modified.IsZero()
}

// ask makes r the question whether p still holds.
func (p *page) ask(r *http.Request) {
	if tag, ok := p.get("Etag"); ok && !p.has(flagOwnTag) {
		r.Header["If-None-Match"] = []string{tag}
	}
	if modified, ok := p.get("Last-Modified"); ok && !p.modified.IsZero() {
		r.Header["If-Modified-Since"] = []string{modified}
	}
}

// confirms reports whether a 304, or the 200 of a HEAD, with header h is about p:
// RFC 9111 sections 4.3.4 and 4.3.5.
func (p *page) confirms(h http.Header) bool {
	if tag := h.Get("Etag"); tag != "" {
		stored, _ := p.get("Etag")
		return p.has(flagOwnTag) || strings.TrimPrefix(tag, "W/") == strings.TrimPrefix(stored, "W/")
	}
	if modified := lastModified(h); !modified.IsZero() && !p.modified.IsZero() {
		return modified.Equal(p.modified)
	}
	return true
}

// unmodifiedSince judges If-Modified-Since for a page without Last-Modified by
// its Date, as RFC 9110 section 13.1.3 suggests; net/http judges all else.
func unmodifiedSince(r *http.Request, h http.Header) bool {
	if _, has := r.Header["If-None-Match"]; has || !lastModified(h).IsZero() {
		return false
	}
	lines := r.Header["If-Modified-Since"]
	if len(lines) != 1 || len(h["Date"]) != 1 {
		return false
	}
	since, ok1 := parseDate(lines[0])
	date, ok2 := parseDate(h["Date"][0])
	return ok1 && ok2 && !date.After(since)
}

// notModifiedFields are those that a 304 has no use for.
var notModifiedFields = [...]string{"Content-Type", "Content-Length", "Content-Encoding", "Content-Range"}

func writeNotModified(w http.ResponseWriter) {
	for _, name := range notModifiedFields {
		delete(w.Header(), name)
	}
	w.WriteHeader(http.StatusNotModified)
}

// notModified reports whether the client's conditions, which the handler did
// not see, hold for a 200 with header h. net/http judges.
func notModified(h http.Header, r *http.Request) bool {
	_, match := r.Header["If-None-Match"]
	_, since := r.Header["If-Modified-Since"]
	if !match && !since {
		return false
	}
	probe := &probeWriter{header: make(http.Header)}
	if etag, ok := h["Etag"]; ok {
		probe.header["Etag"] = etag
	}
	http.ServeContent(probe, r, "", lastModified(h), strings.NewReader(""))
	return probe.status == http.StatusNotModified
}

// probeWriter notes a status.
type probeWriter struct {
	header http.Header
	status int
}

func (p *probeWriter) Header() http.Header         { return p.header }
func (p *probeWriter) Write(b []byte) (int, error) { return len(b), nil }
func (p *probeWriter) WriteHeader(status int)      { p.status = status }
