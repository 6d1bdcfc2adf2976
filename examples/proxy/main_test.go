package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stratacache/strata/httpcache"
)

// freeAddr is an address that nobody listens on at the moment.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestProxy(t *testing.T) {
	var runs atomic.Int64
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		fmt.Fprintf(w, "%s %d", r.Host, runs.Add(1))
	}))
	defer origin.Close()
	addr, admin := freeAddr(t), freeAddr(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, addr, origin.URL, "locmem://", admin, "secret", &httpcache.Options{}) }()

	client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	get := func() string {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			resp, err := client.Get("http://" + addr + "/")
			if err != nil && time.Now().Before(deadline) {
				continue // it is not listening yet
			}
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			return string(body)
		}
	}
	for range 2 {
		if got, want := get(), addr+" 1"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	purge, err := http.NewRequest(http.MethodPost, "http://"+admin, strings.NewReader(url.Values{"url": {"http://" + addr + "/"}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	purge.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	purge.Header.Set("Authorization", "Bearer secret")
	resp, err := client.Do(purge)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if got, want := get(), addr+" 2"; resp.StatusCode != http.StatusNoContent || got != want {
		t.Errorf("after a purge, %d: got %q, want %q", resp.StatusCode, got, want)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ origin, store string }{{"http://", "locmem://"}, {"127.0.0.1:1", "nosuch://"}} {
		if err := run(t.Context(), "127.0.0.1:0", tt.origin, tt.store, "", "", nil); err == nil {
			t.Errorf("%+v: no error", tt)
		}
	}
}

func TestOriginURL(t *testing.T) {
	t.Parallel()
	for origin, want := range map[string]string{
		"http://127.0.0.1:8000": "http://127.0.0.1:8000", "https://example.org": "https://example.org", "127.0.0.1:8000": "http://127.0.0.1:8000",
		"ftp://example.org": "", "http://": "", "": "", "http://u:hunter2@[::1": "",
	} {
		u, err := originURL(origin)
		switch {
		case want == "" && (err == nil || strings.Contains(err.Error(), "hunter2")):
			t.Errorf("%q: got %v, %v, want an error without the password", origin, u, err)
		case want != "" && (err != nil || u.String() != want):
			t.Errorf("%q: got %v, %v, want %s", origin, u, err, want)
		}
	}
}
