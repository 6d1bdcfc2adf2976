package gorminvalidate_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/glebarez/sqlite"
	"go.uber.org/goleak"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/schema"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/internal/servertest"
	"github.com/stratacache/strata/invalidate"
	"github.com/stratacache/strata/invalidate/gorminvalidate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(servertest.Main(m)) }

// open returns a database whose tables have a prefix, with the plugin, and its
// cache.
func open(dialect gorm.Dialector, prefix string) (*gorm.DB, *cache.Client, error) {
	db, err := gorm.Open(dialect, &gorm.Config{Logger: logger.Discard, NamingStrategy: schema.NamingStrategy{TablePrefix: prefix}})
	if err != nil {
		return nil, nil, err
	}
	pool, err := db.DB()
	if err != nil {
		return nil, nil, err
	}
	c, err := cache.New(locmem.New(nil), nil)
	if err != nil {
		return nil, nil, err
	}
	plugin := gorminvalidate.New(invalidate.NewDB(pool, nil), c)
	gorminvalidate.Register(plugin, affects)
	return db, c, errors.Join(db.AutoMigrate(&Note{}), db.Use(plugin))
}

var prefixes atomic.Int64

// onDatabases runs test on each kind of database, with no notes, whose lists are
// cached.
func onDatabases(t *testing.T, test func(*testing.T, *gorm.DB, *lists)) {
	t.Helper()
	t.Parallel()
	for name, dialect := range map[string]func(*testing.T) gorm.Dialector{
		"sqlite": func(t *testing.T) gorm.Dialector {
			return sqlite.Open(filepath.Join(t.TempDir(), "x.db") + "?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)")
		},
		"postgres": func(t *testing.T) gorm.Dialector { return postgres.Open(servertest.SharedPostgres(t)) },
		"mariadb":  func(t *testing.T) gorm.Dialector { return mysql.Open(servertest.SharedMariaDB(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, c, err := open(dialect(t), fmt.Sprintf("g%d_", prefixes.Add(1)))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				_ = c.Close(context.Background())
				if pool, err := db.DB(); err == nil {
					_ = pool.Close()
				}
			})
			l := &lists{t: t, db: db, view: cache.For[[]int](c)}
			l.want("at first", nil, nil, 2)
			test(t, db, l)
		})
	}
}

// tableOf is the table of the notes.
func tableOf(t *testing.T, db *gorm.DB) string {
	t.Helper()
	stmt := &gorm.Statement{DB: db}
	if err := stmt.Parse(&Note{}); err != nil {
		t.Fatal(err)
	}
	return stmt.Schema.Table
}
