package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9/logging"
)

// config is what the flags say.
type config struct {
	addr   string
	cache  string // URLs, nearest tier first
	db     string
	goroot string
	bench  bool
}

// errUsage is a fault in the flags: exit status 2.
var errUsage = errors.New("see -help")

func main() {
	logging.Disable() // what go-redis logs it also returns, and we say it once
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, "webapp:", err)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "webapp:", err)
		os.Exit(1)
	}
}

// run is the program. It returns when ctx ends, or something fails.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	cfg, err := parseFlags(args, os.Getenv("CACHE_URL"), stdout)
	if err != nil {
		return err
	}
	if cfg.bench {
		return bench(ctx, cfg, usualPlan, stdout, stderr)
	}
	s, err := openSite(ctx, cfg, "webapp", stderr)
	if err != nil {
		return err
	}
	return errors.Join(serve(ctx, s, cfg.addr, stdout), s.close())
}

func parseFlags(args []string, cacheURL string, stdout io.Writer) (config, error) {
	cfg := config{}
	if cacheURL == "" {
		cacheURL = defaultCache
	}
	f := flag.NewFlagSet("webapp", flag.ContinueOnError)
	f.SetOutput(io.Discard) // one line says what is wrong, see below
	f.StringVar(&cfg.addr, "addr", "127.0.0.1:8080", "`address` to listen on")
	f.StringVar(&cfg.cache, "cache", "", "cache `URLs`, nearest tier first, such as \"locmem:// redis://127.0.0.1:6379/0\"\n(default CACHE_URL, or else "+defaultCache+")")
	f.StringVar(&cfg.db, "db", "", "`file` of the notes' database (default in memory)")
	f.StringVar(&cfg.goroot, "goroot", "", "`directory` of the Go sources (default this machine's)")
	f.BoolVar(&cfg.bench, "bench", false, "measure pages cold and warm, and exit")
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(stdout, "webapp is the documentation of the Go standard library, cached at every level.")
		f.SetOutput(stdout)
		f.PrintDefaults()
		return cfg, err
	case err != nil && strings.Contains(err.Error(), "://"):
		return cfg, fmt.Errorf("a flag is unknown or unreadable (%w)", errUsage) // a URL may hold a password
	case err != nil:
		return cfg, fmt.Errorf("%w (%w)", err, errUsage)
	case f.NArg() > 0:
		// It may be a URL with a password in it, so it is not repeated.
		return cfg, fmt.Errorf("there is an argument after the flags: quote a -cache that has a space in it (%w)", errUsage)
	}
	if cfg.cache == "" {
		cfg.cache = cacheURL
	}
	return cfg, nil
}

// serve answers requests on addr until ctx ends, and then those under way.
func serve(ctx context.Context, s *site, addr string, stdout io.Writer) error {
	if strings.Contains(addr, "/") {
		return errors.New("-addr is not host:port") // it may be a URL, with a password
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "listening on http://%s\n", l.Addr())
	server := &http.Server{
		Handler:           s.routes(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(l) }()
	select {
	case err := <-stopped:
		return err
	case <-ctx.Done():
	}
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err = server.Shutdown(patience)
	<-stopped
	return err
}
