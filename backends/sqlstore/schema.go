package sqlstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Schema returns the statements that make the tables of a store with opts, for
// a migration of one's own. Each ends with a semicolon and a line. They are no
// error where the tables exist.
func Schema(dialect Dialect, opts *Options) (string, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if err := o.complete(dialect); err != nil {
		return "", fmt.Errorf("sqlstore: %w", err)
	}
	names, err := dialect.tables(o.Table)
	if err != nil {
		return "", fmt.Errorf("sqlstore: the option Table: %w", err)
	}
	text, err := files.ReadFile("schema/" + dialect.String() + ".sql")
	if err != nil {
		return "", fmt.Errorf("sqlstore: %w", err)
	}
	unlogged := ""
	if o.Unlogged {
		unlogged = "UNLOGGED "
	}
	replace := []string{"{unlogged}", unlogged}
	for ref, name := range names {
		replace = append(replace, ref, name)
	}
	return strings.NewReplacer(replace...).Replace(string(text)), nil
}

// CreateTable makes the tables and indexes, if they are not there. [Schema] is
// its dry run.
func (s *Store) CreateTable(ctx context.Context) error {
	text, err := Schema(s.dialect, &s.opts)
	if err != nil {
		return err
	}
	for statement := range strings.SplitSeq(text, ";\n") {
		if statement = strings.TrimSpace(statement); statement == "" {
			continue
		}
		err := s.execute(ctx, statement)
		for attempt := 1; attempt < attempts && err != nil && (existsAlready(err) || gaveWay(err)); attempt++ {
			pause(ctx, rand.N(time.Millisecond<<min(attempt, 5)))
			err = s.execute(ctx, statement)
		}
		if err != nil {
			return wrap(ctx, "create table", err)
		}
	}
	return nil
}

func (s *Store) execute(ctx context.Context, statement string) error {
	if s.pin == nil {
		_, err := s.db.ExecContext(ctx, statement)
		return err
	}
	return s.pin.use(ctx, func() error {
		_, err := s.pin.conn.ExecContext(ctx, statement)
		return err
	})
}

// existsAlready is what PostgreSQL says where two make the same table at once.
func existsAlready(err error) bool {
	c := code(err)
	return c == "23505" || c == "42P07" || c == "42710"
}

// createOnce makes the tables before the first call. Callers that come together
// each do it, which is harmless.
func (s *Store) createOnce(ctx context.Context) error {
	err := s.CreateTable(ctx)
	if err == nil {
		s.created.Store(true)
	}
	return err
}
