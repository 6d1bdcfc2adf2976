package redisstore

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// What [Open] chooses for its client. A cache that is slower than what it
// caches is of no use, so it gives up soon.
const (
	openTimeout = 300 * time.Millisecond
	openRetries = 1 // a connection that the server closed meanwhile is met once
)

// Open returns a store at a URL, and makes its own client, which Close closes:
//
//	redis://[user:password@]host[:port][/database][?namespace=name]
//
// With rediss:// the connection is TLS, checked against the host. The default
// port is 6379, the default database 0, the default namespace "strata".
// Characters of a user or password that mean something in a URL must be
// percent-encoded. Open makes no round trip, and no part of the URL but its
// host is ever in an error.
//
// Dialing, reading and writing take up to 300 ms each, less if the deadline of a
// call's context is before; what may be repeated is tried twice, so that a call
// to a server that hangs takes 0.6 seconds. Use [New] with a client of your own to
// choose otherwise.
func Open(rawURL string) (*Store, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		// The parser's error quotes its input, password and all.
		return nil, errors.New("redisstore: the URL cannot be parsed (is a password percent-encoded?)")
	}
	return OpenURL(u)
}

// OpenURL is [Open] for a URL that is parsed already.
func OpenURL(u *url.URL) (*Store, error) {
	opts, namespace, err := parse(u)
	if err != nil {
		return nil, fmt.Errorf("redisstore: the URL: %w", err)
	}
	rdb := redis.NewClient(opts)
	s, err := New(rdb, &Options{Namespace: namespace})
	if err != nil {
		_ = rdb.Close()
		return nil, err
	}
	s.close = rdb.Close
	return s, nil
}

// parse quotes of the URL only what cannot be a part of a password that was not
// encoded.
func parse(u *url.URL) (*redis.Options, string, error) {
	if u.Scheme != "redis" && u.Scheme != "rediss" {
		return nil, "", errors.New("the scheme is not redis or rediss")
	}
	if u.Opaque != "" || u.Fragment != "" || strings.Contains(u.Path+u.RawQuery, "@") {
		return nil, "", errors.New("it is not redis://user:password@host:port/database (in a password, # is %23, / is %2F, ? is %3F)")
	}
	host, port := u.Hostname(), u.Port()
	if host == "" {
		return nil, "", errors.New("it has no host")
	}
	if port == "" {
		port = "6379"
	}
	namespace, err := parseQuery(u)
	if err != nil {
		return nil, "", err
	}
	password, _ := u.User.Password()
	opts := &redis.Options{
		Addr:     net.JoinHostPort(host, port),
		Username: u.User.Username(), Password: password,
		DialTimeout: openTimeout, ReadTimeout: openTimeout, WriteTimeout: openTimeout,
		MaxRetries: openRetries, DialerRetries: 1, ContextTimeoutEnabled: true,
		// What a connection asks for first is what the store needs, no more.
		Protocol: 2, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if u.Scheme == "rediss" {
		opts.TLSConfig = &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	}
	if path := strings.Trim(u.Path, "/"); path != "" {
		db, err := strconv.ParseUint(path, 10, 31)
		if err != nil {
			return nil, "", errors.New("the database is not a number")
		}
		opts.DB = int(db)
	}
	return opts, namespace, nil
}

func parseQuery(u *url.URL) (namespace string, err error) {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", errors.New("its parameters cannot be parsed")
	}
	plain := regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)
	for name, values := range query {
		switch {
		case name != "namespace" && plain.MatchString(name):
			return "", fmt.Errorf("unknown parameter %q: the only one is namespace", name)
		case name != "namespace":
			return "", errors.New("unknown parameter: the only one is namespace")
		case len(values) != 1:
			return "", errors.New("the parameter namespace is given twice")
		}
		namespace = values[0]
		if err := checkNamespace(namespace); err != nil {
			return "", fmt.Errorf("the parameter namespace: %w", err)
		}
	}
	return namespace, nil
}
