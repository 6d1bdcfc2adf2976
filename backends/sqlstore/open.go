package sqlstore

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/stratacache/strata/cache/driver/storeurl"
)

// What [Open] chooses for its handle.
const (
	openConns   = 16
	openTimeout = 2 // seconds, to connect
)

// drivers are the names under which the drivers register, and what to import
// for them.
var drivers = map[Dialect]struct{ name, path string }{
	PostgreSQL: {"pgx", "github.com/jackc/pgx/v5/stdlib"},
	MySQL:      {"mysql", "github.com/go-sql-driver/mysql"},
	SQLite:     {"sqlite", "modernc.org/sqlite"},
}

// Open returns a store at a URL, and makes its own handle, which Close closes:
//
//	postgres://[user:password@]host[:port]/database[?parameters]
//	mysql://[user:password@]host[:port]/database[?parameters]
//	sqlite:///path/of/the/file[?parameters]
//	dbcache://table[?parameters]
//
// and postgresql, mariadb, sqlite3 and db mean the same. "sqlite://" alone is a
// database in memory, which ends with the store. The database of a dbcache URL
// is the one of the URL in the environment variable DATABASE_URL.
//
// This package imports no driver: the program imports the one that it uses.
//
// The parameters are the options table, namespace, max_entries, max_bytes,
// max_value, sweep_every and unlogged; create=true, which makes the tables
// before the first call; and pool_size, the number of connections, by default 16.
// For the driver are: of postgres, sslmode, sslrootcert, sslcert, sslkey,
// connect_timeout, application_name, search_path and default_query_exec_mode; of
// mysql, tls and connect_timeout (seconds). SQLite always has one connection.
//
// Characters of a user or password that mean something in a URL must be
// percent-encoded. Open makes no round trip, and no password is ever in an error.
func Open(rawURL string) (*Store, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		// The parser's error quotes its input, password and all.
		return nil, errors.New("sqlstore: the URL cannot be parsed (is a password percent-encoded?)")
	}
	return OpenURL(u)
}

// OpenURL is [Open] for a URL that is parsed already.
func OpenURL(u *url.URL) (*Store, error) {
	s, err := openURL(u)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: the URL: %w", err)
	}
	return s, nil
}

func openURL(u *url.URL) (*Store, error) {
	if err := storeurl.Check(u); err != nil {
		return nil, err
	}
	p := storeurl.ParamsOf(u)
	src := source{params: p}
	table, of := "", "" // the table in the host, and whose URL it then is
	if u.Scheme == "dbcache" || u.Scheme == "db" {
		if u.Path != "" || u.User != nil {
			return nil, fmt.Errorf("it is not %s://table", u.Scheme)
		}
		table, of = u.Host, "DATABASE_URL: "
		var err error
		if u, err = databaseURL(); err != nil {
			return nil, fmt.Errorf("%s%w", of, err)
		}
		src.params = storeurl.ParamsOf(u)
	}
	err := src.parse(u)
	if of != "" {
		err = cmp.Or(err, src.params.Err())
	}
	if err != nil {
		return nil, fmt.Errorf("%s%w", of, err)
	}
	opts := Options{
		Table:      p.String("table", table),
		Namespace:  p.String("namespace", ""),
		MaxEntries: int(p.Int("max_entries", 0, 0)),
		MaxBytes:   p.Int("max_bytes", 0, 0),
		MaxValue:   int(p.Int("max_value", 0, 1)),
		SweepEvery: int(p.Int("sweep_every", 0, 1)),
		Unlogged:   p.Bool("unlogged", false),
	}
	create := p.Bool("create", false)
	conns := p.Int("pool_size", openConns, 1)
	if err := p.Err(); err != nil {
		return nil, err
	}
	if src.dialect == SQLite {
		conns = 1 // one writer: others would wait asleep, not in a queue
	}
	driver := drivers[src.dialect]
	if !slices.Contains(sql.Drivers(), driver.name) {
		return nil, fmt.Errorf("the driver is not there: import _ %q", driver.path)
	}
	db, err := sql.Open(driver.name, src.name)
	if err != nil {
		return nil, errors.New("the driver does not take it") // its error may quote a part
	}
	db.SetMaxOpenConns(int(conns))
	db.SetMaxIdleConns(int(conns))
	s, err := New(db, src.dialect, &opts)
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	s.owned, s.create = true, create || src.memory
	if s.KeepsLog() {
		if s.listener.db, err = sql.Open(driver.name, src.name); err != nil {
			_ = db.Close()
			return nil, errors.New("the driver does not take it")
		}
	}
	if src.dialect == SQLite {
		s.pin = newPin(db)
	}
	return s, nil
}

func databaseURL() (*url.URL, error) {
	raw := os.Getenv("DATABASE_URL")
	if raw == "" {
		return nil, errors.New("it is not set")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("it cannot be parsed (is a password percent-encoded?)")
	}
	return u, storeurl.Check(u)
}

// source is a database as its driver names it.
type source struct {
	params  *storeurl.Params
	dialect Dialect
	name    string
	memory  bool
}

func (s *source) parse(u *url.URL) error {
	switch u.Scheme {
	case "postgres", "postgresql":
		s.dialect = PostgreSQL
		return s.postgres(u)
	case "mysql", "mariadb":
		s.dialect = MySQL
		return s.mysql(u)
	case "sqlite", "sqlite3":
		s.dialect = SQLite
		return s.sqlite(u)
	}
	return errors.New("the scheme is none of postgres, mysql, sqlite and dbcache")
}

// where is the one host of u, and its database.
func where(u *url.URL, port string) (host, database string, err error) {
	hosts, err := storeurl.Hosts(u, port)
	if err != nil {
		return "", "", err
	}
	database = strings.TrimPrefix(u.Path, "/")
	if len(hosts) != 1 || database == "" || strings.Contains(database, "/") {
		return "", "", errors.New("it does not name one host and one database")
	}
	return hosts[0], database, nil
}

func (s *source) postgres(u *url.URL) error {
	host, database, err := where(u, "5432")
	if err != nil {
		return err
	}
	query := make(url.Values)
	for _, name := range []string{
		"sslmode", "sslrootcert", "sslcert", "sslkey", "application_name", "search_path", "default_query_exec_mode",
	} {
		if v := s.params.String(name, ""); v != "" {
			query.Set(name, v)
		}
	}
	query.Set("connect_timeout", s.seconds())
	s.name = (&url.URL{Scheme: "postgres", User: u.User, Host: host, Path: database, RawQuery: query.Encode()}).String()
	return nil
}

// seconds is how long connecting may take.
func (s *source) seconds() string {
	return strconv.FormatInt(s.params.Int("connect_timeout", openTimeout, 1), 10)
}

func (s *source) mysql(u *url.URL) error {
	host, database, err := where(u, "3306")
	if err != nil {
		return err
	}
	user, password := u.User.Username(), ""
	if u.User != nil {
		password, _ = u.User.Password()
	}
	if strings.Contains(user, ":") {
		return errors.New("a user's name must not hold a colon")
	}
	query := url.Values{"timeout": {s.seconds() + "s"}}
	if v := s.params.String("tls", ""); v != "" {
		query.Set("tls", v)
	}
	s.name = user + ":" + password + "@tcp(" + host + ")/" + url.PathEscape(database) + "?" + query.Encode()
	return nil
}

func (s *source) sqlite(u *url.URL) error {
	path := u.Host + u.Path
	if u.User != nil {
		return errors.New("it is not sqlite:///path")
	}
	if path == "" || path == "/:memory:" {
		s.name, s.memory = ":memory:", true
		return nil
	}
	// SQLite waits for a lock whatever the context says, so it waits briefly, and
	// the store asks again.
	//
	// A power cut may undo the last commits unless each is synced. Where the boot
	// is known it is found out, and nothing is lost but the cache.
	synchronous := "NORMAL"
	if bootID() == 0 {
		synchronous = "FULL"
	}
	//
	// A statement of many rows within a transaction keeps what it would undo alone: in
	// memory, not in a file.
	s.name = "file:" + (&url.URL{Path: path}).EscapedPath() +
		"?_pragma=busy_timeout(50)&_pragma=temp_store(MEMORY)&_pragma=journal_mode(WAL)&_pragma=synchronous(" + synchronous + ")"
	return nil
}
