package httpcache

import (
	"slices"
	"strconv"
	"strings"
)

// Cookies is a Normalizer of Cookie that leaves the named cookies: a response
// that varies on Cookie then has one page for each of their values, and its
// handler sees no others.
//
//	Normalize: map[string]httpcache.Normalizer{"Cookie": httpcache.Cookies("theme", "lang")}
func Cookies(names ...string) Normalizer {
	return func(values []string) []string {
		var kept []string
		for _, line := range values {
			for pair := range strings.SplitSeq(line, ";") {
				pair = strings.Trim(pair, " \t")
				if name, _, ok := strings.Cut(pair, "="); ok && slices.Contains(names, name) {
					kept = append(kept, pair)
				}
			}
		}
		if len(kept) == 0 {
			return nil
		}
		slices.SortStableFunc(kept, func(a, b string) int {
			return slices.Index(names, nameOf(a)) - slices.Index(names, nameOf(b))
		})
		return []string{strings.Join(kept, "; ")}
	}
}

// Encodings is a Normalizer of Accept-Encoding that leaves the one of the offered
// codings that the client likes best, the first offered among equals, or none.
func Encodings(offered ...string) Normalizer {
	return func(values []string) []string {
		best, bestQ := "", 0.0
		weights := weightsOf(values)
		for _, coding := range offered {
			q, named := weights[coding]
			if !named {
				q = weights["*"]
			}
			if q > bestQ {
				best, bestQ = coding, q
			}
		}
		if best == "" || bestQ < weights["identity"] {
			return nil
		}
		return []string{best}
	}
}

// Languages is a Normalizer of Accept-Language that leaves the one of the offered
// languages that the client likes best, the first offered among equals, or
// nothing. "en" is offered to one who asks for "en-GB" as well.
func Languages(offered ...string) Normalizer {
	return func(values []string) []string {
		best, bestQ := "", 0.0
		weights := weightsOf(values)
		for _, language := range offered {
			q := 0.0
			for asked, weight := range weights {
				lower := strings.ToLower(language)
				if asked == lower || strings.HasPrefix(asked, lower+"-") {
					q = max(q, weight)
				}
			}
			if q > bestQ {
				best, bestQ = language, q
			}
		}
		if best == "" {
			return nil
		}
		return []string{best}
	}
}

// weightsOf reads a list of names with weights, RFC 9110 section 12.4.2, in lower
// case. A weight that cannot be read is 0.
func weightsOf(values []string) map[string]float64 {
	out := make(map[string]float64)
	for _, line := range values {
		for member := range strings.SplitSeq(line, ",") {
			if name, q := weighted(member); name != "" {
				out[strings.ToLower(name)] = q
			}
		}
	}
	return out
}

// weighted splits a member of such a list.
func weighted(member string) (name string, q float64) {
	name, params, has := strings.Cut(member, ";")
	name = strings.Trim(name, " \t")
	if !has {
		return name, 1
	}
	key, value, _ := strings.Cut(strings.Trim(params, " \t"), "=")
	if q, err := strconv.ParseFloat(value, 64); strings.EqualFold(key, "q") && err == nil && q >= 0 && q <= 1 {
		return name, q
	}
	return name, 0
}
