// Package recipes shows, in examples that run, how the writes of programs that
// use sqlc, sqlx or bun invalidate what they change. It is a module of its own,
// so that nobody else downloads what it needs. For GORM there is a plugin.
//
// They differ in who begins the transaction. Where that is the program, it is
// [invalidate.DB.InTx]; where it is the library, an [invalidate.Unit] goes around
// it.
package recipes
