package redisstore

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stratacache/strata/cache/driver/storeurl"
)

// target is what a URL says.
type target struct {
	kind      string // "", sentinel or cluster
	socket    string // the path of a Unix socket, in place of addrs
	addrs     []string
	master    string // of sentinels
	db        int
	user      *url.Userinfo
	tls       *tls.Config
	namespace string
	pin       time.Duration
	timeout   time.Duration
	replicas  bool // of sentinels: read from replicas
}

// The names of schemes: what is before a plus, and what may follow it.
func plainSchemes() []string { return []string{"redis", "rediscache", "hiredis", "valkey"} }
func tlsSchemes() []string   { return []string{"rediss", "valkeys"} }

const (
	sentinelKind = "sentinel"
	clusterKind  = "cluster"
	unixScheme   = "unix"
	defaultPort  = "6379"
	sentinelPort = "26379"
)

// schemes are all that Open knows.
func schemes() []string {
	all := []string{unixScheme}
	for _, s := range slices.Concat(plainSchemes(), tlsSchemes()) {
		all = append(all, s, s+"+"+sentinelKind, s+"+"+clusterKind)
	}
	return all
}

// parse quotes of the URL only what cannot be a part of a password that was not
// encoded.
func parse(u *url.URL) (*target, error) {
	scheme := strings.ToLower(u.Scheme)
	if !slices.Contains(schemes(), scheme) {
		return nil, errors.New("the scheme is none of " + strings.Join(schemes(), ", "))
	}
	if err := storeurl.Check(u); err != nil {
		return nil, err
	}
	name, kind, _ := strings.Cut(scheme, "+")
	t := &target{kind: kind, user: u.User}
	if err := t.where(u, name); err != nil {
		return nil, err
	}
	p := storeurl.ParamsOf(u)
	t.namespace = p.String("namespace", "")
	t.timeout = p.Duration("io_timeout", openTimeout)
	db, ca := p.Int("db", -1, 0), ""
	if slices.Contains(tlsSchemes(), name) {
		ca = p.String("ca", "")
	}
	if kind == sentinelKind {
		t.replicas = p.Bool("replicas", false)
	}
	if t.replicas || len(t.addrs) > 1 && kind == "" {
		t.pin = p.Duration("pin_after_write", 0)
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	if t.namespace != "" {
		if err := checkNamespace(t.namespace); err != nil {
			return nil, errors.New("the parameter namespace: " + err.Error())
		}
	}
	if err := t.database(u, db); err != nil {
		return nil, err
	}
	if slices.Contains(tlsSchemes(), name) {
		return t, t.secure(ca)
	}
	return t, nil
}

// where reads the addresses.
func (t *target) where(u *url.URL, scheme string) error {
	port := defaultPort
	if t.kind == sentinelKind {
		port = sentinelPort
	}
	var err error
	t.addrs, err = storeurl.Hosts(u, port)
	switch {
	case err != nil:
		return err
	case scheme == unixScheme && len(t.addrs) > 0:
		return errors.New("a socket has no host: unix:///run/redis.sock")
	case len(t.addrs) > 0:
		return nil
	case t.kind != "" || slices.Contains(tlsSchemes(), scheme) || strings.Trim(u.Path, "/") == "":
		return errors.New("it has no host")
	}
	t.socket = u.Path
	return nil
}

// database reads what follows the host: of sentinels, first the name of the
// primary.
func (t *target) database(u *url.URL, param int64) error {
	path := strings.Trim(u.Path, "/")
	if t.socket != "" {
		path = ""
	}
	if t.kind == sentinelKind {
		t.master, path, _ = strings.Cut(path, "/")
		if t.master == "" {
			return errors.New("it does not name the primary: redis+sentinel://host/name/database")
		}
	}
	db := uint64(max(param, 0))
	if path != "" {
		var err error
		if db, err = strconv.ParseUint(path, 10, 31); err != nil || param >= 0 {
			return errors.New("the database is not a number, or is given twice")
		}
	}
	if t.kind == clusterKind && db != 0 {
		return errors.New("a cluster has no other database than 0")
	}
	t.db = int(db)
	return nil
}

// secure makes the TLS configuration. ca is a file with the certificates to
// trust, in place of the system's.
func (t *target) secure(ca string) error {
	t.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	if ca == "" {
		return nil
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return errors.New("the parameter ca names a file that cannot be read")
	}
	t.tls.RootCAs = x509.NewCertPool()
	if !t.tls.RootCAs.AppendCertsFromPEM(pem) {
		return errors.New("the parameter ca names a file without certificates")
	}
	return nil
}

// tlsOf is the configuration for one address.
func (t *target) tlsOf(addr string) *tls.Config {
	if t.tls == nil {
		return nil
	}
	c := t.tls.Clone()
	c.ServerName, _, _ = net.SplitHostPort(addr)
	return c
}
