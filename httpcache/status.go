package httpcache

import (
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Why a request went to the handler: the fwd parameter of RFC 9211 section 2.2.
const (
	fwdBypass   = "bypass"
	fwdMethod   = "method"
	fwdURIMiss  = "uri-miss"
	fwdVaryMiss = "vary-miss"
	fwdRequest  = "request"
	fwdStale    = "stale"
	fwdPartial  = "partial"
)

// forwarded is the Cache-Status member of a response that a handler made.
type forwarded struct {
	fwd       string
	status    int // that the handler answered, if the client got another
	stored    bool
	collapsed bool
	detail    string
}

func (f forwarded) text(name string) string {
	var b strings.Builder
	b.WriteString(name)
	if f.fwd != "" {
		b.WriteString("; fwd=" + f.fwd)
	}
	if f.status != 0 {
		b.WriteString("; fwd-status=" + strconv.Itoa(f.status))
	}
	if f.stored {
		b.WriteString("; stored")
	}
	if f.collapsed {
		b.WriteString("; collapsed")
	}
	if f.detail != "" {
		b.WriteString("; detail=" + f.detail)
	}
	return b.String()
}

// addStatus puts a member last: the first is that of the cache nearest to the
// origin.
func addStatus(h http.Header, member string) {
	h["Cache-Status"] = append(h["Cache-Status"], member)
}

// hitText is what a hit says of itself.
type hitText struct {
	name     string // of the cache
	ttl, age int64  // seconds
	member   string // of Cache-Status
	ageValue string // of Age
}

// said is what the last hit of a page has said, which is right for a second.
type said struct{ last atomic.Pointer[hitText] }

func (s *said) hit(name string, ttl, age time.Duration) *hitText {
	left, old := int64(ttl/time.Second), int64(age/time.Second)
	if t := s.last.Load(); t != nil && t.ttl == left && t.age == old && t.name == name {
		return t
	}
	t := newHitText(name, left, old)
	s.last.Store(t)
	return t
}

func newHitText(name string, ttl, age int64) *hitText {
	var room [96]byte
	b := append(room[:0], name...)
	b = append(b, "; hit; ttl="...)
	b = strconv.AppendInt(b, ttl, 10)
	n := len(b)
	b = strconv.AppendInt(b, age, 10)
	s := string(b)
	return &hitText{name: name, ttl: ttl, age: age, member: s[:n], ageValue: s[n:]}
}

// isStatusName reports whether a name can stand in Cache-Status as a token of
// RFC 8941.
func isStatusName(name string) bool {
	for i := range len(name) {
		c := name[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '*'
		if !letter && (i == 0 || !isTokenByte(c) && c != ':' && c != '/') {
			return false
		}
	}
	return name != ""
}
