package httpcache

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Compression says which bodies are stored in gzip. The zero value works.
//
// A body is compressed once, when it has been sent to whoever caused it and is
// stored. Clients that take gzip then get it as it stands, under a weak
// entity-tag and with Vary: Accept-Encoding; for others it is inflated while it
// is sent. A range is one of the inflated body, under the handler's own tag.
//
// Left as they are: what has a Content-Encoding, or varies on Accept-Encoding
// because the handler chooses itself; no-transform (RFC 9111 section 5.2.2.6);
// what has a digest of its bytes; what hardly gets smaller. To compress what is
// not from the store, put a compressing handler around the cache: one that
// leaves alone what has a Content-Encoding.
type Compression struct {
	// MinSize is the smallest body that is compressed, in bytes. Default 1 KiB.
	MinSize int
	// Types are the media types that are compressed, without parameters; with a *
	// at the end, beginnings; with one at the start, ends. Default: text, JSON,
	// JavaScript, XML, SVG, WebAssembly and uncompressed fonts.
	Types []string
}

var defaultTypes = []string{
	"text/*", "*+json", "*+xml", "application/json", "application/javascript", "application/x-javascript", "application/xml",
	"application/wasm", "application/manifest", "application/vnd.ms-fontobject", "font/ttf", "font/otf", "image/bmp", "image/x-icon",
}

const defaultMinSize = 1 << 10

// zipper stores bodies in gzip and gets them back. least is 0 if none are to be
// stored so; they may be there all the same, from a process that does.
type zipper struct {
	least            int
	types            []string
	writers, readers sync.Pool
}

func newZipper(o *Compression) *zipper {
	z := new(zipper)
	if o == nil {
		return z
	}
	z.least, z.types = o.MinSize, defaultTypes
	def(&z.least, defaultMinSize)
	if o.Types != nil {
		z.types = slices.Clone(o.Types)
	}
	return z
}

// digests are about the bytes of a content as it is sent.
var digests = [...]string{"Digest", "Content-Digest", "Repr-Digest", "Content-Md5"}

// wants reports whether a whole page with p's header, which varies on names, is to
// be stored in gzip.
func (z *zipper) wants(p *page, names []string) bool {
	return z.least > 0 && p.kind == whole && !slices.Contains(names, "Accept-Encoding") && p.mayZip() && z.of(p)
}

// mayZip reports whether a page with p's header may be sent in gzip.
func (p *page) mayZip() bool {
	for _, f := range p.fields {
		switch values := p.values[f.from:f.to]; {
		case f.name == "Content-Encoding", slices.Contains(digests[:], f.name):
			return false
		case f.name == "Cache-Control" && listed(values, "no-transform"):
			return false
		}
	}
	return true
}

// of reports whether bodies of p's type are worth it.
func (z *zipper) of(p *page) bool {
	typed, _ := p.get("Content-Type")
	typed, _, _ = strings.Cut(typed, ";")
	typed = strings.ToLower(strings.Trim(typed, " \t"))
	return slices.ContainsFunc(z.types, func(pattern string) bool {
		if begin, ok := strings.CutSuffix(pattern, "*"); ok {
			return strings.HasPrefix(typed, begin)
		}
		if end, ok := strings.CutPrefix(pattern, "*"); ok {
			return strings.HasSuffix(typed, end)
		}
		return typed == pattern
	})
}

// zip compresses p's body, if that is allowed and worth it.
func (z *zipper) zip(p *page, names []string) {
	if len(p.body) < z.least || !z.wants(p, names) {
		return
	}
	var out bytes.Buffer
	out.Grow(len(p.body) / 3)
	w, ok := z.writers.Get().(*gzip.Writer)
	if ok {
		w.Reset(&out)
	} else {
		w = gzip.NewWriter(&out)
	}
	_, err := w.Write(p.body)
	if end := w.Close(); err != nil || end != nil {
		return
	}
	w.Reset(io.Discard)
	z.writers.Put(w)
	if out.Len() > len(p.body)/10*9 {
		return
	}
	p.total = int64(len(p.body))
	p.body = bytes.Clone(out.Bytes()) // exactly as long as it is
	p.flags |= flagZipped
	p.derive()
}

// unzip writes p's body as it was before zip: that many bytes and no more, or
// an error.
func (z *zipper) unzip(to io.Writer, p *page) error {
	from := bytes.NewReader(p.body)
	r, ok := z.readers.Get().(*gzip.Reader)
	var err error
	if ok {
		err = r.Reset(from)
	} else {
		r, err = gzip.NewReader(from)
	}
	if err != nil {
		return err
	}
	r.Multistream(false)
	n, err := io.Copy(to, io.LimitReader(r, p.total+1)) // to the checksum behind the last byte
	if err == nil && n != p.total {
		err = errRecord
	}
	z.readers.Put(r)
	return err
}

// inflated is p's body as it was before zip, if that has no more than most bytes.
func (z *zipper) inflated(p *page, most int64) ([]byte, error) {
	if p.total > most {
		return nil, errRecord
	}
	var out bytes.Buffer
	err := z.unzip(&out, p)
	return out.Bytes(), err
}

// restore undoes zip, for a page that may not be sent in gzip any more.
func (z *zipper) restore(p *page, most int64) bool {
	body, err := z.inflated(p, most)
	if err != nil {
		return false
	}
	p.body, p.total = body, 0
	p.flags &^= flagZipped
	p.derive()
	return true
}

// size is how long the page's body is before it is compressed.
func (p *page) size() int64 {
	if p.has(flagZipped) {
		return p.total
	}
	return int64(len(p.body))
}

// inGzip is the header of p for who gets its zipped body as it stands.
func (p *page) inGzip() *shape {
	var out page
	vary := make(http.Header)
	for _, f := range p.fields {
		switch values := p.values[f.from:f.to]; {
		case f.name == "Vary":
			vary["Vary"] = values
		case f.name == "Etag" && len(values) == 1 && !strings.HasPrefix(values[0], "W/"):
			out.add("Etag", "W/"+values[0]) // other bytes than those that it names
		default:
			out.add(f.name, values...)
		}
	}
	AddVary(vary, "Accept-Encoding")
	out.add("Vary", vary["Vary"]...)
	out.add("Content-Encoding", "gzip")
	return &shape{fields: out.fields, values: out.values, length: strconv.Itoa(len(p.body))}
}

// wantsPlain reports whether r is for a page as its handler made it: a range, a
// precondition and the strong entity-tag are about that.
func wantsPlain(r *http.Request) bool {
	_, ranged := r.Header["Range"]
	return ranged || preconditioned(r.Header) || listed(r.Header["Cache-Control"], "no-transform") ||
		!takesGzip(r.Header["Accept-Encoding"])
}

// serveInflated answers from a zipped page as its handler made it. The header is
// in place already.
func (c *Cache) serveInflated(w http.ResponseWriter, r *http.Request, p *page) {
	header := w.Header()
	AddVary(header, "Accept-Encoding")
	body := &unzipped{c: c, r: r, p: p}
	if p.status == http.StatusOK && conditional(r.Header) {
		if unmodifiedSince(r, header) {
			writeNotModified(w)
			return
		}
		http.ServeContent(w, r, "", p.modified, body)
		body.check()
		return
	}
	header["Content-Length"] = []string{p.length}
	w.WriteHeader(p.status)
	if r.Method != http.MethodHead {
		body.err = c.zips.unzip(clientWriter{w, body}, p)
		body.check()
	}
}

// unzipped is a stored body for http.ServeContent, which inflates it if it is
// read at all.
type unzipped struct {
	c    *Cache
	r    *http.Request
	p    *page
	at   int64
	data []byte
	left bool // the client has gone
	err  error
}

// Seek implements io.Seeker, for what http.ServeContent asks.
func (u *unzipped) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekEnd {
		offset += u.p.total
	}
	u.at = offset
	return offset, nil
}

// Read implements io.Reader.
func (u *unzipped) Read(b []byte) (int, error) {
	if u.data == nil && u.err == nil {
		u.data, u.err = u.c.zips.inflated(u.p, u.c.maxBody)
	}
	if u.err != nil {
		return 0, u.err
	}
	if u.at >= int64(len(u.data)) {
		return 0, io.EOF
	}
	n := copy(b, u.data[u.at:])
	u.at += int64(n)
	return n, nil
}

// check ends a response whose body could not be inflated, after its header had
// promised it, and forgets the page.
func (u *unzipped) check() {
	if u.err == nil || u.left {
		return
	}
	ctx, end := u.c.patience(context.WithoutCancel(u.r.Context()))
	defer end()
	_, _ = u.c.raw.DeleteMany(ctx, u.c.keyOf(u.r))
	panic(http.ErrAbortHandler)
}

// clientWriter notes that it was the client that did not take more.
type clientWriter struct {
	io.Writer
	body *unzipped
}

func (w clientWriter) Write(b []byte) (int, error) {
	n, err := w.Writer.Write(b)
	w.body.left = w.body.left || err != nil
	return n, err
}

// takesGzip reports whether a client takes gzip, and not rather the body as it
// is. One that says nothing is not known to.
func takesGzip(lines []string) bool {
	gzip, all, identity := -1.0, -1.0, 0.0
	for _, line := range lines {
		for line != "" {
			var member string
			member, line, _ = strings.Cut(line, ",")
			name, q := weighted(member)
			switch {
			case strings.EqualFold(name, "gzip"), strings.EqualFold(name, "x-gzip"):
				gzip = max(gzip, q)
			case name == "*":
				all = q
			case strings.EqualFold(name, "identity"):
				identity = q
			}
		}
	}
	if gzip < 0 {
		gzip = all
	}
	return gzip > 0 && gzip >= identity
}
