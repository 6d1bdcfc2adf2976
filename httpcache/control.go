package httpcache

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// CacheControl is what a handler says about its response. The zero value says
// nothing.
//
//	httpcache.CacheControl{Scope: httpcache.Public, MaxAge: time.Minute}.Set(w.Header())
//
// Durations are in whole seconds; a negative one is 0, and 0 is not said.
type CacheControl struct {
	Scope                Scope
	NoStore              bool
	NoCache              bool
	NoCacheFields        []string // no-cache for these fields alone
	MustRevalidate       bool
	ProxyRevalidate      bool
	MustUnderstand       bool
	NoTransform          bool
	Immutable            bool // RFC 8246
	MaxAge               time.Duration
	SMaxAge              time.Duration
	StaleWhileRevalidate time.Duration // RFC 5861
	StaleIfError         time.Duration
}

// Scope is who may keep a response.
type Scope uint8

const (
	// Public: anybody, even if the request had credentials.
	Public Scope = iota + 1
	// Private: its client alone.
	Private
)

// String is the field's value.
func (cc CacheControl) String() string {
	h := make(http.Header)
	cc.Add(h)
	return h.Get("Cache-Control")
}

// Set makes Cache-Control say this and nothing else.
func (cc CacheControl) Set(h http.Header) {
	delete(h, "Cache-Control")
	cc.Add(h)
}

// Add adds to what Cache-Control says: a directive replaces one of the same name,
// public and private replace each other, and fields of no-cache accumulate until
// a bare one takes in all.
func (cc CacheControl) Add(h http.Header) {
	list := directiveList{}
	for m := range members(h["Cache-Control"]) {
		list = append(list, directive{strings.ToLower(m.name), m.raw})
	}
	switch cc.Scope {
	case Public:
		list = list.without("private").with("public", "")
	case Private:
		list = list.without("public").with("private", "")
	}
	flag := func(name string, set bool) {
		if set {
			list = list.with(name, "")
		}
	}
	seconds := func(name string, d time.Duration) {
		if d != 0 {
			list = list.with(name, strconv.FormatInt(int64(max(0, d)/time.Second), 10))
		}
	}
	if fields := cc.NoCacheFields; !cc.NoCache && len(fields) > 0 {
		for _, d := range list {
			if d.name != "no-cache" {
				continue
			}
			m, _ := nextMember(d.raw)
			if fields = union(splitFields(m.value), fields); !m.hasValue {
				fields = nil // it is bare already
			}
		}
		if len(fields) > 0 {
			list = list.with("no-cache", `"`+strings.Join(fields, ", ")+`"`)
		}
	}
	seconds("max-age", cc.MaxAge)
	seconds("s-maxage", cc.SMaxAge)
	flag("no-cache", cc.NoCache)
	flag("no-store", cc.NoStore)
	flag("must-revalidate", cc.MustRevalidate)
	flag("proxy-revalidate", cc.ProxyRevalidate)
	flag("must-understand", cc.MustUnderstand)
	flag("no-transform", cc.NoTransform)
	flag("immutable", cc.Immutable)
	seconds("stale-while-revalidate", cc.StaleWhileRevalidate)
	seconds("stale-if-error", cc.StaleIfError)
	if len(list) > 0 {
		h["Cache-Control"] = []string{list.String()}
	}
}

func splitFields(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })
}

// directive is one member of Cache-Control.
type directive struct{ name, raw string }

type directiveList []directive

func (l directiveList) without(name string) directiveList {
	return slices.DeleteFunc(l, func(d directive) bool { return d.name == name })
}

func (l directiveList) with(name, value string) directiveList {
	raw := name
	if value != "" {
		raw += "=" + value
	}
	at := slices.IndexFunc(l, func(d directive) bool { return d.name == name })
	if at < 0 {
		return append(l, directive{name, raw})
	}
	l[at].raw = raw
	return append(l[:at+1], l[at+1:].without(name)...)
}

func (l directiveList) String() string {
	out := make([]string, len(l))
	for i, d := range l {
		name, rest := d.raw[:len(d.name)], d.raw[len(d.name):]
		out[i] = strings.ToLower(name) + rest
	}
	return strings.Join(out, ", ")
}
