package sqlstore

import (
	"fmt"
	"regexp"
	"strings"
)

// Dialect is a kind of database.
type Dialect uint8

// The dialects, and the drivers that they are tested with.
const (
	PostgreSQL Dialect = iota + 1 // github.com/jackc/pgx/v5/stdlib
	MySQL                         // and MariaDB: github.com/go-sql-driver/mysql
	SQLite                        // modernc.org/sqlite
)

// String returns the dialect's name in lower case.
func (d Dialect) String() string {
	switch d {
	case PostgreSQL:
		return "postgresql"
	case MySQL:
		return "mysql"
	case SQLite:
		return "sqlite"
	default:
		return fmt.Sprintf("dialect(%d)", uint8(d))
	}
}

// tableName is what a table may be called. With the longest suffix it is as
// long as PostgreSQL lets a name be.
var tableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_ ]{0,53}$`)

// tables are the quoted names of what belongs to table.
func (d Dialect) tables(table string) (map[string]string, error) {
	if !tableName.MatchString(table) || strings.HasSuffix(table, " ") {
		return nil, fmt.Errorf("%q is not a letter and up to 53 letters, digits, underscores and spaces", table)
	}
	quote := `"`
	if d == MySQL {
		quote = "`"
	}
	out := make(map[string]string)
	for ref, suffix := range map[string]string{"{entry}": "", "{meta}": "_meta", "{tag}": "_tag", "{log}": "_log", "{expires}": "_expires"} {
		out[ref] = quote + table + suffix + quote
	}
	return out, nil
}
