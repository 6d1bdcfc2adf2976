package httpcache

import (
	"net/http"
	"strconv"
	"strings"
)

// contentRange reads the range of a 206 with one part, RFC 9110 section 14.4.
// total is -1 if the length of the whole is not known.
func contentRange(lines []string) (first, last, total int64, ok bool) {
	if len(lines) != 1 {
		return 0, 0, 0, false
	}
	spec, found := strings.CutPrefix(lines[0], "bytes ")
	span, size, has := strings.Cut(spec, "/")
	from, to, dash := strings.Cut(span, "-")
	if !found || !has || !dash {
		return 0, 0, 0, false
	}
	first, ok1 := parsePosition(from)
	last, ok2 := parsePosition(to)
	total = -1
	ok3 := size == "*"
	if !ok3 {
		total, ok3 = parsePosition(size)
		ok3 = ok3 && last < total
	}
	return first, last, total, ok1 && ok2 && ok3 && first <= last
}

// parsePosition reads digits, and nothing else.
func parsePosition(s string) (int64, bool) {
	if s == "" || len(s) > 18 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// oneRange reads a Range field that asks for one range of bytes, RFC 9110
// section 14.1.2, of a whole with total bytes (-1: not known), as first and
// last.
func oneRange(lines []string, total int64) (first, last int64, ok bool) {
	if len(lines) != 1 {
		return 0, 0, false
	}
	unit, spec, has := strings.Cut(lines[0], "=")
	from, to, dash := strings.Cut(strings.Trim(spec, " \t"), "-")
	if !has || !dash || !strings.EqualFold(unit, "bytes") {
		return 0, 0, false
	}
	if from == "" { // the last so many
		n, ok := parsePosition(to)
		if !ok || n == 0 || total <= 0 {
			return 0, 0, false
		}
		return max(0, total-n), total - 1, true
	}
	first, ok = parsePosition(from)
	if !ok {
		return 0, 0, false
	}
	if to == "" {
		return first, total - 1, first < total
	}
	last, ok = parsePosition(to)
	if total >= 0 {
		last = min(last, total-1)
	}
	return first, last, ok && first <= last
}

// covers returns which bytes of the part p answer r. ok is false if p does not
// hold them all.
func (p *page) covers(r *http.Request) (from, to int64, ok bool) {
	first, last, ok := oneRange(r.Header["Range"], p.total)
	if !ok || first < p.first || last >= p.first+int64(len(p.body)) || preconditioned(r.Header) {
		return 0, 0, false
	}
	for _, name := range [...]string{"If-None-Match", "If-Modified-Since"} {
		if _, has := r.Header[name]; has {
			return 0, 0, false
		}
	}
	if wanted, has := r.Header["If-Range"]; has {
		tag, _ := p.get("Etag")
		if len(wanted) != 1 || wanted[0] != tag || !isStrongTag(tag) {
			return 0, 0, false
		}
	}
	return first - p.first, last - p.first + 1, true
}

// isStrongTag: RFC 9110 section 8.8.3.
func isStrongTag(tag string) bool {
	if len(tag) < 2 || tag[0] != '"' || tag[len(tag)-1] != '"' {
		return false
	}
	for _, c := range []byte(tag[1 : len(tag)-1]) {
		if c <= ' ' || c == '"' || c == 0x7f {
			return false
		}
	}
	return true
}

// joined is p, a part that has just come, with what the stored part old holds
// beside it: RFC 9111 section 3.4. Only a strong validator shows that both are
// of one whole, and only ranges that touch are joined. The header, and with it
// the freshness, is p's.
// One beyond limit bytes is not made.
func (p *page) joined(old *page, limit int64) *page {
	if old == nil || old.kind != part || p.kind != part || p.total < 0 || old.total != p.total {
		return p
	}
	tag, _ := p.get("Etag")
	oldTag, _ := old.get("Etag")
	if tag != oldTag || !isStrongTag(tag) {
		return p
	}
	low, high := p, old
	if old.first < p.first {
		low, high = old, p
	}
	end := low.first + int64(len(low.body))
	if end < high.first || max(end, high.first+int64(len(high.body)))-low.first > limit {
		return p
	}
	out := *p
	out.first = low.first
	out.body = append([]byte(nil), low.body...)
	if over := end - high.first; over < int64(len(high.body)) {
		out.body = append(out.body, high.body[over:]...)
	}
	out.tags = union(p.tags, old.tags)
	out.complete()
	return &out
}

// complete turns a part that holds everything into the whole.
func (p *page) complete() {
	if p.first != 0 || int64(len(p.body)) != p.total {
		p.derive()
		return
	}
	p.kind, p.status, p.first, p.total = whole, http.StatusOK, 0, 0
	p.fields = append([]field(nil), p.fields...)
	for i, f := range p.fields {
		if f.name == "Content-Range" {
			p.fields = append(p.fields[:i], p.fields[i+1:]...)
			break
		}
	}
	p.derive()
}

// rangeText is the Content-Range of the bytes [from, to) of the part p.
func (p *page) rangeText(from, to int64) string {
	total := "*"
	if p.total >= 0 {
		total = strconv.FormatInt(p.total, 10)
	}
	return "bytes " + strconv.FormatInt(p.first+from, 10) + "-" + strconv.FormatInt(p.first+to-1, 10) + "/" + total
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
