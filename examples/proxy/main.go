// Proxy is a caching reverse proxy: RFC 9111 in front of one origin.
//
//	go run ./examples/proxy -addr 127.0.0.1:8080 -origin http://127.0.0.1:8000
package main

import (
	"context"
	"crypto/subtle"
	"errors"
	"flag"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	_ "github.com/stratacache/strata/backends/locmem"
	_ "github.com/stratacache/strata/backends/redisstore"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/httpcache"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	origin := flag.String("origin", "http://127.0.0.1:8000", "where to fetch from")
	store := flag.String("cache", "locmem://", "where to keep pages: a cache URL")
	body := flag.Int64("max-body", 8<<20, "the largest body that is stored, in bytes")
	ignore := flag.String("ignore-query", "", "query parameters that make no other page, such as utm_*,fbclid")
	hosts := flag.String("hosts", "", "the hosts that are served, such as shop.example,*.shop.example; empty: all")
	zip := flag.Bool("gzip", false, "store text in gzip")
	admin := flag.String("admin", "", "where to listen for purges; empty: nowhere")
	token := flag.String("admin-token", "", "the Bearer token that a purge needs; empty: that in PURGE_TOKEN")
	flag.Parse()
	if flag.NArg() > 0 { // it may be a URL with a password in it, so it is not repeated
		log.Fatal("there is an argument after the flags: quote what has a space in it")
	}
	if *token == "" { // as a default it would be printed
		*token = os.Getenv("PURGE_TOKEN")
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	opts := &httpcache.Options{
		MaxBody: *body, IgnoreQuery: list(*ignore), Hosts: list(*hosts), UnknownHosts: httpcache.RefuseUnknownHosts,
	}
	if *zip {
		opts.Compress = &httpcache.Compression{}
	}
	if err := run(ctx, *addr, *origin, *store, *admin, *token, opts); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, addr, origin, store, admin, token string, opts *httpcache.Options) (err error) {
	target, err := originURL(origin)
	if err != nil {
		return err
	}
	client, err := cache.Open(ctx, store, nil)
	if err != nil {
		return err
	}
	pages, err := httpcache.New(client, opts)
	if err != nil {
		return errors.Join(err, client.Close(ctx))
	}
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err = errors.Join(err, pages.Close(ending), client.Close(ending))
	}()

	if admin != "" && token == "" {
		return errors.New("-admin needs -admin-token, or PURGE_TOKEN: nobody could purge")
	}
	servers := []*http.Server{{Addr: addr, Handler: pages.Proxy(proxyTo(target))}}
	if admin != "" {
		bearer := func(r *http.Request) bool {
			given := []byte(r.Header.Get("Authorization"))
			return token != "" && subtle.ConstantTimeCompare(given, []byte("Bearer "+token)) == 1
		}
		servers = append(servers, &http.Server{Addr: admin, Handler: pages.PurgeHandler(bearer)})
	}
	return serve(ctx, servers)
}

// proxyTo forwards requests as they came: the host that the client asked for,
// and no coding that the client did not.
func proxyTo(target *url.URL) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(target)
			p.Out.Host = p.In.Host
			p.SetXForwarded()
			p.Out.Header.Add("Via", "1.1 strata") // RFC 9110 section 7.6.3
		},
		Transport: &http.Transport{DisableCompression: true, IdleConnTimeout: 5 * time.Second, MaxIdleConnsPerHost: 64},
	}
}

// serve runs the servers until ctx ends or one of them fails.
func serve(ctx context.Context, servers []*http.Server) error {
	failed := make(chan error, len(servers))
	var errs []error
	for _, s := range servers {
		s.ReadHeaderTimeout = 10 * time.Second
		if _, _, err := net.SplitHostPort(s.Addr); err != nil {
			failed <- errors.New("-addr or -admin is not host:port") // it may be a URL with a password
			break
		}
		l, err := net.Listen("tcp", s.Addr)
		if err != nil {
			failed <- err
			break
		}
		log.Printf("listening on http://%s", l.Addr())
		go func() { failed <- s.Serve(l) }()
	}
	select {
	case <-ctx.Done():
	case err := <-failed:
		errs = append(errs, err)
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	for _, s := range servers {
		errs = append(errs, s.Shutdown(ending))
	}
	return errors.Join(errs...)
}

// originURL takes a URL, or host:port.
func originURL(s string) (*url.URL, error) {
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("-origin is no http:// or https:// URL, nor host:port") // it may hold a password
	}
	return u, nil
}

// list is nil for "".
func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}
