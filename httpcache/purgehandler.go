package httpcache

import (
	"context"
	"net/http"
)

// PurgeHandler is for operators: a POST with form fields
//
//	url     https://shop.example/a?b=1      one URL
//	prefix  https://shop.example/a          a path and all below it
//	tag     note:fmt                        a tag, anywhere in the cache
//	group   name, with origin               a group of RFC 9875
//	soft    1                               make stale instead of drop
//
// of which url, prefix, tag and group may each come several times. It answers
// 204, 403 if allow says no, and 400 for what it does not understand. Nothing of
// it is reachable through the handlers of the cache: give it a listener, or a
// route, of its own. A nil allow refuses everything.
func (c *Cache) PurgeHandler(allow func(*http.Request) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		switch {
		case allow == nil || !allow(r):
			http.Error(w, http.StatusText(http.StatusForbidden), http.StatusForbidden)
			return
		case r.Method != http.MethodPost:
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		steps, ok := c.purges(r)
		if !ok {
			http.Error(w, "say url, prefix, tag or group", http.StatusBadRequest)
			return
		}
		for _, step := range steps {
			if err := step(r.Context()); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

// purges reads a form; what it does not know is refused, so that no misspelt
// request seems to have worked.
func (c *Cache) purges(r *http.Request) (steps []func(context.Context) error, ok bool) {
	url, prefix, tag, group := c.Purge, c.PurgePrefix, c.PurgeTag, c.PurgeGroup
	if r.PostForm.Get("soft") != "" {
		url, prefix, tag, group = c.SoftPurge, c.SoftPurgePrefix, c.SoftPurgeTag, c.SoftPurgeGroup
	}
	origin := r.PostForm.Get("origin")
	for field, values := range r.PostForm {
		var purge func(context.Context, string) error
		switch field {
		case "url":
			purge = url
		case "prefix":
			purge = prefix
		case "tag":
			purge = tag
		case "group":
			if origin == "" {
				return nil, false
			}
			purge = func(ctx context.Context, value string) error { return group(ctx, origin, value) }
		case "origin", "soft":
			continue
		default:
			return nil, false
		}
		for _, value := range values {
			steps = append(steps, func(ctx context.Context) error { return purge(ctx, value) })
		}
	}
	return steps, len(steps) > 0
}
