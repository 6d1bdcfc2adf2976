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
// A field that is absent, one that is empty, and one sent in two lines are
// three different things.
func variant(parts string, names []string, r *http.Request) string {
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
		values, present := r.Header[name]
		if name == "Host" { // net/http keeps it elsewhere
			values, present = []string{r.Host}, true
		}
		if !present {
			b = append(b, '-')
			continue
		}
		b = appendCount(b, len(values))
		for _, v := range values {
			b = appendFrame(b, v)
		}
	}
	return string(b)
}
