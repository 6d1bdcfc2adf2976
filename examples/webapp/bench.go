package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// benchPlan is what -bench asks for.
type benchPlan struct {
	cold  int // requests of each page, each with an empty cache
	warm  int // requests of each page, after one that fills the cache
	paths []string
}

// usualPlan asks for twenty of the larger packages.
var usualPlan = benchPlan{cold: 3, warm: 30, paths: []string{
	"crypto/tls", "crypto/x509", "database/sql", "debug/elf", "encoding/gob", "encoding/json", "fmt", "go/types",
	"html/template", "math/big", "net", "net/http", "os", "reflect", "runtime", "strings", "syscall", "testing", "time", "unicode",
}}

// bench starts the site on a free port, asks it for the same pages cold and warm
// over HTTP, one after another, and prints the medians. It works in a prefix of
// its own and clears that at the end: a shared cache is left as it was.
func bench(ctx context.Context, cfg config, plan benchPlan, stdout, stderr io.Writer) (err error) {
	s, err := openSite(ctx, cfg, "bench."+rand.Text()[:8], stderr)
	if err != nil {
		return err
	}
	serving, stop := context.WithCancel(ctx)
	address := &addressWriter{found: make(chan string, 1)}
	served := make(chan error, 1)
	go func() { served <- serve(serving, s, "127.0.0.1:0", address) }()
	defer func() {
		clearing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		cleared := s.client.Clear(clearing)
		stop()
		err = errors.Join(err, <-served, cleared, s.close())
	}()
	var base string
	select {
	case base = <-address.found:
	case err := <-served:
		served <- nil
		return err
	}

	urls := []string{"/"}
	for _, p := range plan.paths {
		if s.std.Has(p) {
			urls = append(urls, "/pkg/"+p)
		}
	}
	client := &http.Client{Transport: &http.Transport{}, Timeout: time.Minute}
	defer client.CloseIdleConnections()
	cold, warm := map[string][]time.Duration{}, map[string][]time.Duration{}
	for range plan.cold {
		for _, u := range urls {
			if err := s.client.Clear(ctx); err != nil {
				return err
			}
			if err := sample(ctx, client, base, u, cold); err != nil {
				return err
			}
		}
	}
	for round := range plan.warm + 1 {
		for _, u := range urls {
			into := warm
			if round == 0 {
				into = map[string][]time.Duration{}
			}
			if err := sample(ctx, client, base, u, into); err != nil {
				return err
			}
		}
	}
	fmt.Fprintf(stdout, "%s, %s/%s, %d CPUs; cache: %s; %d rounds cold, %d warm, one request at a time\n\n",
		s.std.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), schemes(cfg.cache), plan.cold, plan.warm)
	return report(stdout, urls, cold, warm)
}

// sample times one request to the last byte of its answer.
func sample(ctx context.Context, client *http.Client, base, url string, into map[string][]time.Duration) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+url, nil)
	if err != nil {
		return err
	}
	begun := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	into[url] = append(into[url], time.Since(begun))
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	return nil
}

// report prints the medians of each page, and the medians of those of all
// package pages.
func report(stdout io.Writer, urls []string, cold, warm map[string][]time.Duration) error {
	w := tabwriter.NewWriter(stdout, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "page\tcold\twarm\tratio\t")
	line := func(name string, c, h time.Duration) {
		fmt.Fprintf(w, "%s\t%s\t%s\t%.0f×\t\n", name, millis(c), millis(h), float64(c)/float64(h))
	}
	var colds, warms []time.Duration
	for _, u := range urls {
		c, h := median(cold[u]), median(warm[u])
		line(u, c, h)
		if u != "/" {
			colds, warms = append(colds, c), append(warms, h)
		}
	}
	line("median of the package pages", median(colds), median(warms))
	return w.Flush()
}

func median(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}

// schemes names the tiers without what else is in their URLs.
func schemes(urls string) string {
	var names []string
	for _, u := range strings.Fields(urls) {
		scheme, _, _ := strings.Cut(u, "://")
		names = append(names, scheme)
	}
	return strings.Join(names, " → ")
}

// addressWriter finds the address in what serve prints.
type addressWriter struct{ found chan string }

func (w *addressWriter) Write(b []byte) (int, error) {
	if _, address, ok := strings.Cut(string(bytes.TrimSpace(b)), "listening on "); ok {
		w.found <- address
	}
	return len(b), nil
}
