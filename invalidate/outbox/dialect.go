package outbox

import (
	"embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Dialect is a kind of database.
type Dialect uint8

// The dialects. MySQL is MariaDB's too.
const (
	PostgreSQL Dialect = iota + 1
	MySQL
	SQLite
)

func (d Dialect) String() string {
	return map[Dialect]string{PostgreSQL: "PostgreSQL", MySQL: "MySQL", SQLite: "SQLite"}[d]
}

//go:embed schema/*.sql sql/*.sql
var files embed.FS

// Table is the name of the table, and on PostgreSQL of the channel of NOTIFY,
// unless [Options].Table says otherwise.
const Table = "strata_outbox"

// Schema returns the statements that make the table, one after another.
func Schema(d Dialect) string { return read("schema/" + strings.ToLower(d.file()) + ".sql") }

func (d Dialect) file() string {
	if d == PostgreSQL {
		return "postgres"
	}
	return d.String()
}

func read(name string) string {
	b, err := files.ReadFile(name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// statements are those of one table in one dialect.
type statements struct {
	dialect               Dialect
	schema                []string
	add, next, take, done string
}

func newStatements(d Dialect, table string, batch int) (*statements, error) {
	if d.String() == "" {
		return nil, fmt.Errorf("outbox: dialect %d: %w", d, errors.ErrUnsupported)
	}
	if strings.Trim(table, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" || len(table) > 50 {
		return nil, fmt.Errorf("outbox.Options.Table is %q: up to 50 of a-z, 0-9 and _", table)
	}
	lock := "FOR UPDATE SKIP LOCKED"
	now := map[Dialect]string{
		PostgreSQL: "(extract(epoch from clock_timestamp()) * 1000)::bigint",
		MySQL:      "(timestampdiff(MICROSECOND, '1970-01-01', utc_timestamp(6)) DIV 1000)",
		SQLite:     "cast(unixepoch('subsec') * 1000 AS integer)",
	}[d]
	if d == SQLite {
		lock = ""
	}
	fill := strings.NewReplacer(Table, table, "{now}", now, "{batch}", strconv.Itoa(batch), "{lock}", lock)
	s := &statements{dialect: d}
	for _, part := range strings.Split(Schema(d), "\n\n") {
		s.schema = append(s.schema, fill.Replace(part))
	}
	for name, into := range map[string]*string{"add": &s.add, "next": &s.next, "take": &s.take, "done": &s.done} {
		*into = fill.Replace(read("sql/" + name + ".sql"))
	}
	if d == PostgreSQL {
		s.add = s.number(s.add) + " RETURNING id"
	}
	return s, nil
}

// list fills in a list of n parameters.
func (s *statements) list(query string, n int) string {
	return s.number(strings.Replace(query, "{list}", strings.TrimSuffix(strings.Repeat("?,", n), ","), 1))
}

// number writes parameters as the driver takes them.
func (s *statements) number(query string) string {
	if s.dialect != PostgreSQL {
		return query
	}
	var b strings.Builder
	for i, part := range strings.Split(query, "?") {
		if i > 0 {
			b.WriteString("$" + strconv.Itoa(i))
		}
		b.WriteString(part)
	}
	return b.String()
}
