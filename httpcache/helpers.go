package httpcache

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// NeverCache has no cache keep what next answers: neither this one, if it stands
// around, nor others. It sends
//
//	Cache-Control: max-age=0, no-cache, no-store, must-revalidate, private
//
// and keeps an Expires that next set.
func NeverCache(next http.Handler) http.Handler {
	return onHeader(next, func(h http.Header) {
		if _, has := h["Expires"]; !has {
			h["Expires"] = []string{time.Now().UTC().Format(http.TimeFormat)}
		}
		h["Cache-Control"] = []string{"max-age=0, no-cache, no-store, must-revalidate, private"}
	})
}

// VaryOn returns a middleware that adds names to Vary.
func VaryOn(names ...string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return onHeader(next, func(h http.Header) { AddVary(h, names...) })
	}
}

// AddVary adds names to Vary: in order, each once, in whatever case. "*" takes in
// all others.
func AddVary(h http.Header, names ...string) {
	var all []string
	for _, line := range append(slices.Clone(h["Vary"]), names...) {
		for name := range strings.SplitSeq(line, ",") {
			name = strings.Trim(name, " \t")
			if name == "*" {
				h["Vary"] = []string{"*"}
				return
			}
			if name != "" && !slices.ContainsFunc(all, func(have string) bool { return strings.EqualFold(have, name) }) {
				all = append(all, name)
			}
		}
	}
	if len(all) > 0 {
		h["Vary"] = []string{strings.Join(all, ", ")}
	}
}

// Condition answers conditional GET and HEAD requests before their handler runs:
// for one that can tell the state of its page more cheaply than make it. Nil
// functions, an empty tag and a zero time say nothing.
type Condition struct {
	ETag         func(*http.Request) string // with its quotes
	LastModified func(*http.Request) time.Time
}

// Handler returns next behind the condition: 304 and 412 are answered as RFC 9110
// section 13 says, and all else has the validators and comes from next.
func (c Condition) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		var modified time.Time
		if c.LastModified != nil {
			modified = c.LastModified(r)
		}
		h := w.Header()
		if c.ETag != nil {
			if tag := c.ETag(r); tag != "" {
				h["Etag"] = []string{tag}
			}
		}
		if conditional(r.Header) {
			probe := &probeWriter{header: make(http.Header)}
			probe.header["Etag"] = h["Etag"]
			http.ServeContent(probe, r, "", modified, strings.NewReader(""))
			if probe.status == http.StatusNotModified || probe.status == http.StatusPreconditionFailed {
				http.ServeContent(w, r, "", modified, strings.NewReader(""))
				return
			}
		}
		if !modified.IsZero() {
			h["Last-Modified"] = []string{modified.UTC().Format(http.TimeFormat)}
		}
		next.ServeHTTP(w, r)
	})
}

// onHeader lets edit change the header of next's response just before it is sent.
func onHeader(next http.Handler, edit func(http.Header)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &recorder{w: w}
		rec.header = func(status int) int {
			edit(w.Header())
			return status
		}
		next.ServeHTTP(rec, r)
		if rec.status == 0 && !rec.hijacked {
			edit(w.Header()) // net/http will send it
		}
	})
}
