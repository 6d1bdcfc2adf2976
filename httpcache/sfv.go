package httpcache

import (
	"strconv"
	"strings"
)

// A strict parser of the structured fields that this package reads, RFC 8941
// section 4.2: whatever is not well formed makes the whole field unreadable.

// bare is a bare item.
type bare struct {
	kind  bareKind
	text  string // of a string, token or byte sequence
	whole int64  // of an integer
	truth bool   // of a boolean
}

type bareKind uint8

const (
	sfInteger bareKind = iota + 1
	sfDecimal
	sfString
	sfToken
	sfBytes
	sfBoolean
	sfInner // an inner list, of which nothing is kept
)

// sfMember is a member of a dictionary, or, without a key, of a list.
// Parameters are checked and dropped.
type sfMember struct {
	key   string
	value bare
}

// parseDictionary reads all lines of a dictionary field; of a key that comes
// twice the last counts. ok is false for what is no dictionary.
func parseDictionary(lines []string) (members []sfMember, ok bool) {
	return parseMembers(lines, func(p *sfParser) sfMember {
		m := sfMember{key: p.key()}
		if p.take('=') {
			m.value = p.member()
			return m
		}
		m.value = bare{kind: sfBoolean, truth: true}
		p.parameters()
		return m
	})
}

// parseList reads all lines of a list field.
func parseList(lines []string) (members []sfMember, ok bool) {
	return parseMembers(lines, func(p *sfParser) sfMember { return sfMember{value: p.member()} })
}

func parseMembers(lines []string, next func(*sfParser) sfMember) (members []sfMember, ok bool) {
	p := &sfParser{rest: strings.Trim(strings.Join(lines, ", "), " ")}
	for p.rest != "" {
		members = append(members, next(p))
		p.blanks(" \t")
		if p.bad {
			return nil, false
		}
		if p.rest == "" {
			return members, true
		}
		if !p.take(',') {
			return nil, false
		}
		if p.blanks(" \t"); p.rest == "" {
			return nil, false // a comma at the end
		}
	}
	return members, true
}

// sfParser cuts values off rest. After the first fault all are zero.
type sfParser struct {
	rest string
	bad  bool
}

func (p *sfParser) fail() bare {
	p.bad, p.rest = true, ""
	return bare{}
}

func (p *sfParser) take(c byte) bool {
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *sfParser) blanks(set string) { p.rest = strings.TrimLeft(p.rest, set) }

// span cuts off the bytes that may stand.
func (p *sfParser) span(may func(byte) bool) string {
	i := 0
	for i < len(p.rest) && may(p.rest[i]) {
		i++
	}
	s := p.rest[:i]
	p.rest = p.rest[i:]
	return s
}

func (p *sfParser) key() string {
	if p.rest == "" || !isLower(p.rest[0]) && p.rest[0] != '*' {
		p.fail()
		return ""
	}
	return p.span(func(c byte) bool { return isLower(c) || isDigit(c) || strings.IndexByte("_-.*", c) >= 0 })
}

// member is an item or an inner list, with its parameters.
func (p *sfParser) member() bare {
	if !p.take('(') {
		b := p.item()
		p.parameters()
		return b
	}
	for {
		p.blanks(" ")
		if p.take(')') {
			p.parameters()
			return bare{kind: sfInner}
		}
		p.item()
		p.parameters()
		if p.bad || p.rest == "" || p.rest[0] != ' ' && p.rest[0] != ')' {
			return p.fail()
		}
	}
}

func (p *sfParser) parameters() {
	for p.take(';') {
		p.blanks(" ")
		p.key()
		if p.take('=') {
			p.item()
		}
	}
}

func (p *sfParser) item() bare {
	if p.rest == "" {
		return p.fail()
	}
	switch c := p.rest[0]; {
	case c == '-' || isDigit(c):
		return p.number()
	case c == '"':
		return p.quoted()
	case c == '*' || isLower(c|0x20):
		return bare{kind: sfToken, text: p.span(func(c byte) bool { return isTokenByte(c) || c == ':' || c == '/' })}
	case c == ':':
		inside, after, ok := strings.Cut(p.rest[1:], ":")
		if !ok || strings.Trim(inside, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") != "" {
			return p.fail()
		}
		p.rest = after
		return bare{kind: sfBytes, text: inside}
	case strings.HasPrefix(p.rest, "?0"), strings.HasPrefix(p.rest, "?1"):
		b := bare{kind: sfBoolean, truth: p.rest[1] == '1'}
		p.rest = p.rest[2:]
		return b
	}
	return p.fail()
}

func (p *sfParser) number() bare {
	negative := p.take('-')
	whole := p.span(isDigit)
	if whole == "" || len(whole) > 15 {
		return p.fail()
	}
	if p.take('.') {
		if fraction := p.span(isDigit); fraction == "" || len(fraction) > 3 || len(whole) > 12 {
			return p.fail()
		}
		return bare{kind: sfDecimal}
	}
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return p.fail()
	}
	if negative {
		n = -n
	}
	return bare{kind: sfInteger, whole: n}
}

func (p *sfParser) quoted() bare {
	var b strings.Builder
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '"':
			p.rest = p.rest[i+1:]
			return bare{kind: sfString, text: b.String()}
		case c == '\\':
			if i++; i >= len(p.rest) || p.rest[i] != '"' && p.rest[i] != '\\' {
				return p.fail()
			}
			b.WriteByte(p.rest[i])
		case c < ' ' || c > '~':
			return p.fail()
		default:
			b.WriteByte(c)
		}
	}
	return p.fail()
}

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
