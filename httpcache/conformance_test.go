package httpcache_test

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/httpcache"
)

// The conformance tests play exchanges: what the client sends, what the origin
// would answer, and what the client gets. Each is named by the section that asks
// for it, and is run around a handler and in front of a proxy.

// exchange is one request and what is expected of it.
type exchange struct {
	after  time.Duration // since the last one
	method string        // GET if empty
	url    string        // http://example.com/ if empty
	send   []string      // header fields: name, value, name, value

	status int      // the origin's answer: 200 if zero
	header []string // of it
	body   string   // of it; "body" if empty, and none for "-"
	dead   bool     // the origin cannot be reached

	want       string   // "hit": from the store; "asked": the origin was asked; "304": it was asked, and its 304 used
	wantStatus int      // that the client gets; 200 if zero
	wantBody   string   // not checked if empty
	wantHeader []string // fields that the client gets; a value "" means that there is none
	wantSent   []string // fields that the origin got; a value "" means that there was none
}

type conformance struct {
	name  string
	opts  *httpcache.Options
	proxy bool // only makes sense for one
	steps []exchange
}

// scripted is an origin that answers as the current exchange says.
type scripted struct {
	step *exchange
	got  []*http.Request
}

func (o *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.got = append(o.got, r)
	s := o.step
	for i := 0; i+1 < len(s.header); i += 2 {
		w.Header().Add(s.header[i], s.header[i+1])
	}
	w.WriteHeader(max(s.status, 200*boolInt(s.status == 0)))
	switch {
	case s.body == "-", s.status == 304, s.status == 204:
	case s.body == "":
		_, _ = io.WriteString(w, "body")
	default:
		_, _ = io.WriteString(w, s.body)
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// RoundTrip lets a ReverseProxy reach the origin without a network.
func (o *scripted) RoundTrip(r *http.Request) (*http.Response, error) {
	if o.step.dead {
		o.got = append(o.got, r)
		return nil, errors.New("connection refused")
	}
	w := httptest.NewRecorder()
	o.ServeHTTP(w, r)
	resp := w.Result()
	resp.Request = r
	if len(resp.Header["Date"]) == 0 {
		resp.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	return resp, nil
}

func runConformance(t *testing.T, tests []conformance) {
	t.Helper()
	for _, tt := range tests {
		for _, mode := range []string{"handler", "proxy"} {
			if tt.proxy && mode == "handler" {
				continue
			}
			t.Run(tt.name+"/"+mode, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { tt.play(t, mode == "proxy") })
			})
		}
	}
}

func (tt *conformance) play(t *testing.T, proxy bool) {
	origin := &scripted{}
	pages := newPages(t, tt.opts)
	h := pages.Handler(origin)
	if proxy {
		pages = over(t, open(t, &broken{Store: locmem.New(nil)}), tt.opts) // a store that keeps bytes
		h = pages.Proxy(&httputil.ReverseProxy{
			Rewrite:   func(p *httputil.ProxyRequest) { p.Out.URL.Scheme, p.Out.URL.Host = "http", "origin.example" },
			Transport: origin,
			ErrorLog:  log.New(io.Discard, "", 0),
		})
	}
	for i, s := range tt.steps {
		time.Sleep(s.after)
		origin.step, origin.got = &s, nil
		method, url := s.method, s.url
		if method == "" {
			method = http.MethodGet
		}
		if url == "" {
			url = "http://example.com/"
		}
		resp := do(h, requestOf(method, url, s.send...))
		synctest.Wait() // a refresh in the background
		s.check(t, i+1, resp, origin.got)
	}
}

func (s *exchange) check(t *testing.T, n int, resp *http.Response, got []*http.Request) {
	t.Helper()
	fault := func(format string, args ...any) {
		t.Helper()
		t.Errorf("exchange %d: "+format+"\n response %d %v", append(append([]any{n}, args...), resp.StatusCode, resp.Header)...)
	}
	status := strings.Join(resp.Header["Cache-Status"], ", ")
	hit := strings.HasPrefix(status, "Strata; hit")
	switch s.want {
	case "hit":
		if !hit {
			fault("got %q, want a hit", status)
		}
	case "asked":
		if hit || len(got) == 0 {
			fault("got %q and %d requests at the origin, want it asked", status, len(got))
		}
	case "304":
		if !strings.Contains(status, "fwd-status=304") {
			fault("got %q, want one that the origin confirmed", status)
		}
	case "none":
		if len(got) > 0 {
			fault("the origin was asked")
		}
	}
	if want := max(s.wantStatus, 200*boolInt(s.wantStatus == 0)); resp.StatusCode != want {
		fault("status %d, want %d", resp.StatusCode, want)
	}
	if body := bodyOf(t, resp); s.wantBody != "" && body != strings.TrimPrefix(s.wantBody, "-") {
		fault("body %q, want %q", body, s.wantBody)
	}
	match := func(side string, h http.Header, want []string) {
		for i := 0; i+1 < len(want); i += 2 {
			values, has := h[http.CanonicalHeaderKey(want[i])]
			if value := strings.Join(values, ", "); value != want[i+1] || has != (want[i+1] != "") {
				fault("%s: %s is %q, want %q", side, want[i], value, want[i+1])
			}
		}
	}
	match("response", resp.Header, s.wantHeader)
	if len(s.wantSent) > 0 {
		if len(got) == 0 {
			fault("the origin was not asked")
			return
		}
		match("request", got[len(got)-1].Header, s.wantSent)
	}
}
