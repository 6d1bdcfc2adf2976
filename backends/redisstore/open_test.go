package redisstore_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/backends/redisstore"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/internal/servertest"
)

// opened is a store at a URL, that is closed with t. It is patient, because the
// machine may be busy.
func opened(t *testing.T, rawURL string) *redisstore.Store {
	t.Helper()
	if strings.Contains(rawURL, "?") {
		rawURL += "&io_timeout=10s"
	} else {
		rawURL += "?io_timeout=10s"
	}
	s, err := redisstore.Open(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

func TestOpen(t *testing.T) {
	t.Parallel()
	server := servertest.Redis(t, "--requirepass", "s3cret/#?")
	s := opened(t, "redis://:"+url.QueryEscape("s3cret/#?")+"@"+server.Addr+"/3?namespace=shop")
	everything(t, s)
	if got := s.Primary().Options(); got.DB != 3 || s.Prefix() != "shop:" || !got.ContextTimeoutEnabled {
		t.Errorf("got database %d, prefix %q", got.DB, s.Prefix())
	}
	closeStore(t, s)
	closeStore(t, s)
	if err := s.Client().Ping(t.Context()).Err(); !errors.Is(err, redis.ErrClosed) {
		t.Errorf("after Close: got %v from the client, want it closed", err)
	}
}

// CFG-039, CFG-040, CFG-043, CFG-044: both spellings of each scheme, in any
// case, and what they stand for.
func TestSchemes(t *testing.T) {
	t.Parallel()
	known := cache.Schemes()
	for _, tt := range []struct {
		url, addr string
		db        int
		tls       string
	}{
		{"redis://cache.example", "cache.example:6379", 0, ""},
		{"REDIS://cache.example:1/2", "cache.example:1", 2, ""},
		{"rediscache://u:p@cache.example/4?db=", "cache.example:6379", 4, ""},
		{"hiredis://cache.example?db=5", "cache.example:6379", 5, ""},
		{"valkey://[::1]:7/1", "[::1]:7", 1, ""},
		{"rediss://cache.example", "cache.example:6379", 0, "cache.example"},
		{"Valkeys://cache.example:8/1", "cache.example:8", 1, "cache.example"},
		{"redis:///run/redis.sock?db=3", "/run/redis.sock", 3, ""},
		{"redis://:p@/run/redis.sock", "/run/redis.sock", 0, ""},
		{"unix:///run/redis.sock", "/run/redis.sock", 0, ""},
		{"redis+sentinel://a,b:1/main/6", "FailoverClient", 6, ""},
	} {
		s := opened(t, tt.url)
		got := s.Primary().Options()
		name := ""
		if got.TLSConfig != nil {
			name = got.TLSConfig.ServerName
		}
		if got.Addr != tt.addr || got.DB != tt.db || name != tt.tls {
			t.Errorf("%s: got %s, database %d, TLS for %q", tt.url, got.Addr, got.DB, name)
		}
		if wantNetwork := map[bool]string{true: "unix", false: "tcp"}[strings.HasPrefix(tt.addr, "/")]; got.Network != wantNetwork {
			t.Errorf("%s: got network %s, want %s", tt.url, got.Network, wantNetwork)
		}
		scheme, _, _ := strings.Cut(strings.ToLower(tt.url), ":")
		if !strings.Contains(" "+strings.Join(known, " ")+" ", " "+scheme+" ") {
			t.Errorf("%s: the scheme is not registered", tt.url)
		}
	}
	c := opened(t, "valkeys+cluster://u:p%40q@a:1,b:2?namespace=x").Client().(*redis.ClusterClient).Options()
	if len(c.Addrs) != 2 || c.Addrs[1] != "b:2" || c.Password != "p@q" || c.TLSConfig == nil {
		t.Errorf("cluster: got %q, TLS %v", c.Addrs, c.TLSConfig != nil)
	}
}

// CFG-042.
func TestUnixSocket(t *testing.T) {
	t.Parallel()
	path := socket(t)
	servertest.Redis(t, "--unixsocket", path, "--requirepass", "p@ss")
	everything(t, opened(t, "unix://:p%40ss@"+path+"?db=1"))
	everything(t, opened(t, "redis://:p%40ss@"+path+"?db=2"))
}

// socket is a path for a socket, which must be short.
func socket(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "r.sock")
}

func TestTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certify(t, dir)
	free := servertest.Redis(t) // its port is free once it is stopped
	_, tlsPort, _ := net.SplitHostPort(free.Addr)
	free.Stop()
	servertest.Redis(t, "--tls-port", tlsPort, "--tls-cert-file", filepath.Join(dir, "cert.pem"), "--tls-key-file", filepath.Join(dir, "key.pem"),
		"--tls-ca-cert-file", filepath.Join(dir, "ca.pem"), "--tls-auth-clients", "no")
	everything(t, opened(t, "rediss://127.0.0.1:"+tlsPort+"?ca="+filepath.Join(dir, "ca.pem")))
	// Not trusted, and another name.
	for _, raw := range []string{"rediss://127.0.0.1:" + tlsPort, "rediss://localhost:" + tlsPort + "?ca=" + filepath.Join(dir, "ca.pem")} {
		err := opened(t, raw).Ping(t.Context())
		if err == nil || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%s: got %v, want the certificate refused", raw, err)
		}
	}
}

// certify makes a CA and a certificate for 127.0.0.1.
func certify(t *testing.T, dir string) {
	t.Helper()
	write := func(name, kind string, der []byte, err error) {
		t.Helper()
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	newKey := func() *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	caKey, leafKey := newKey(), newKey()
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a test's CA"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "a test's server"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	write("ca.pem", "CERTIFICATE", der, err)
	der, err = x509.CreateCertificate(rand.Reader, leaf, ca, leafKey.Public(), caKey)
	write("cert.pem", "CERTIFICATE", der, err)
	der, err = x509.MarshalPKCS8PrivateKey(leafKey)
	write("key.pem", "PRIVATE KEY", der, err)
}

// The package documentation lists what a user must be allowed: no more than
// this, and less is denied.
func TestACL(t *testing.T) {
	t.Parallel()
	const commands = "-@all +evalsha +eval +script|load +get +mget +getrange +set +psetex +setrange +incrby +exists +unlink +pttl +pexpire +persist " +
		"+hget +hmget +hset +hincrby +hlen +hdel +ping +info +xadd +xread +xrevrange +expire"
	server := servertest.Redis(t)
	admin := client(t, server.Addr)
	user := func(name, more string) *redisstore.Store {
		t.Helper()
		args := []any{"acl", "setuser", name, "on", ">secret", "~shop:*", "~shop!meta*"}
		for _, c := range strings.Fields(commands + " " + more) {
			args = append(args, c)
		}
		if err := admin.Do(t.Context(), args...).Err(); err != nil {
			t.Fatal(err)
		}
		return opened(t, "redis://"+name+":secret@"+server.Addr+"?namespace=shop")
	}
	everything(t, user("app", ""))
	everything(t, user("without-info", "-info"))
	if _, err := user("poor", "-eval -evalsha").Get(t.Context(), key("k"), time.Minute); !errors.Is(err, redisstore.ErrDenied) {
		t.Errorf("without scripts: got %v, want ErrDenied", err)
	}
	t.Run("cluster", func(t *testing.T) {
		addrs := servertest.SharedRedisCluster(t)
		for _, addr := range addrs {
			args := []any{"acl", "setuser", "app", "on", ">secret", "~acl:*", "~{acl}!meta*"}
			for _, c := range strings.Fields(commands + " +cluster|slots +asking") {
				args = append(args, c)
			}
			if err := client(t, addr).Do(t.Context(), args...).Err(); err != nil {
				t.Fatal(err)
			}
		}
		everything(t, opened(t, "redis+cluster://app:secret@"+addrs[0]+"?namespace=acl"))
	})
	other := opened(t, "redis://app:secret@"+server.Addr+"?namespace=other")
	if _, err := other.Get(t.Context(), key("k"), 0); !errors.Is(err, redisstore.ErrDenied) {
		t.Errorf("another's keys: got %v, want ErrDenied", err)
	}
	for _, raw := range []string{"redis://app:hunter@" + server.Addr, "redis://nobody:hunter@" + server.Addr} {
		err := opened(t, raw).Ping(t.Context())
		if !errors.Is(err, redisstore.ErrDenied) || strings.Contains(err.Error(), "hunter") {
			t.Errorf("%s: got %v, want ErrDenied without the password", raw, err)
		}
	}
}
