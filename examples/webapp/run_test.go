package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Each fault is one line, and no password is in any.
func TestFaults(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()

	const secret = "hunter2"
	for _, c := range []struct {
		name  string
		args  []string
		env   string
		usage bool
		part  string
	}{
		{"unknown flag", []string{"-nope"}, "", true, "-nope"},
		{"flag without value", []string{"-addr"}, "", true, "-addr"},
		{"bad bool", []string{"-bench=perhaps"}, "", true, "bench"},
		{"argument", []string{"-cache", "locmem://", "redis://:" + secret + "@x/0"}, "", true, "quote"},
		{"URL as flag", []string{"-redis://:" + secret + "@x/0"}, "", true, "flag"},
		{"unknown scheme", []string{"-cache", "nope://:" + secret + "@x"}, "", false, "nope"},
		{"unreadable URL", []string{"-cache", "redis://:" + secret + "@x:port/%zz"}, "", false, "URL"},
		{"URL from the environment", nil, "nope://:" + secret + "@x", false, "nope"},
		{"unreachable Redis", []string{"-cache", "redis://me:" + secret + "@" + closed.Addr().String() + "/0"}, "", false, "does not answer"},
		{"taken port", []string{"-addr", taken.Addr().String()}, "", false, "in use"},
		{"bad address", []string{"-addr", "here"}, "", false, "here"},
		{"bad database", []string{"-db", filepath.Join(t.TempDir(), "no", "such.db")}, "", false, "such.db"},
		{"no sources", []string{"-goroot", t.TempDir()}, "", false, "no Go sources"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("CACHE_URL", c.env)
			var out bytes.Buffer
			err := run(t.Context(), c.args, &out, &out)
			if err == nil || errors.Is(err, errUsage) != c.usage {
				t.Fatalf("got %v, want a fault (of usage: %v)", err, c.usage)
			}
			said := err.Error()
			if strings.Contains(said, "\n") || !strings.Contains(said, c.part) || out.Len() > 0 {
				t.Errorf("got %q and output %q, want one line with %q", said, &out, c.part)
			}
			if strings.Contains(said, secret) {
				t.Errorf("the password is in %q", said)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-help"}, &out, io.Discard); !errors.Is(err, flag.ErrHelp) || !strings.Contains(out.String(), "-cache") {
		t.Errorf("got %v, %q", err, &out)
	}
}

// The program says where it listens, answers there, and ends when it is told.
func TestRun(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	address := &addressWriter{found: make(chan string, 1)}
	done := make(chan error, 1)
	go func() { done <- run(ctx, []string{"-addr", "127.0.0.1:0", "-cache", "locmem://"}, address, t.Output()) }()
	var base string
	select {
	case base = <-address.found:
	case err := <-done:
		t.Fatal(err)
	case <-time.After(time.Minute):
		t.Fatal("it does not start")
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get(base + "/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	stop()
	if err := <-done; err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("got status %d and error %v", resp.StatusCode, err)
	}
}

func TestBench(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	plan := benchPlan{cold: 1, warm: 2, paths: []string{"cmp", "errors", "nope"}}
	if err := bench(t.Context(), config{cache: "locmem://"}, plan, &out, t.Output()); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"cache: locmem;", "/pkg/cmp", "/pkg/errors", "median of the package pages"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("got %s, want %q in it", &out, part)
		}
	}
}
