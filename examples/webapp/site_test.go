package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
)

func TestList(t *testing.T) {
	t.Parallel()
	p := start(t, "locmem://").person(t)
	p.get("/").want(t, 200, `href="/pkg/net/http"`, "Package http provides HTTP client and server", "!internal/abi", "!/pkg/cmd", "</html>")
	p.get("/?q=HTTP%2Fcook").want(t, 200, "/pkg/net/http/cookiejar", "!/pkg/archive/tar", "1 of")
	p.get("/?q=arbitrary-precision").want(t, 200, "/pkg/math/big") // in its synopsis
	p.get("/?q="+url.QueryEscape(`"><script>x`)).want(t, 200, "No package", "!<script>", `&lt;script&gt;`)
	p.get("/?q="+strings.Repeat("x", 101)).want(t, 400, "at most 100")
}

func TestPackagePage(t *testing.T) {
	t.Parallel()
	p := start(t, "locmem://").person(t)
	first := p.get("/pkg/errors")
	first.want(t, 200, `import "errors"`, `id="As"`, `href="#Is"`, "Example", `<form method="post" action="/pkg/errors">`,
		"page <b>miss</b>", "package <b>miss</b>", "</html>")
	if first.cached() {
		t.Errorf("first request: got Cache-Status %q, want a miss", first.header.Get("Cache-Status"))
	}
	again := p.get("/pkg/errors")
	again.want(t, 200, "page <b>hit</b>", "!package <b>")
	if !again.cached() || !strings.Contains(again.header.Get("Server-Timing"), "total;dur=") {
		t.Errorf("second request: got Cache-Status %q, Server-Timing %q", again.header.Get("Cache-Status"), again.header.Get("Server-Timing"))
	}
	// A reload is answered from the cache, and one address stands for all.
	for _, path := range []string{"/pkg/errors", "/pkg/errors?x=1", "/pkg/%65rrors"} {
		if a := p.get(path, "Cache-Control", "max-age=0", "If-None-Match", "*", "Range", "bytes=0-9"); !a.cached() || a.status != 200 {
			t.Errorf("GET %s: got status %d, Cache-Status %q, want a hit", path, a.status, a.header.Get("Cache-Status"))
		}
	}
	if got := again.header.Get("Cache-Control"); got != "private, no-cache" {
		t.Errorf("Cache-Control of a page with the visitor's own parts: got %q", got)
	}
	if n := p.site.work.count(workPage); n != 1 {
		t.Errorf("pages rendered: got %d, want 1", n)
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	p := start(t, "locmem://").person(t)
	p.get("/pkg/cmp").want(t, 200, "<!doctype html>")
	const kind = "application/json"
	for range 2 { // one miss, one hit, and never the HTML
		p.get("/pkg/cmp", "Accept", kind).want(t, 200, `"path":"cmp"`, "!<!doctype html>", "!<footer")
	}
	a := p.get("/pkg/cmp", "Accept", kind)
	if tag := a.header.Get("ETag"); tag == "" || p.get("/pkg/cmp", "Accept", kind, "If-None-Match", tag).status != http.StatusNotModified {
		t.Errorf("a second request with ETag %q was not answered by 304", tag)
	}
	if a.header.Get("Set-Cookie") != "" || !a.cached() {
		t.Errorf("got Cache-Status %q and Set-Cookie %q", a.header.Get("Cache-Status"), a.header.Get("Set-Cookie"))
	}
}

// A new note shows on the next load, and of all pages only its package's is made
// anew.
func TestNote(t *testing.T) {
	t.Parallel()
	testNote(t, "locmem://")
}

func testNote(t *testing.T, cacheURLs string) {
	s := start(t, cacheURLs)
	ada, bob := s.person(t), s.person(t)
	for _, path := range []string{"/", "/pkg/errors", "/pkg/cmp", "/pkg/errors", "/pkg/cmp"} {
		ada.get(path)
		bob.get(path)
	}
	pages, parsed, docs := s.work.count(workPage), s.work.count(workParse), s.work.count(workDoc)

	got := ada.note("/pkg/errors", "<b>Wrap</b> it & go.")
	got.want(t, 200, "&lt;b&gt;Wrap&lt;/b&gt; it &amp; go.", "<strong>Ada</strong>", "Your notes", "/notes/1/delete")
	if got.path != "/pkg/errors" || got.cached() {
		t.Errorf("after the note: got %s with Cache-Status %q, want the page made anew", got.path, got.header.Get("Cache-Status"))
	}
	seen := bob.get("/pkg/errors")
	seen.want(t, 200, "Wrap", "!/notes/1/delete")
	other := bob.get("/pkg/cmp")
	other.want(t, 200, "Latest notes", "Wrap") // in the sidebar
	if !seen.cached() || !other.cached() {
		t.Errorf("got Cache-Status %q and %q, want hits", seen.header.Get("Cache-Status"), other.header.Get("Cache-Status"))
	}
	if n := s.work.count(workPage) - pages; n != 1 {
		t.Errorf("pages rendered for one note: got %d, want 1", n)
	}
	if p, d := s.work.count(workParse)-parsed, s.work.count(workDoc)-docs; p != 0 || d != 0 {
		t.Errorf("for one note: %d packages parsed, %d documentations rendered, want none", p, d)
	}

	bob.do("POST", "/notes/1/delete", url.Values{}).want(t, 404, "no such note of yours")
	ada.do("POST", "/notes/1/delete", url.Values{}).want(t, 200, "!Wrap", "Nobody has left a note")
	bob.get("/").want(t, 200, "No notes yet")
	ada.get("/stats").want(t, 200, "package parsed", "notes on errors")
}

// Whoever loads a page after a note was answered sees it, whatever else is going
// on.
func TestNotesOfMany(t *testing.T) {
	t.Parallel()
	s := start(t, "locmem://")
	var wg sync.WaitGroup
	for i := range 6 {
		p := s.person(t)
		wg.Go(func() {
			for j := range 8 {
				text := fmt.Sprintf("note-%d-%d.", i, j)
				p.note("/pkg/unique", text)
				if a := p.get("/pkg/unique"); !strings.Contains(a.body, text) {
					t.Errorf("%s is not on the page", text)
				}
			}
		})
	}
	wg.Wait()
}

// What is one visitor's is on no other visitor's page.
func TestVisitors(t *testing.T) {
	t.Parallel()
	s := start(t, "locmem://")
	ada, bob := s.person(t), s.person(t)
	ada.get("/pkg/cmp").want(t, 200, "Packages that you open are listed here") // a newcomer
	bob.get("/")
	recent := func(p *person, path string) string {
		_, after, _ := strings.Cut(p.get(path).body, "Your recent packages")
		after, _, _ = strings.Cut(after, "</section>")
		return after
	}
	ada.get("/pkg/errors")
	if got := recent(ada, "/pkg/cmp"); strings.Index(got, "/pkg/cmp") > strings.Index(got, "/pkg/errors") || !strings.Contains(got, "/pkg/errors") {
		t.Errorf("Ada's recent packages: got %s, want cmp and then errors", got)
	}
	if got := recent(bob, "/pkg/errors"); !strings.Contains(got, "/pkg/errors") || strings.Contains(got, "/pkg/cmp") {
		t.Errorf("Bob's recent packages: got %s, want errors", got)
	}
	for name, cookie := range map[string]string{"short": "x", "long": strings.Repeat("y", 400)} {
		bob.get("/", "Cookie", "visitor="+cookie).want(t, 200, "</html>")
		if t.Failed() {
			t.Errorf("with a %s cookie", name)
		}
	}
}

func TestMostRead(t *testing.T) {
	t.Parallel()
	p := start(t, "locmem://").person(t)
	for range 3 {
		p.get("/pkg/cmp")
	}
	p.get("/pkg/errors")
	p.do("HEAD", "/pkg/errors", nil) // nobody has read it
	ranks, err := p.site.library.MostRead(t.Context())
	if err != nil || len(ranks) != 2 || ranks[0] != (Rank{"cmp", 3}) || ranks[1] != (Rank{"errors", 1}) {
		t.Errorf("got %v, %v, want cmp 3, errors 1", ranks, err)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	p := start(t, "locmem://").person(t)
	long := url.Values{"text": {strings.Repeat("x", 2001)}}
	huge := url.Values{"text": {strings.Repeat("x", maxForm)}}
	p.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, c := range []struct {
		method, path string
		form         url.Values
		header       []string
		status       int
		part         string
	}{
		{method: "GET", path: "/pkg/nope", status: 404, part: "no such package"},
		{method: "GET", path: "/pkg/internal/abi", status: 404},
		{method: "GET", path: "/pkg/cmd/go", status: 404},
		{method: "GET", path: "/pkg/..%2f..%2fetc", status: 404},
		{method: "GET", path: "/pkg/errors%00", status: 404},
		{method: "GET", path: "/pkg/errors/", status: 301},
		{method: "GET", path: "/net/http", status: 301},
		{method: "GET", path: "/static/" + fingerprint + "/style.css", status: 200, part: "body"},
		{method: "GET", path: "/static/" + fingerprint + "/..%2ftemplates%2flist.html", status: 404},
		{method: "GET", path: "/static/0/style.css", status: 404},
		{method: "HEAD", path: "/", status: 200},
		{method: "HEAD", path: "/pkg/errors", status: 200},
		{method: "PUT", path: "/pkg/errors", status: 405},
		{method: "POST", path: "/", form: url.Values{}, status: 405},
		{method: "POST", path: "/pkg/nope", form: url.Values{"text": {"x"}}, status: 404},
		{method: "POST", path: "/pkg/errors", form: url.Values{}, status: 422},
		{method: "POST", path: "/pkg/errors", form: url.Values{"text": {" \n "}}, status: 422},
		{method: "POST", path: "/pkg/errors", form: url.Values{"text": {"a\x00b"}}, status: 422},
		{method: "POST", path: "/pkg/errors", form: url.Values{"text": {"a\xffb"}}, status: 422},
		{method: "POST", path: "/pkg/errors", form: url.Values{"text": {"x"}, "author": {strings.Repeat("é", 41)}}, status: 422},
		{method: "POST", path: "/pkg/errors", form: long, status: 422},
		{method: "POST", path: "/pkg/errors", form: huge, status: 413},
		{method: "POST", path: "/pkg/errors", form: url.Values{"text": {"x"}}, header: []string{"Sec-Fetch-Site", "cross-site"}, status: 403},
		{method: "POST", path: "/pkg/errors", form: url.Values{"text": {"x"}}, header: []string{"Sec-Fetch-Site", "same-origin"}, status: 303},
		{method: "POST", path: "/notes/x/delete", form: url.Values{}, status: 404},
		{method: "POST", path: "/notes/99/delete", form: url.Values{}, status: 404},
	} {
		a := p.do(c.method, c.path, c.form, c.header...)
		if a.status != c.status || !strings.Contains(a.body, c.part) {
			t.Errorf("%s %s: got %d, want %d with %q", c.method, c.path, a.status, c.status, c.part)
		}
		if c.method == "HEAD" && a.body != "" {
			t.Errorf("HEAD %s: got a body", c.path)
		}
		if a.status != 403 && (a.header.Get("Cache-Status") == "" || a.header.Get("Server-Timing") == "") {
			t.Errorf("%s %s: got no Cache-Status or Server-Timing", c.method, c.path)
		}
		if !strings.HasPrefix(a.header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s %s: got no policy", c.method, c.path)
		}
	}
}
