package gorminvalidate

import (
	"context"
	"errors"
	"reflect"
	"strings"

	"gorm.io/gorm"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/invalidate"
)

// MaxRows is how many records a write may change without naming what depends on
// them.
const MaxRows = 1000

// Plugin is a gorm.Plugin. Register its models before it is used.
type Plugin struct {
	writes *invalidate.DB
	cache  cache.Cache
	models map[reflect.Type]func(any) invalidate.Names
	tables map[string]bool
}

// New returns a plugin whose transactions are those of writes, which is on the
// *sql.DB of the gorm.DB, and whose keys are those of c.
func New(writes *invalidate.DB, c cache.Cache) *Plugin {
	return &Plugin{writes: writes, cache: c, models: map[reflect.Type]func(any) invalidate.Names{}, tables: map[string]bool{}}
}

// Register says what depends on a record of a model in a given state.
func Register[T any](p *Plugin, affects func(T) invalidate.Names) {
	p.models[reflect.TypeFor[T]()] = func(record any) invalidate.Names { return affects(record.(T)) }
}

// Name implements gorm.Plugin.
func (p *Plugin) Name() string { return "strata:invalidate" }

// Initialize implements gorm.Plugin.
func (p *Plugin) Initialize(db *gorm.DB) error {
	for model := range p.models {
		stmt := &gorm.Statement{DB: db}
		if err := stmt.Parse(reflect.New(model).Interface()); err != nil {
			return err
		}
		p.tables[strings.ToLower(stmt.Schema.Table)] = true
	}
	pool := &pool{ConnPool: db.ConnPool, writes: p.writes}
	db.ConnPool, db.Statement.ConnPool = pool, pool
	on := db.Callback()
	return errors.Join(
		on.Create().Before("gorm:create").Register("strata:before_create", p.beforeCreate),
		on.Create().After("gorm:create").Before("gorm:commit_or_rollback_transaction").Register("strata:after_create", p.afterCreate),
		on.Update().Before("gorm:update").Register("strata:before_update", p.beforeChange),
		on.Update().After("gorm:update").Before("gorm:commit_or_rollback_transaction").Register("strata:after_update", p.afterUpdate),
		on.Delete().Before("gorm:delete").Register("strata:before_delete", p.beforeChange),
		on.Delete().After("gorm:delete").Before("gorm:commit_or_rollback_transaction").Register("strata:after_delete", p.afterDelete),
		on.Raw().Before("gorm:raw").Register("strata:before_raw", p.beforeRaw),
		on.Raw().After("gorm:raw").Register("strata:after_raw", func(db *gorm.DB) { p.drop(db) }),
	)
}

const (
	namesKey = "strata:names" // what the caller named
	oldKey   = "strata:old"   // what was there
)

// Naming returns db for writes that change what n names, instead of what the
// plugin would find out.
func Naming(db *gorm.DB, n invalidate.Names) *gorm.DB { return db.Set(namesKey, n) }

func named(db *gorm.DB) (invalidate.Names, bool) {
	v, ok := db.Get(namesKey)
	n, _ := v.(invalidate.Names)
	return n, ok
}

// Context returns the context of db's transaction, for reads through the cache,
// invalidate.Drop and AfterCommit; without one it is that of db.
func Context(db *gorm.DB) context.Context {
	if tx, ok := db.Statement.ConnPool.(*tx); ok {
		return invalidate.UnitOf(tx.ctx).Context(db.Statement.Context)
	}
	return db.Statement.Context
}

// drop invalidates what the caller named and what a write found out.
func (p *Plugin) drop(db *gorm.DB, found ...invalidate.Names) {
	if db.Error != nil {
		return
	}
	n, _ := named(db)
	for _, f := range found {
		n = n.And(f)
	}
	if err := invalidate.Drop(Context(db), p.cache, n); err != nil {
		_ = db.AddError(err)
	}
}

// beforeRaw refuses SQL that may write to a table of ours and names nothing.
func (p *Plugin) beforeRaw(db *gorm.DB) {
	sql := strings.ToLower(db.Statement.SQL.String())
	if _, ok := named(db); ok || db.Error != nil {
		return
	}
	verb, _, _ := strings.Cut(strings.TrimSpace(sql), " ")
	switch verb {
	case "insert", "update", "delete", "replace", "merge", "with", "truncate":
		for table := range p.tables {
			if strings.Contains(sql, table) {
				_ = db.AddError(invalidate.ErrUnnamed)
			}
		}
	}
}
