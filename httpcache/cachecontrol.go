package httpcache

import (
	"iter"
	"strings"
	"time"
)

// maxDelta is the most seconds that a directive or Age can say: RFC 9111
// section 1.2.2 has greater values count as this one.
const maxDelta = 1 << 31

// maxLifetime is the same as a duration: three of them add up without overflow.
const maxLifetime = maxDelta * time.Second

// seconds is an optional delta-seconds.
type seconds struct {
	set bool
	d   time.Duration
}

// directives is what the Cache-Control lines of a message say, in the
// conservative reading: of several lifetimes the shortest, and an unreadable
// one is 0.
type directives struct {
	noStore, noCache, private bool // present in whatever form
	noStale                   bool // must-revalidate or proxy-revalidate, in whatever form
	public, mustRevalidate    bool // present and well formed
	mustUnderstand            bool // the same
	onlyIfCached              bool
	maxAge, sMaxAge           seconds
	whileRevalidate, ifError  seconds // RFC 5861
	minFresh, maxStale        seconds
}

// parseDirectives reads all lines of a Cache-Control field.
func parseDirectives(lines []string) (d directives) {
	for m := range members(lines) {
		switch {
		case m.malformed == unterminated:
			d.noStore = true // the quote may hide anything
		case strings.EqualFold(m.name, "no-store"):
			d.noStore = true
		case strings.EqualFold(m.name, "no-cache"):
			d.noCache = true
		case strings.EqualFold(m.name, "private"):
			d.private = true
		case strings.EqualFold(m.name, "public"):
			d.public = d.public || m.malformed == wellFormed
		case strings.EqualFold(m.name, "must-revalidate"):
			d.noStale = true
			d.mustRevalidate = d.mustRevalidate || m.malformed == wellFormed
		case strings.EqualFold(m.name, "proxy-revalidate"):
			d.noStale = true
		case strings.EqualFold(m.name, "must-understand"):
			d.mustUnderstand = d.mustUnderstand || m.malformed == wellFormed
		case strings.EqualFold(m.name, "stale-while-revalidate"):
			d.whileRevalidate.lower(m)
		case strings.EqualFold(m.name, "stale-if-error"):
			d.ifError.lower(m)
		case strings.EqualFold(m.name, "max-stale"):
			if m.hasValue || m.malformed != wellFormed {
				d.maxStale.lower(m)
			} else if !d.maxStale.set {
				d.maxStale = seconds{true, maxLifetime} // of any age
			}
		case strings.EqualFold(m.name, "only-if-cached"):
			d.onlyIfCached = true
		case strings.EqualFold(m.name, "max-age"):
			d.maxAge.lower(m)
		case strings.EqualFold(m.name, "s-maxage"):
			d.sMaxAge.lower(m)
		case strings.EqualFold(m.name, "min-fresh"):
			if v, ok := m.seconds(); ok {
				d.minFresh = seconds{true, max(d.minFresh.d, v)}
			}
		}
	}
	return d
}

// lower takes m's lifetime if it is shorter than what was read before.
func (s *seconds) lower(m member) {
	v, ok := m.seconds()
	if !ok {
		v = 0
	}
	if !s.set || v < s.d {
		*s = seconds{true, v}
	}
}

// member is one element of a Cache-Control list.
type member struct {
	raw       string // as it was written, without blanks around it
	name      string
	value     string // without quotes
	hasValue  bool
	malformed form
}

type form uint8

const (
	wellFormed form = iota
	garbled
	unterminated // a quote that does not end on its line
)

func (m member) seconds() (time.Duration, bool) {
	if m.malformed != wellFormed {
		return 0, false
	}
	return parseDelta(m.value)
}

// members yields the list elements of all lines. A quoted string hides commas,
// and elements that it cannot read are yielded as garbled, not left out.
func members(lines []string) iter.Seq[member] {
	return func(yield func(member) bool) {
		for _, line := range lines {
			for line != "" {
				var m member
				m, line = nextMember(line)
				if m.raw != "" && !yield(m) {
					return
				}
			}
		}
	}
}

// nextMember cuts one list element off line.
func nextMember(line string) (m member, rest string) {
	i := skipBlanks(line, 0)
	start := i
	for i < len(line) && isTokenByte(line[i]) {
		i++
	}
	m.name = line[start:i]
	if m.name == "" {
		m.malformed = garbled
	}
	if i < len(line) && line[i] == '=' && m.name != "" {
		m.hasValue = true
		i++
		if i < len(line) && line[i] == '"' {
			value, end, ok := quoted(line, i)
			if !ok {
				m.malformed = unterminated
			}
			m.value, i = value, end
		} else {
			from := i
			for i < len(line) && isTokenByte(line[i]) {
				i++
			}
			m.value = line[from:i]
		}
	}
	i = skipBlanks(line, i)
	for i < len(line) && line[i] != ',' { // what follows a complete element
		m.malformed = max(m.malformed, garbled)
		if line[i] == '"' {
			_, end, ok := quoted(line, i)
			if !ok {
				m.malformed = unterminated
			}
			i = end
			continue
		}
		i++
	}
	m.raw = strings.Trim(line[start:i], " \t")
	if i < len(line) {
		i++
	}
	return m, line[i:]
}

// quoted reads the quoted string that begins at s[at], and returns the index
// after it.
func quoted(s string, at int) (value string, end int, ok bool) {
	escaped := false
	for i := at + 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			escaped = true
			i++
		case '"':
			value = s[at+1 : i]
			if escaped {
				value = unescape(value)
			}
			return value, i + 1, true
		}
	}
	return "", len(s), false
}

func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func skipBlanks(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t') {
		i++
	}
	return i
}

// parseDelta reads delta-seconds: digits, and nothing else.
func parseDelta(s string) (time.Duration, bool) {
	if s == "" {
		return 0, false
	}
	var n int64
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = min(n*10+int64(s[i]-'0'), maxDelta)
	}
	return time.Duration(n) * time.Second, true
}

// isTokenByte tells the bytes of a token, RFC 9110 section 5.6.2.
func isTokenByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

func isToken(s string) bool {
	for i := range len(s) {
		if !isTokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}
