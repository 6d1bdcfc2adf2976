package httpcache

import (
	"net/http"
	"strings"
	"time"
)

// directivesOf is what a response says to this cache: the first of the targeted
// fields that is there and can be read, in place of Cache-Control and of Expires
// (RFC 9213 section 2.2); else Cache-Control.
func directivesOf(h http.Header, targets []string) (d directives, targeted bool) {
	for _, name := range targets {
		lines, ok := h[name]
		if !ok {
			continue
		}
		if d, ok := parseTargeted(lines); ok {
			return d, true
		}
	}
	return parseDirectives(h["Cache-Control"]), false
}

// parseTargeted reads a targeted field: a dictionary. One that is empty or no
// dictionary, or whose lifetime is no integer, is as if it were not there.
func parseTargeted(lines []string) (d directives, ok bool) {
	members, ok := parseDictionary(lines)
	if !ok || len(members) == 0 {
		return directives{}, false
	}
	set := func(s *seconds, v bare) bool {
		if v.kind != sfInteger {
			return false
		}
		*s = seconds{true, time.Duration(min(max(v.whole, 0), maxDelta)) * time.Second}
		return true
	}
	for _, m := range members {
		yes := m.value.kind == sfBoolean && m.value.truth
		ok := true
		switch m.key {
		case "no-store":
			d.noStore = true
		case "no-cache":
			d.noCache = true
		case "private":
			d.private = true
		case "must-revalidate":
			d.noStale, d.mustRevalidate = true, yes
		case "proxy-revalidate":
			d.noStale = true
		case "public":
			d.public = yes
		case "must-understand":
			d.mustUnderstand = yes
		case "max-age":
			ok = set(&d.maxAge, m.value)
		case "s-maxage":
			ok = set(&d.sMaxAge, m.value)
		case "stale-while-revalidate":
			ok = set(&d.whileRevalidate, m.value)
		case "stale-if-error":
			ok = set(&d.ifError, m.value)
		}
		if !ok {
			return directives{}, false
		}
	}
	return d, true
}

// groupsOf reads Cache-Groups or Cache-Group-Invalidation: a list of strings
// (RFC 9875 section 2). Members of another type are ignored, and what is beyond
// maxGroups.
func groupsOf(lines []string) []string {
	if len(lines) == 0 {
		return nil
	}
	members, _ := parseList(lines)
	var groups []string
	for _, m := range members {
		if m.value.kind == sfString && len(groups) < maxGroups {
			groups = append(groups, m.value.text)
		}
	}
	return groups
}

// maxGroups is how many groups a response may be in: RFC 9875 has 32 at least.
const maxGroups = 32

// tokensOf splits the lines of a tag header, such as Surrogate-Key, at blanks and
// commas.
func tokensOf(lines []string) []string {
	var out []string
	for _, line := range lines {
		out = append(out, strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' })...)
	}
	return out
}
