package sqlstore

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"strings"
	"sync/atomic"
)

// pin is the connection of a store that has its handle to itself and works on one
// connection: SQLite's, when Open made it. Callers take turns at it, in which a
// context counts. What they then do is a call of a library, not of a server: it is not
// watched by the two goroutines that a statement otherwise takes, which cost it
// as much as reading the entry.
type pin struct {
	db   *sql.DB
	turn *turn       // whose it is may use what follows
	over atomic.Bool // by close

	conn  *sql.Conn
	stmts map[*statement]*sql.Stmt
}

func newPin(db *sql.DB) *pin { return &pin{db: db, turn: newTurn()} }

// use runs f when it is the caller's turn.
func (p *pin) use(ctx context.Context, f func() error) error {
	if err := p.turn.take(ctx); err != nil {
		return err
	}
	defer p.leave()
	if err := ctx.Err(); err != nil {
		return err
	}
	if p.over.Load() {
		return sql.ErrConnDone
	}
	if p.conn == nil {
		conn, err := p.db.Conn(ctx)
		if err != nil {
			return err
		}
		p.conn, p.stmts = conn, make(map[*statement]*sql.Stmt)
	}
	err := f()
	if errors.Is(err, sqldriver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) {
		p.drop()
	}
	return err
}

func (p *pin) leave() {
	if p.over.Load() {
		p.drop()
	}
	p.turn.give()
}

// drop gives the connection up. The next caller makes another one.
func (p *pin) drop() {
	for _, stmt := range p.stmts {
		_ = stmt.Close()
	}
	if p.conn != nil {
		_ = p.conn.Close()
	}
	p.conn, p.stmts = nil, nil
}

// close gives the connection up for good. If ctx ends before it is its turn, whose
// turn it is does that.
func (p *pin) close(ctx context.Context) {
	p.over.Store(true)
	if p.turn.take(ctx) == nil {
		p.leave()
	}
}

func (p *pin) prepared(ctx context.Context, st *statement) (*sql.Stmt, error) {
	if stmt := p.stmts[st]; stmt != nil {
		return stmt, nil
	}
	stmt, err := p.conn.PrepareContext(ctx, st.text)
	if err == nil {
		p.stmts[st] = stmt
	}
	return stmt, err
}

// transact runs f in a transaction, and undoes it if f says false.
func (p *pin) transact(ctx context.Context, c session, f func(session) (bool, error)) error {
	if _, err := c.exec(ctx, "begin", nil); err != nil {
		return err
	}
	committed := false
	defer func() {
		if committed {
			return
		}
		_, err := c.exec(ctx, "rollback", nil)
		if err != nil && !strings.Contains(err.Error(), "no transaction is active") { // undone already
			p.drop()
		}
	}()
	ok, err := f(c)
	if err != nil || !ok {
		return err
	}
	_, err = c.exec(ctx, "commit", nil)
	committed = err == nil
	return err
}
