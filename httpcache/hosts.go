package httpcache

import (
	"fmt"
	"net/http"
	"strings"
)

// UnknownHosts is what becomes of a request for a host that is not in
// [Options].Hosts.
type UnknownHosts uint8

const (
	// PassUnknownHosts lets the handler answer, and neither stores nor drops
	// anything.
	PassUnknownHosts UnknownHosts = iota
	// RefuseUnknownHosts answers 421 (RFC 9110 section 15.5.20), and the handler
	// does not run.
	RefuseUnknownHosts
)

// hosts are those whose pages are stored. The zero value knows all.
type hosts struct {
	limited bool
	exact   map[string]bool
	below   []string // of *.example.org: .example.org
}

// newHosts reads Options.Hosts.
func newHosts(names []string) (hosts, error) {
	h := hosts{limited: names != nil, exact: make(map[string]bool, len(names))}
	for _, name := range names {
		host := strings.ToLower(name)
		rest, wild := strings.CutPrefix(host, "*.")
		if !isHost(rest) || strings.Contains(rest, "*") {
			return h, fmt.Errorf("httpcache.Options.Hosts has %q: no host, host:port or *.host", name)
		}
		if wild {
			h.below = append(h.below, host[1:])
		} else {
			h.exact[host] = true
		}
	}
	return h, nil
}

// has reports whether host, as a request names it, is one of them.
func (h *hosts) has(host string) bool {
	host = strings.ToLower(host)
	if h.exact[host] {
		return true
	}
	for _, suffix := range h.below {
		if len(host) > len(suffix) && strings.HasSuffix(host, suffix) {
			return true
		}
	}
	return false
}

// knows reports whether a request is for a host whose pages are stored. Where
// X-Forwarded-Host is in the key, what it names must be one as well: it divides
// a URL's pages, of which there is room for a few, and handlers reflect it.
func (c *Cache) knows(r *http.Request) bool {
	if !c.hosts.limited {
		return r.Host == "" || isHost(r.Host)
	}
	if !c.hosts.has(r.Host) {
		return false
	}
	if !c.keyedHost {
		return true
	}
	for _, line := range r.Header[forwardedHost] {
		for name := range strings.SplitSeq(line, ",") {
			if !c.hosts.has(strings.Trim(name, " \t")) {
				return false
			}
		}
	}
	return true
}

const forwardedHost = "X-Forwarded-Host"

// isHost reports whether s can be a host with or without a port: RFC 3986
// section 3.2.2, as far as single bytes go.
func isHost(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '-':
		case strings.IndexByte("_~%!$&'()*+,;=:[]", c) < 0:
			return false
		}
	}
	return s != ""
}

// stranger answers a request for a host that is not known.
func (h *handler) stranger(w http.ResponseWriter, r *http.Request) {
	c := h.view.cache
	const why = "host"
	switch _, upgrade := r.Header["Upgrade"]; {
	case c.unknown == RefuseUnknownHosts && c.hosts.limited:
		addStatus(w.Header(), forwarded{detail: why}.text(c.name))
		http.Error(w, http.StatusText(http.StatusMisdirectedRequest), http.StatusMisdirectedRequest)
	case upgrade:
		h.next.ServeHTTP(w, r)
	default:
		h.pass(w, r, forwarded{fwd: fwdBypass, detail: why})
	}
}
