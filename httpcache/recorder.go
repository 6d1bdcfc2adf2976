package httpcache

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// recorder is the ResponseWriter that a handler gets. It passes everything on
// at once, and keeps a copy of the body if the header allowed that: what is not
// kept is not touched.
//
// Like any ResponseWriter it belongs to one goroutine at a time.
type recorder struct {
	w     http.ResponseWriter
	cache *Cache
	// header is called once, before the final header is sent. It may change the
	// header fields, and set keep and mute; it returns the status to send.
	header func(status int) int
	// lost is called if keep ends before the body does. It may be nil.
	lost func()

	status   int    // of the final header; 0 before it
	keep     bool   // body is a copy of all that was written
	mute     bool   // the client has had its whole answer: what follows is only kept
	hold     bool   // mute, and it has not: another run of the handler will answer
	hijacked bool   // the connection is the handler's
	first    []byte // stands before what the handler writes
	limit    int64  // of body
	body     []byte
	counted  int64 // of body, in the cache's sum
}

// leads reports whether w leads, through Unwrap, to a recorder that is meant.
func leads(w http.ResponseWriter, meant func(*recorder) bool) bool {
	for {
		if rec, ok := w.(*recorder); ok && meant(rec) {
			return true
		}
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return false
		}
		w = u.Unwrap()
	}
}

// around reports whether another handler of this cache stands around w: it says
// in Cache-Status what both did.
func (c *Cache) around(w http.ResponseWriter) bool {
	return leads(w, func(rec *recorder) bool { return rec.cache == c })
}

// Unwrap gives http.ResponseController what the recorder does not intercept.
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.w }

// Header implements http.ResponseWriter.
func (rec *recorder) Header() http.Header { return rec.w.Header() }

// WriteHeader implements http.ResponseWriter. Interim responses pass through
// and leave no trace.
func (rec *recorder) WriteHeader(status int) {
	interim := status >= 100 && status < 200 && status != http.StatusSwitchingProtocols
	if rec.status == 0 && !interim && !rec.hijacked {
		rec.status = status
		status = rec.header(status)
	}
	if !rec.mute {
		rec.w.WriteHeader(status)
	}
	if first := rec.first; first != nil {
		rec.first = nil
		_, _ = rec.Write(first) // the handler's next Write fails too
	}
}

// Write implements http.ResponseWriter.
func (rec *recorder) Write(p []byte) (int, error) {
	if rec.status == 0 {
		rec.WriteHeader(http.StatusOK)
	}
	n, err := len(p), error(nil)
	if !rec.mute {
		n, err = rec.w.Write(p)
	}
	if rec.keep {
		if err != nil || n < len(p) || !rec.room(len(p)) {
			rec.lose()
		} else {
			rec.body = append(rec.body, p...)
		}
	}
	return n, err
}

// WriteString implements io.StringWriter.
func (rec *recorder) WriteString(s string) (int, error) {
	if rec.status == 0 {
		rec.WriteHeader(http.StatusOK)
	}
	n, err := len(s), error(nil)
	if !rec.mute {
		n, err = io.WriteString(rec.w, s)
	}
	if rec.keep {
		if err != nil || n < len(s) || !rec.room(len(s)) {
			rec.lose()
		} else {
			rec.body = append(rec.body, s...)
		}
	}
	return n, err
}

// ReadFrom implements io.ReaderFrom: what is not kept may go from file to
// socket without us.
func (rec *recorder) ReadFrom(src io.Reader) (int64, error) {
	if rec.status == 0 {
		rec.WriteHeader(http.StatusOK)
	}
	if rec.keep || rec.mute {
		return io.Copy(onlyWriter{rec}, src)
	}
	return io.Copy(rec.w, src)
}

// onlyWriter hides ReadFrom from io.Copy.
type onlyWriter struct{ io.Writer }

// FlushError is what http.ResponseController calls.
func (rec *recorder) FlushError() error {
	if rec.status == 0 {
		rec.WriteHeader(http.StatusOK)
	}
	if rec.hold {
		return nil
	}
	return http.NewResponseController(rec.w).Flush()
}

// Flush implements http.Flusher. A ResponseWriter below us that cannot flush
// ignores it.
func (rec *recorder) Flush() { _ = rec.FlushError() }

// Hijack implements http.Hijacker.
func (rec *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(rec.w).Hijack()
	if err == nil {
		rec.hijacked = true
		rec.lose()
	}
	return conn, rw, err
}

// room reports whether n more bytes may be kept, and counts them.
func (rec *recorder) room(n int) bool {
	if int64(len(rec.body))+int64(n) > rec.limit {
		return false
	}
	rec.counted += int64(n)
	return rec.cache.buffered.Add(int64(n)) <= rec.cache.maxBuffered
}

// release ends the counting of what is kept.
func (rec *recorder) release() {
	if rec.counted == 0 {
		return
	}
	rec.cache.buffered.Add(-rec.counted)
	rec.counted = 0
}

// lose gives up keeping the body.
func (rec *recorder) lose() {
	kept := rec.keep
	rec.release()
	rec.keep, rec.body = false, nil
	if (kept || rec.hijacked) && rec.lost != nil {
		rec.lost()
	}
}
