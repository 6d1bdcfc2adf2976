package schemetest

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/redis/go-redis/v9/logging"
	"go.uber.org/goleak"
	_ "modernc.org/sqlite"

	_ "github.com/stratacache/strata/backends/dummy"
	_ "github.com/stratacache/strata/backends/filestore"
	_ "github.com/stratacache/strata/backends/locmem"
	_ "github.com/stratacache/strata/backends/memcachedstore"
	_ "github.com/stratacache/strata/backends/redisstore"
	_ "github.com/stratacache/strata/backends/ristrettostore"
	_ "github.com/stratacache/strata/backends/sqlstore"
	"github.com/stratacache/strata/cache"
)

func TestMain(m *testing.M) {
	logging.Disable() // go-redis logs refused connections, of which there are many here
	goleak.VerifyTestMain(m)
}

const secret = "hunter2"

// good are URLs in all spellings (CFG-014, CFG-015, CFG-031 to CFG-044). Nothing
// answers at any of them. DIR is a folder, DB a database without a server.
var good = append(clusters(), []string{
	"locmem://", "locmemcache://", "locmemcache://name", "LOCMEM://", "locmem://?max_entries=10",
	"ristretto://", "ristretto://name?max_bytes=1000000",
	"dummy://", "dummycache://", "DummyCache://",
	"file://DIR/a", "filecache://DIR/b", "filecache:DIR/c",
	"dbcache://my_table", "db://my_table",
	"sqlite://DIR/cache.db", "sqlite3://DIR/cache.db?table=my_table", "sqlite://:memory:",
	"postgres://ann:" + secret + "@127.0.0.1:1/shop", "postgresql://ann:" + secret + "@127.0.0.1:1/shop?table=t&namespace=n",
	"mysql://ann:" + secret + "@127.0.0.1:1/shop", "mariadb://ann:" + secret + "@127.0.0.1:1/shop",
	"memcache://127.0.0.1:1", "memcached://127.0.0.1:1,127.0.0.1:2", "pymemcache://127.0.0.1:1/", "pymemcached://127.0.0.1:1",
	"pylibmc://127.0.0.1:1", "djangopylibmc://127.0.0.1:1", "memcache:///run/none.sock", "pylibmc:///run/none.sock",
	"redis://127.0.0.1:1", "redis://ann:" + secret + "@127.0.0.1:1/3", "redis://:" + secret + "%40%2F%3F%23@127.0.0.1:1/0",
	"rediscache://:" + secret + "@127.0.0.1:1/0", "hiredis://127.0.0.1:1", "rediss://127.0.0.1:1", "valkey://127.0.0.1:1",
	"valkeys://127.0.0.1:1", "redis://127.0.0.1:1,127.0.0.1:2/1", "rediss://127.0.0.1:1,127.0.0.1:2/1",
	"redis:///run/none.sock?db=2", "redis://:" + secret + "@/run/none.sock", "unix://:" + secret + "@/run/none.sock?db=0",
	"redis+cluster://127.0.0.1:1,127.0.0.1:2", "redis+sentinel://:" + secret + "@127.0.0.1:1,127.0.0.1:2/mymaster/0",
}...)

// clusters are the other spellings of Redis with a cluster and with sentinels.
func clusters() []string {
	var urls []string
	for _, scheme := range []string{"rediss", "rediscache", "hiredis", "valkey", "valkeys"} {
		urls = append(urls, scheme+"+cluster://127.0.0.1:1", scheme+"+sentinel://127.0.0.1:1/mymaster")
	}
	return urls
}

// place puts folders into a URL.
func place(t testing.TB, raw string) string {
	return strings.ReplaceAll(raw, "DIR", filepath.ToSlash(t.TempDir()))
}

// All of them open without the network, and say what is wrong without a
// password when something is asked of them.
func TestEverySpelling(t *testing.T) {
	t.Setenv("DATABASE_URL", "postgres://ann:"+secret+"@127.0.0.1:1/shop")
	for _, raw := range good {
		t.Run(strings.ReplaceAll(raw, secret, "…"), func(t *testing.T) {
			url := place(t, raw)
			c, err := cache.Open(t.Context(), url+parameter(url, "timeout=None&key_prefix=p"), nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := c.DefaultTTL(); got != cache.Forever {
				t.Errorf("timeout=None: got %v, want Forever", got)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			pinged := c.Ping(ctx)
			_, got := c.Get(ctx, "k")
			closed := c.Close(context.WithoutCancel(ctx))
			shown := fmt.Sprintf("%v %v %v %v %+v %#v", pinged, got, closed, c, c, c)
			if strings.Contains(shown, secret) {
				t.Errorf("the password is shown: %s", shown)
			}
		})
	}
}

// parameter is what must follow url to give it a query.
func parameter(url, query string) string {
	if strings.Contains(url, "?") {
		return "&" + query
	}
	return "?" + query
}

// Every registered scheme is in the list above.
func TestEverySchemeIsTested(t *testing.T) {
	t.Parallel()
	tested := map[string]bool{}
	for _, raw := range good {
		scheme, _, _ := strings.Cut(raw, ":")
		tested[strings.ToLower(scheme)] = true
	}
	for _, s := range cache.Schemes() {
		if !tested[s] {
			t.Errorf("the scheme %s is not tested", s)
		}
		delete(tested, s)
	}
	for s := range tested {
		t.Errorf("the scheme %s is tested, but not registered", s)
	}
}

// R19, CFG-030, CFG-032: what is wrong is said by name, and never by value.
func TestWrongURLs(t *testing.T) {
	t.Setenv("DATABASE_URL", "postgres://ann:"+secret+"@127.0.0.1:1/shop")
	urls := []string{
		"nothing://ann:" + secret + "@h", "memcachedd://h", secret, "://" + secret,
		"dbcache://table/" + secret, "db://ta\"ble",
		"file://", "dummy://h/" + secret, "locmem://ann:" + secret + "@h", "ristretto://ann:" + secret + "@h",
		"memcached://ann:" + secret + "@h", "memcached://", "memcached://h:" + secret, "memcached://h:1/path",
		"redis://ann:" + secret + "#x@h/0", "redis://ann:" + secret + "/x@h/0", "redis://ann:" + secret + "?x@h/0", "redis://ann:" + secret + "%zz@h/0",
		"redis://ann:" + secret + "@h:port/0", "redis://ann:" + secret + "@h/zero", "redis+sentinel://ann:" + secret + "@h", "unix://ann:" + secret + "@",
		"postgres://ann:" + secret + "/x@h/db", "postgres://ann:" + secret + "@h/db?table=a%22b", "mysql://ann:" + secret + "#x@h/db",
		"mysql://ann:" + secret + "@h:port/db",
	}
	for _, raw := range good {
		urls = append(urls, raw+parameter(raw, "no_such_parameter="+secret), raw+parameter(raw, "version="+secret))
	}
	for _, raw := range urls {
		url := place(t, raw)
		c, err := cache.Open(t.Context(), url, nil)
		name := strings.ReplaceAll(raw, secret, "…")
		switch {
		case err == nil:
			t.Errorf("%s: got no error", name)
			_ = c.Close(t.Context())
		case strings.Contains(err.Error(), secret):
			t.Errorf("%s: the error shows the password: %v", name, err)
		case strings.Contains(raw, "no_such_parameter") && !strings.Contains(err.Error(), "no_such_parameter"):
			t.Errorf("%s: got %v, want an error that names the parameter", name, err)
		}
	}
}

// dbcache needs to know of a database.
func TestDBCacheWithoutADatabase(t *testing.T) {
	t.Setenv("DATABASE_URL", "")
	_, err := cache.Open(t.Context(), "dbcache://my_table", nil)
	if err == nil || !strings.Contains(err.Error(), "DATABASE_URL") {
		t.Errorf("got %v, want an error that names DATABASE_URL", err)
	}
}
