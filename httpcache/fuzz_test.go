package httpcache_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// headerOf makes a header of lines "name: value"; what a server would not read is
// left out.
func headerOf(lines string) http.Header {
	h := make(http.Header)
	for line := range strings.SplitSeq(lines, "\n") {
		name, value, ok := strings.Cut(line, ":")
		value = strings.Trim(value, " \t")
		if !ok || name == "" || strings.ContainsFunc(name, func(r rune) bool {
			return !strings.ContainsRune("-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", r)
		}) ||
			strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
			continue
		}
		if n := http.CanonicalHeaderKey(name); n != "Upgrade" && n != "Host" {
			h.Add(n, value)
		}
	}
	return h
}

// FuzzExchange plays two requests with any headers against a handler with any
// header. Whatever they say, a client gets a response that its handler could have
// given to it: a body of this handler, or a part of one that was asked for, or a
// 304 or 412 to a condition.
func FuzzExchange(f *testing.F) {
	f.Add("", "", "Cache-Control: max-age=5\nEtag: \"1\"", "", uint16(0), uint16(0), uint8(3))
	f.Add("Range: bytes=0-3", "Range: bytes=1-2", "Cache-Control: max-age=60\nContent-Range: bytes 0-3/9\nEtag: \"1\"", "", uint16(6), uint16(104), uint8(9))
	f.Add("Authorization: a", "Cache-Control: no-cache\nIf-None-Match: \"1\"", "Cache-Control: s-maxage=60, stale-while-revalidate=9\nVary: Accept", "Etag: \"2\"", uint16(204), uint16(303), uint8(70))
	f.Add("If-Modified-Since: x", "Cache-Control: only-if-cached", "CDN-Cache-Control: max-age=6\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT", "Cache-Control: private", uint16(101), uint16(104), uint8(0))
	f.Add("Range: bytes=0-3", "", "Cache-Control: max-age=60\nContent-Range: bytes 0-3/8\nEtag: \"1\"", "Content-Range: bytes 4-7/8\nEtag: \"1\"", uint16(6), uint16(6), uint8(1))
	f.Fuzz(func(t *testing.T, ask1, ask2, say1, say2 string, status1, status2 uint16, wait uint8) {
		synctest.Test(t, func(t *testing.T) {
			asks, says := []string{ask1, ask2}, []string{say1, say2}
			statuses := []int{200 + int(status1)%400, 200 + int(status2)%400}
			turn := 0
			h := newPages(t, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for name, values := range headerOf(says[turn]) {
					w.Header()[name] = values
				}
				delete(w.Header(), "Content-Length")
				w.WriteHeader(statuses[turn])
				if statuses[turn] != 304 && statuses[turn] != 204 {
					_, _ = io.WriteString(w, "body")
				}
			}))
			for turn = range 2 {
				r := httptest.NewRequest(http.MethodGet, "http://example.com/a", nil)
				r.Header = headerOf(asks[turn])
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				synctest.Wait()
				given := map[int]bool{statuses[0]: true, statuses[turn]: true}
				_, ranged := r.Header["Range"]
				conditional := false
				for _, name := range []string{"If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since"} {
					_, has := r.Header[name]
					conditional = conditional || has
				}
				status := strings.Join(w.Header()["Cache-Status"], ",")
				if strings.Contains(status, "fwd-status=206") { // two parts
					if w.Code != 200 || w.Body.String() != "bodybody" {
						t.Errorf("turn %d: %d with body %q", turn, w.Code, w.Body)
					}
					continue
				}
				hit := strings.Contains(status, "Strata; hit")
				switch {
				case len(w.Header()["Cache-Status"]) == 0:
					t.Errorf("no Cache-Status: %v", w.Header())
				case !given[w.Code] && !(ranged && (w.Code == 206 || w.Code == 416)) && !(conditional && (w.Code == 304 || w.Code == 412)) && w.Code != 504:
					t.Errorf("turn %d: %d to %v", turn, w.Code, r.Header)
				case hit && w.Code == 206 && !ranged, hit && w.Code == 304 && !conditional && statuses[0] != 304:
					t.Errorf("turn %d: a hit with %d to %v", turn, w.Code, r.Header)
				case w.Code == 200 && given[200] && w.Body.String() != "body":
					t.Errorf("turn %d: body %q", turn, w.Body)
				}
				time.Sleep(time.Duration(wait) * time.Second)
			}
		})
	})
}
