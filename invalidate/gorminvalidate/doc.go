// Package gorminvalidate makes the writes of GORM invalidate what they change.
//
//	plugin := gorminvalidate.New(invalidate.NewDB(sqlDB, nil), c)
//	gorminvalidate.Register(plugin, func(n Note) invalidate.Names {
//		return invalidate.Names{Tags: []string{invalidate.Tag("notes", n.Owner)}}
//	})
//	err := db.Use(plugin)
//
// # What is seen
//
// Create, Save, Updates and Delete on a registered model, of one record or of all
// that a condition selects. The old state of what is updated or deleted is read
// first, in the same transaction and locked where the database can, and the new
// one after it: that costs two queries for each such write. It works in the
// transactions of db.Transaction and db.Begin, with their savepoints, and in those
// that GORM makes around each write.
//
// # What must be named
//
// A write whose records are not known must say what it changes, or is refused
// with invalidate.ErrUnnamed: SQL given to Exec that mentions the table of a
// registered model, a write of more than [MaxRows] records, one of a whole
// table, an upsert on other columns than the primary key, and records that are
// created from maps.
//
//	gorminvalidate.Naming(db, names).Exec("UPDATE notes SET …")
//
// # Limits
//
// Join tables of associations have no registered model: name what depends on
// them. The primary key of a record must not be updated.
package gorminvalidate
