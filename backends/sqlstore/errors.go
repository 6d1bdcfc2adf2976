package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// ErrNoTable says that the tables are not there. [Store.CreateTable] makes them,
// and [Schema] tells how.
var ErrNoTable = errors.New("sqlstore: the tables do not exist: call CreateTable first")

// wrap says what failed. A call that failed because its context ended says so:
// drivers have errors of their own for that.
func wrap(ctx context.Context, op string, err error) error {
	switch {
	case err == nil:
		return nil
	case isSentinel(err):
		return err
	case ctx.Err() != nil:
		err = ctx.Err()
	case passed(ctx):
		err = context.DeadlineExceeded
	case noTable(err):
		return fmt.Errorf("sqlstore: %s: %w: %w", op, ErrNoTable, err)
	}
	return fmt.Errorf("sqlstore: %s: %w", op, err)
}

// passed: a connection's deadline may pass a moment before the context's.
func passed(ctx context.Context) bool {
	end, ok := ctx.Deadline()
	return ok && !time.Now().Before(end)
}

func isSentinel(err error) bool {
	for _, s := range []error{driver.ErrMiss, driver.ErrNotInteger, driver.ErrOverflow, driver.ErrTooLarge, driver.ErrClosed} {
		if errors.Is(err, s) {
			return true
		}
	}
	return false
}

// What the drivers' errors have in common with nothing but themselves. This
// package imports none of them.
type (
	stateError interface { // pgx
		error
		SQLState() string
	}
	codeError interface { // modernc.org/sqlite
		error
		Code() int
	}
)

// mysqlNumber is how the errors of go-sql-driver/mysql begin.
var mysqlNumber = regexp.MustCompile(`^Error (\d+)(?: \(\w+\))?: `)

// code is the database's own code of an error: a SQLSTATE of PostgreSQL, a
// number of MySQL, a primary result code of SQLite.
func code(err error) string {
	if e, ok := errors.AsType[stateError](err); ok {
		return e.SQLState()
	}
	if e, ok := errors.AsType[codeError](err); ok {
		return fmt.Sprint(e.Code() & 0xff)
	}
	for ; err != nil; err = errors.Unwrap(err) {
		if m := mysqlNumber.FindStringSubmatch(err.Error()); m != nil {
			return m[1]
		}
	}
	return ""
}

// gaveWay: the database chose this transaction to give way to another, and has
// undone it; or could not begin it.
func gaveWay(err error) bool {
	if err == nil {
		return false
	}
	switch code(err) {
	case "40001", "40P01", // PostgreSQL: serialization failure, deadlock
		"1213", "1205", // MySQL: deadlock, lock wait timeout
		"5", "6": // SQLite: busy, locked
		return true
	}
	return false
}

// errChanged: what was read changed before it could be used.
var errChanged = errors.New("what stands under the key keeps changing")

func noTable(err error) bool {
	switch code(err) {
	case "42P01", "1146":
		return true
	case "1":
		return strings.Contains(err.Error(), "no such table")
	}
	return false
}
