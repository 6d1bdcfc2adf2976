package sqlstore

import (
	"context"
	"database/sql"
	"sync/atomic"
)

// session is where statements run: on any connection of the pool, on one of
// its own, or in a transaction.
type session struct {
	s    *Store
	conn *sql.Conn
	tx   *sql.Tx
	// foreign says that tx is the caller's.
	foreign bool
	// pin is whose turn it is, and long says that its statements take long enough
	// to be watched.
	pin  *pin
	long bool
}

// ctx is what a statement is told of its caller's context.
func (c session) ctx(ctx context.Context) context.Context {
	if c.pin != nil && !c.long {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

// prepared is a statement's prepared form, from its first use on. pgx keeps such
// by itself, if it was not told otherwise for a pooler's sake.
type prepared struct{ stmt atomic.Pointer[sql.Stmt] }

func (p *prepared) get(ctx context.Context, db *sql.DB, text string) (*sql.Stmt, error) {
	if stmt := p.stmt.Load(); stmt != nil {
		return stmt, nil
	}
	stmt, err := db.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	if !p.stmt.CompareAndSwap(nil, stmt) {
		_ = stmt.Close()
	}
	return p.stmt.Load(), nil
}

// close closes what was prepared. It is called once.
func (s *statements) close() {
	s.made.Range(func(_, st any) bool {
		if stmt := st.(*statement).stmt.Load(); stmt != nil {
			_ = stmt.Close()
		}
		return true
	})
}

// plain says that statements are sent as they are: on a connection that was
// taken for an exception, or by a driver that prepares by itself.
func (c session) plain() bool { return c.conn != nil || c.foreign || c.s.dialect == PostgreSQL }

// statement is the one of that name for the items of p.
func (c session) statement(name string, p *params) (*statement, error) {
	if p == nil {
		return c.s.statements.get(name, 1)
	}
	return c.s.statements.get(name, c.s.statements.room(name, len(p.items)))
}

func (c session) query(ctx context.Context, name string, p *params) (*sql.Rows, error) {
	st, err := c.statement(name, p)
	if err != nil {
		return nil, err
	}
	args := c.s.args(st, p)
	switch {
	case c.plain() && c.tx != nil:
		return c.tx.QueryContext(ctx, st.text, args...)
	case c.conn != nil:
		return c.conn.QueryContext(ctx, st.text, args...)
	case c.plain():
		return c.s.db.QueryContext(ctx, st.text, args...)
	case c.tx != nil:
		return c.tx.StmtContext(ctx, st.stmt.Load()).QueryContext(ctx, args...)
	}
	stmt, err := c.prepared(ctx, st)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(c.ctx(ctx), args...)
}

func (c session) exec(ctx context.Context, name string, p *params) (sql.Result, error) {
	st, err := c.statement(name, p)
	if err != nil {
		return nil, err
	}
	args := c.s.args(st, p)
	switch {
	case c.plain() && c.tx != nil:
		return c.tx.ExecContext(ctx, st.text, args...)
	case c.conn != nil:
		return c.conn.ExecContext(ctx, st.text, args...)
	case c.plain():
		return c.s.db.ExecContext(ctx, st.text, args...)
	case c.tx != nil:
		return c.tx.StmtContext(ctx, st.stmt.Load()).ExecContext(ctx, args...)
	}
	stmt, err := c.prepared(ctx, st)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(c.ctx(ctx), args...)
}

func (c session) prepared(ctx context.Context, st *statement) (*sql.Stmt, error) {
	if c.pin != nil {
		return c.pin.prepared(c.ctx(ctx), st)
	}
	return st.get(ctx, c.s.db, st.text)
}

// one reads the one row of a query; false if there is none.
func (c session) one(ctx context.Context, name string, p *params, into ...any) (bool, error) {
	rows, err := c.query(ctx, name, p)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	if !rows.Next() {
		return false, rows.Err()
	}
	if err := rows.Scan(into...); err != nil {
		return false, err
	}
	for rows.Next() { // to the end: what fails last is known only there
	}
	return rows.Err() == nil, rows.Err()
}

// transact runs f in a transaction that uses the named statements. If f says
// false, all is undone.
func (c session) transact(ctx context.Context, p *params, names []string, f func(session) (bool, error)) error {
	if c.foreign {
		_, err := f(c)
		return err
	}
	if c.pin != nil {
		return c.pin.transact(ctx, c, f)
	}
	if err := c.prepare(ctx, p, names...); err != nil {
		return err
	}
	var err error
	if c.conn != nil {
		c.tx, err = c.conn.BeginTx(ctx, nil)
	} else {
		c.tx, err = c.s.db.BeginTx(ctx, nil)
	}
	if err != nil {
		return err
	}
	defer func() { _ = c.tx.Rollback() }() // does nothing after a commit
	ok, err := f(c)
	switch {
	case err != nil || !ok && c.s.dialect == SQLite:
		return err
	case !ok:
		_, err = c.tx.ExecContext(ctx, "ROLLBACK")
		return err
	case c.s.dialect == SQLite:
		return c.tx.Commit()
	}
	// Commit has no context, and would wait for a server that hangs.
	_, err = c.tx.ExecContext(ctx, "COMMIT")
	return err
}

// prepare prepares statements before a transaction uses them: in it, the pool
// may have no second connection for that.
func (c session) prepare(ctx context.Context, p *params, names ...string) error {
	if c.plain() || c.pin != nil {
		return nil
	}
	for _, name := range names {
		st, err := c.statement(name, p)
		if err != nil {
			return err
		}
		if _, err := st.get(ctx, c.s.db, st.text); err != nil {
			return err
		}
	}
	return nil
}
