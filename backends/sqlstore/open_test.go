package sqlstore_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stratacache/strata/backends/sqlstore"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/internal/servertest"
)

func TestOpen(t *testing.T) {
	t.Parallel()
	urls := map[string]func(t *testing.T) string{
		"a file": func(t *testing.T) string {
			return "sqlite://" + filepath.ToSlash(filepath.Join(t.TempDir(), "a #?%.db")) + "?table=my+table&"
		},
		"memory":     func(*testing.T) string { return "sqlite://?" },
		"django":     func(*testing.T) string { return "sqlite3:///:memory:?" },
		"postgresql": func(t *testing.T) string { return servertest.SharedPostgres(t) + "&application_name=strata&" },
		"mariadb": func(t *testing.T) string {
			return "mariadb://root@" + hostOf(servertest.SharedMariaDB(t)) + "/test?connect_timeout=3&"
		},
	}
	for name, of := range urls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw := of(t)
			if name == "a file" {
				raw = strings.NewReplacer(" ", "%20", "#", "%23", "?%", "%3F%25").Replace(raw)
			}
			raw += "create=true&max_entries=1000&namespace=opened-" + fmt.Sprint(namespaces.Add(1))
			c, err := cache.Open(t.Context(), raw+"&timeout=60&key_prefix=shop", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := c.Close(t.Context()); err != nil {
					t.Errorf("Close: %v", err)
				}
			}()
			if err := c.Set(t.Context(), "k", []byte("v")); err != nil {
				t.Fatal(err)
			}
			if got, err := c.Get(t.Context(), "k"); err != nil || string(got) != "v" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

// CFG-032: the table of a URL, in the database of the environment.
func TestOpenDBCache(t *testing.T) {
	path := filepath.ToSlash(filepath.Join(t.TempDir(), "app.db"))
	t.Setenv("DATABASE_URL", "sqlite://"+path)
	s, err := sqlstore.Open("dbcache://My_Cache?create=true&namespace=x")
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, s)
	set(t, s, "k", value("v"))
	want(t, s, "k", "v")
	if got := s.Table("entry"); got != `"My_Cache"` || s.Namespace() != "x" {
		t.Errorf("got %s and %s", got, s.Namespace())
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	for _, raw := range []string{"dbcache://t/path", "dbcache://t/", "dbcache://user:hunter@t", "dbcache://t?sslmode=x", "dbcache://a.b"} {
		if _, err := sqlstore.Open(raw); err == nil || strings.Contains(err.Error(), "hunter") {
			t.Errorf("Open(%q): got %v", raw, err)
		}
	}
	for _, env := range []string{"", "postgres://:hun%ter@h/d", "redis://:hunter@h", "sqlite://" + path + "?table=x", "postgres://u:hun/ter@h/d"} {
		t.Setenv("DATABASE_URL", env)
		if _, err := sqlstore.Open("db://t"); err == nil || strings.Contains(err.Error(), "hun") || !strings.Contains(err.Error(), "DATABASE_URL") {
			t.Errorf("DATABASE_URL=%q: got %v", env, err)
		}
	}
}

// Whatever is wrong with a URL, no part of its password is in the error.
func TestOpenErrorsHideThePassword(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"postgres", "mysql"} {
		for _, rest := range []string{
			"u:hunter@host:port/db", "u:hun%ter@host/db", "u:hun/ter@host/db", "u:hun#ter@host/db", "u:hun?ter@host/db", "u:hunter@",
			"u:hunter@host", "u:hunter@host/", "u:hunter@host/a/b", "u:hunter@a,b/db", "u:hunter@host/db?table=a.b",
			"u:hunter@host/db?namespace=a:b", "u:hunter@host/db?max_entries=-1", "u:hunter@host/db?unknown=3", "u:hunter@host/db?%zz",
			"u:hunter@host/db?max_bytes=x", "u:hunter@host/db?create=perhaps", "u%3Ax:hunter@host/db?unlogged=1&connect_timeout=x",
		} {
			raw := scheme + "://" + rest
			s, err := sqlstore.Open(raw)
			if err == nil {
				t.Errorf("Open(%q): got no error", raw)
				closeStore(t, s)
				continue
			}
			if text := err.Error(); strings.Contains(text, "hun") || strings.Contains(text, "ter@") {
				t.Errorf("Open(%q): the error shows the password: %v", raw, err)
			}
		}
	}
	if _, err := sqlstore.Open("mysql://host/db?sslmode=off"); err == nil || !strings.Contains(err.Error(), `"sslmode"`) {
		t.Errorf("a parameter of another dialect: got %v, want its name", err)
	}
}

// Nor is it in the errors of calls.
func TestDeadServerHidesThePassword(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	for _, scheme := range []string{"postgres", "mysql"} {
		s, err := sqlstore.Open(scheme + "://user:p%40ss%2Fw%3Ard%23@" + addr + "/db")
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Get(t.Context(), key("k"), 0)
		if err == nil || strings.Contains(err.Error(), "p@ss") || strings.Contains(err.Error(), "p%40ss") {
			t.Errorf("%s: got %v, want an error without the password", scheme, err)
		}
		closeStore(t, s)
	}
}
