package gorminvalidate

import (
	"context"
	"database/sql"
	"strings"

	"gorm.io/gorm"

	"github.com/stratacache/strata/invalidate"
)

// pool is GORM's pool, whose transactions collect.
type pool struct {
	gorm.ConnPool
	writes *invalidate.DB
}

// BeginTx implements gorm.ConnPoolBeginner.
func (p *pool) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	within, t, err := p.writes.Begin(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &tx{Tx: t, ctx: within, marks: map[string]invalidate.Mark{}}, nil
}

// GetDBConn implements gorm.GetDBConnector.
func (p *pool) GetDBConn() (*sql.DB, error) {
	switch under := p.ConnPool.(type) {
	case *sql.DB:
		return under, nil
	case gorm.GetDBConnector:
		return under.GetDBConn()
	}
	return nil, gorm.ErrInvalidDB
}

// tx is a transaction, which one goroutine uses.
type tx struct {
	*invalidate.Tx
	ctx   context.Context
	marks map[string]invalidate.Mark
}

var _ gorm.TxCommitter = (*tx)(nil)

// Commit implements gorm.TxCommitter.
func (t *tx) Commit() error { return t.Tx.Commit(t.ctx) }

// ExecContext watches for the savepoints, which GORM sets by plain SQL.
func (t *tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	r, err := t.Tx.ExecContext(ctx, query, args...)
	if err != nil || len(args) > 0 {
		return r, err
	}
	unit := invalidate.UnitOf(t.ctx)
	words := strings.Fields(strings.TrimSuffix(query, ";"))
	name := ""
	if len(words) > 0 {
		name = words[len(words)-1]
	}
	switch head := strings.ToUpper(strings.Join(words[:max(0, len(words)-1)], " ")); head {
	case "SAVEPOINT":
		t.marks[name] = unit.Mark()
	case "ROLLBACK TO", "ROLLBACK TO SAVEPOINT":
		if mark, ok := t.marks[name]; ok {
			unit.Revert(mark)
		}
	}
	return r, err
}
