package httpcache

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
)

func (c *Cache) filtersQuery() bool { return len(c.ignoreQuery) > 0 || c.sortQuery }

// filterQuery is a raw query without the parameters that are to be ignored, and
// sorted if that is asked for. Values of one name keep their order.
func (c *Cache) filterQuery(raw string) string {
	if raw == "" || !c.filtersQuery() {
		return raw
	}
	var kept []string
	for pair := range strings.SplitSeq(raw, "&") {
		if pair != "" && !c.ignored(nameOf(pair)) {
			kept = append(kept, pair)
		}
	}
	if c.sortQuery {
		slices.SortStableFunc(kept, func(a, b string) int { return cmp.Compare(nameOf(a), nameOf(b)) })
	}
	return strings.Join(kept, "&")
}

// filterTarget is filterQuery of a path with its query.
func (c *Cache) filterTarget(target string) string {
	path, query, _ := strings.Cut(target, "?")
	if query = c.filterQuery(query); query != "" {
		return path + "?" + query
	}
	return path
}

// nameOf is the name of a parameter as it was sent. One that is escaped is
// another name to us, and so in the key.
func nameOf(pair string) string {
	name, _, _ := strings.Cut(pair, "=")
	return name
}

func (c *Cache) ignored(name string) bool {
	for _, pattern := range c.ignoreQuery {
		if beginning, ok := strings.CutSuffix(pattern, "*"); ok && strings.HasPrefix(name, beginning) || pattern == name {
			return true
		}
	}
	return false
}

// reduce takes out of a request, a copy, what is not in the key: a handler whose
// response others get must not see it.
func (c *Cache) reduce(r *http.Request) {
	for _, name := range c.strip {
		delete(r.Header, name)
	}
	for name := range c.normalize {
		if _, has := r.Header[name]; !has {
			continue
		}
		if values, present := c.normalized(r.Header, name); present {
			r.Header[name] = values
		} else {
			delete(r.Header, name)
		}
	}
	if !c.filtersQuery() || r.URL.RawQuery == "" {
		return
	}
	query := c.filterQuery(r.URL.RawQuery)
	if query == r.URL.RawQuery {
		return
	}
	u := *r.URL
	u.RawQuery = query
	r.URL = &u
	r.RequestURI = c.filterTarget(r.RequestURI)
	r.Form = nil
}

// stripped is a copy of r for a handler that nobody waits for: without the
// credentials of the client that caused it, unless they are part of the key.
func (h *handler) stripped(r *http.Request, at *place) *http.Request {
	c := h.view.cache
	names := at.rec.known()
	of := c.variant(at.parts, names, r)
	out := r.Clone(r.Context())
	for _, name := range [...]string{"Authorization", "Proxy-Authorization", "Cookie"} {
		values, has := out.Header[name]
		if !has {
			continue
		}
		delete(out.Header, name)
		if c.variant(h.parts(out), names, out) != of {
			out.Header[name] = values
		}
	}
	return out
}
