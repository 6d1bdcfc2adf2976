package gorminvalidate

import (
	"fmt"
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/stratacache/strata/invalidate"
)

// affects is what was registered for the model of a write, unless the caller
// named what it changes.
func (p *Plugin) affects(db *gorm.DB) func(any) invalidate.Names {
	if _, ok := named(db); ok || db.Error != nil || db.Statement.Schema == nil {
		return nil
	}
	return p.models[db.Statement.Schema.ModelType]
}

// before is what a write found before it.
type before struct {
	names invalidate.Names
	ids   [][]any // the primary keys of the records
}

// beforeChange reads the records that an update or a delete is going to change.
func (p *Plugin) beforeChange(db *gorm.DB) {
	affects := p.affects(db)
	if affects == nil {
		return
	}
	stmt := db.Statement
	var conditions []clause.Expression
	if where, ok := stmt.Clauses["WHERE"]; ok && where.Expression != nil {
		conditions = append(conditions, where.Expression.(clause.Where).Exprs...)
	}
	if ids := primaryKeys(db, stmt.ReflectValue); len(ids) > 0 {
		conditions = append(conditions, byID(db, ids))
	} else if stmt.Dest != nil { // Delete(&Note{}, …) and Save
		if ids := primaryKeys(db, reflect.Indirect(reflect.ValueOf(stmt.Dest))); len(ids) > 0 {
			conditions = append(conditions, byID(db, ids))
		}
	}
	if len(conditions) == 0 {
		if db.AllowGlobalUpdate { // or else GORM refuses it
			_ = db.AddError(fmt.Errorf("%w: a whole table", invalidate.ErrUnnamed))
		}
		return
	}
	p.remember(db, affects, conditions)
}

// remember reads the records that conditions select, and keeps what they affect.
func (p *Plugin) remember(db *gorm.DB, affects func(any) invalidate.Names, conditions []clause.Expression) {
	records, err := find(db, conditions, true)
	if err != nil {
		_ = db.AddError(err)
		return
	}
	if records.Len() > MaxRows {
		_ = db.AddError(fmt.Errorf("%w: more than %d records", invalidate.ErrUnnamed, MaxRows))
		return
	}
	old := &before{ids: primaryKeys(db, records)}
	for i := range records.Len() {
		old.names = old.names.And(affects(records.Index(i).Interface()))
	}
	db.InstanceSet(oldKey, old)
}

func remembered(db *gorm.DB) *before {
	v, _ := db.InstanceGet(oldKey)
	old, _ := v.(*before)
	return old
}

// find reads records in the transaction of db, and locks them until it ends.
func find(db *gorm.DB, conditions []clause.Expression, lock bool) (reflect.Value, error) {
	into := reflect.New(reflect.SliceOf(db.Statement.Schema.ModelType))
	q := db.Session(&gorm.Session{NewDB: true, SkipHooks: true}).Table(db.Statement.Table).
		Clauses(clause.Where{Exprs: conditions}).Limit(MaxRows + 1)
	if lock && db.Name() != "sqlite" {
		q = q.Clauses(clause.Locking{Strength: "UPDATE"})
	}
	err := q.Find(into.Interface()).Error
	return into.Elem(), err
}

// afterUpdate reads the new states.
func (p *Plugin) afterUpdate(db *gorm.DB) {
	affects, old := p.affects(db), remembered(db)
	if affects == nil || old == nil || len(old.ids) == 0 {
		p.drop(db)
		return
	}
	records, err := find(db, []clause.Expression{byID(db, old.ids)}, false)
	if err != nil {
		_ = db.AddError(err)
		return
	}
	found := old.names
	for i := range records.Len() {
		found = found.And(affects(records.Index(i).Interface()))
	}
	p.drop(db, found)
}

func (p *Plugin) afterDelete(db *gorm.DB) {
	if old := remembered(db); old != nil {
		p.drop(db, old.names)
		return
	}
	p.drop(db)
}

// beforeCreate reads what an upsert may replace.
func (p *Plugin) beforeCreate(db *gorm.DB) {
	affects := p.affects(db)
	if affects == nil {
		return
	}
	stmt := db.Statement
	if k := reflect.Indirect(stmt.ReflectValue).Kind(); k == reflect.Map ||
		k == reflect.Slice && reflect.Indirect(stmt.ReflectValue).Type().Elem().Kind() == reflect.Map {
		_ = db.AddError(fmt.Errorf("%w: records from maps", invalidate.ErrUnnamed))
		return
	}
	c, ok := stmt.Clauses["ON CONFLICT"]
	if !ok {
		return
	}
	conflict, _ := c.Expression.(clause.OnConflict)
	if conflict.DoNothing {
		return
	}
	for _, column := range conflict.Columns {
		if f := stmt.Schema.LookUpField(column.Name); f == nil || !f.PrimaryKey {
			_ = db.AddError(fmt.Errorf("%w: an upsert on other columns than the primary key", invalidate.ErrUnnamed))
			return
		}
	}
	if ids := primaryKeys(db, stmt.ReflectValue); len(ids) > 0 {
		p.remember(db, affects, []clause.Expression{byID(db, ids)})
	}
}

func (p *Plugin) afterCreate(db *gorm.DB) {
	affects := p.affects(db)
	if affects == nil {
		p.drop(db)
		return
	}
	var found invalidate.Names
	if old := remembered(db); old != nil {
		found = old.names
	}
	each(db.Statement.ReflectValue, func(v reflect.Value) {
		if v.Type() == db.Statement.Schema.ModelType {
			found = found.And(affects(v.Interface()))
		}
	})
	p.drop(db, found)
}

// each visits a record, or those of a slice.
func each(v reflect.Value, visit func(reflect.Value)) {
	v = reflect.Indirect(v)
	switch v.Kind() {
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			each(v.Index(i), visit)
		}
	case reflect.Struct:
		visit(v)
	}
}

// primaryKeys are those of a record, or of a slice, that has them.
func primaryKeys(db *gorm.DB, v reflect.Value) (ids [][]any) {
	each(v, func(v reflect.Value) {
		if v.Type() != db.Statement.Schema.ModelType {
			return
		}
		var id []any
		for _, f := range db.Statement.Schema.PrimaryFields {
			part, zero := f.ValueOf(db.Statement.Context, v)
			if zero {
				return
			}
			id = append(id, part)
		}
		if len(id) > 0 {
			ids = append(ids, id)
		}
	})
	return ids
}

func byID(db *gorm.DB, ids [][]any) clause.Expression {
	var some []clause.Expression
	for _, id := range ids {
		var all []clause.Expression
		for i, f := range db.Statement.Schema.PrimaryFields {
			all = append(all, clause.Eq{Column: clause.Column{Table: clause.CurrentTable, Name: f.DBName}, Value: id[i]})
		}
		some = append(some, clause.And(all...))
	}
	return clause.Or(some...)
}
