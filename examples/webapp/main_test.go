package main

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// running is a site behind an address.
type running struct {
	*site
	url string
}

func start(t *testing.T, cacheURLs string) *running {
	t.Helper()
	s, err := openSite(t.Context(), config{cache: cacheURLs}, "test", t.Output())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.routes())
	t.Cleanup(func() {
		server.Close()
		if err := s.close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return &running{s, server.URL}
}

// person is a visitor with a browser of their own.
type person struct {
	t    *testing.T
	site *running
	http *http.Client
}

func (r *running) person(t *testing.T) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &person{t, r, &http.Client{Jar: jar, Transport: transport}}
}

type answer struct {
	status int
	header http.Header
	body   string
	path   string // after redirects
}

func (p *person) do(method, path string, form url.Values, header ...string) answer {
	p.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(context.WithoutCancel(p.t.Context()), method, p.site.url+path, body)
	if err != nil {
		p.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := p.http.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b), resp.Request.URL.Path}
}

func (p *person) get(path string, header ...string) answer {
	p.t.Helper()
	return p.do(http.MethodGet, path, nil, header...)
}

func (p *person) note(path, text string) answer {
	p.t.Helper()
	return p.do(http.MethodPost, path, url.Values{"author": {"Ada"}, "text": {text}})
}

// want checks the status and that the body has, or with a leading "!" has not,
// each of parts.
func (a answer) want(t *testing.T, status int, parts ...string) {
	t.Helper()
	if a.status != status {
		t.Errorf("%s: got status %d, want %d", a.path, a.status, status)
	}
	for _, part := range parts {
		part, absent := strings.CutPrefix(part, "!")
		if strings.Contains(a.body, part) == absent {
			t.Errorf("%s: the body has %q: got %v, want %v\n%s", a.path, part, absent, !absent, tail(a.body))
		}
	}
}

func tail(s string) string { return s[max(0, len(s)-2000):] }

func (a answer) cached() bool { return strings.Contains(a.header.Get("Cache-Status"), "; hit") }
