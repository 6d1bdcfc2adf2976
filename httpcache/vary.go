package httpcache

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// maxVary is how many header fields the pages of one URL may depend on. More
// would make each visitor a variant.
const maxVary = 8

// parseVary returns the canonical names of all Vary lines, sorted. ok is false
// for "*", and for what is no list of names: such a response matches no request
// but its own.
func parseVary(lines []string) (names []string, ok bool) {
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ",") {
			part = strings.Trim(part, " \t")
			if part == "" {
				continue
			}
			if part == "*" || !isToken(part) {
				return nil, false
			}
			names = append(names, textproto.CanonicalMIMEHeaderKey(part))
		}
	}
	slices.Sort(names)
	return slices.Compact(names), true
}

// union merges two sorted lists of names.
func union(a, b []string) []string {
	if len(a) == 0 {
		return b
	}
	if len(b) == 0 {
		return a
	}
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}

// variant tells the requests for one URL apart: by the view's own key parts, as
// partsOf framed them, and by what the request says in the named fields. It is
// "" for a page that depends on neither.
//
// A field that is absent and one that is empty are different things; lines of
// one name are the same as their combination (RFC 9111 section 4.1).
func (c *Cache) variant(parts string, names []string, r *http.Request) string {
	if len(names) == 0 {
		return parts
	}
	b := make([]byte, 0, 128)
	if parts == "" {
		b = appendCount(b, 0)
	}
	b = append(b, parts...)
	for _, name := range names {
		b = appendFrame(b, name)
		if name == "Host" { // net/http keeps it elsewhere
			b = appendFrame(b, r.Host)
			continue
		}
		b = c.appendField(b, r.Header, name)
	}
	return string(b)
}

// appendField frames a request field's normalized value, or its absence.
func (c *Cache) appendField(b []byte, h http.Header, name string) []byte {
	values, present := c.normalized(h, name)
	if !present {
		return append(b, '-')
	}
	value := ""
	switch {
	case len(values) == 1:
		value = values[0]
	case name == "Cookie":
		value = strings.Join(values, "; ")
	default:
		value = strings.Join(values, ", ")
	}
	return appendFrame(b, canonical(name, value))
}

// canonical rewrites the value of a field so that what means the same is the
// same. Fields that nobody knows count as lists, whose members stand in the same
// order with or without blanks.
func canonical(name, value string) string {
	switch name {
	case "Cookie", "Authorization", "Proxy-Authorization", "User-Agent", "Referer":
		return value
	case "Accept-Encoding", "Accept-Language", "Accept-Charset":
		return strings.ToLower(dropBlanks(value, ",;="))
	case "Accept":
		return dropBlanks(value, ",;=")
	}
	return dropBlanks(value, ",")
}

// dropBlanks drops the blanks beside separators, unless a quoted string may hold
// them.
func dropBlanks(list, separators string) string {
	if !strings.ContainsAny(list, " \t") || strings.Contains(list, `"`) {
		return list
	}
	var b strings.Builder
	for i := 0; i < len(list); i++ {
		if c := list[i]; c != ' ' && c != '\t' {
			b.WriteByte(c)
			continue
		}
		end := skipBlanks(list, i)
		beside := i == 0 || end == len(list) || strings.IndexByte(separators, list[end]) >= 0 ||
			strings.IndexByte(separators, list[i-1]) >= 0
		if !beside {
			b.WriteString(list[i:end])
		}
		i = end - 1
	}
	return b.String()
}
