package invalidate_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/invalidate"
)

// Price is a record, and Prices the table as a Repository wants it.
type Price struct {
	Name  string
	Cents int
}

type Prices struct{ db *invalidate.DB }

func (p Prices) Get(ctx context.Context, name string) (v Price, err error) {
	on, err := p.db.Conn(ctx)
	if err != nil {
		return v, err
	}
	err = on.QueryRowContext(ctx, "SELECT name, price FROM prices WHERE name = ?", name).Scan(&v.Name, &v.Cents)
	if errors.Is(err, sql.ErrNoRows) {
		err = cache.ErrNotFound
	}
	return v, err
}

// Lock needs no FOR UPDATE: SQLite has one writer at a time.
func (p Prices) Lock(ctx context.Context, name string) (Price, error) { return p.Get(ctx, name) }

func (p Prices) Create(ctx context.Context, v Price) (Price, error) {
	return v, p.exec(ctx, "INSERT INTO prices VALUES (?, ?)", v.Name, v.Cents)
}

func (p Prices) Update(ctx context.Context, name string, v Price) (Price, error) {
	return v, p.exec(ctx, "UPDATE prices SET name = ?, price = ? WHERE name = ?", v.Name, v.Cents, name)
}

func (p Prices) Delete(ctx context.Context, name string) error {
	return p.exec(ctx, "DELETE FROM prices WHERE name = ?", name)
}

func (p Prices) exec(ctx context.Context, query string, args ...any) error {
	on, err := p.db.Conn(ctx)
	if err == nil {
		_, err = on.ExecContext(ctx, query, args...)
	}
	return err
}

func ExampleRepository() {
	ctx := context.Background()
	db, c := shop()
	defer db.Close()
	defer c.Close(ctx)
	writes := invalidate.NewDB(db, nil)
	prices, err := invalidate.NewRepository(writes, c.WithPrefix("price"), Prices{writes}, invalidate.RepositoryOptions[string, Price]{
		ID:      func(p Price) string { return p.Name },
		Affects: func(Price) invalidate.Names { return invalidate.Names{Tags: []string{"price list"}} },
	})
	if err != nil {
		log.Fatal(err)
	}
	show := func(name string) {
		p, err := prices.Get(ctx, name)
		fmt.Println(name, p.Cents, err)
	}
	show("tea")
	show("salt") // that there is none is remembered
	if _, err := prices.Create(ctx, Price{"salt", 1}); err != nil {
		log.Fatal(err)
	}
	show("salt")
	if _, err := prices.Update(ctx, "tea", func(p Price) (Price, error) { p.Cents++; return p, nil }); err != nil {
		log.Fatal(err)
	}
	show("tea")
	raise := func(ctx context.Context) error {
		return Prices{writes}.exec(ctx, "UPDATE prices SET price = price + 10")
	}
	fmt.Println(prices.Bulk(ctx, invalidate.Names{}, raise))
	fmt.Println(prices.Bulk(ctx, invalidate.Names{All: true, Tags: []string{"price list"}}, raise))
	show("tea")
	// Output:
	// tea 3 <nil>
	// salt 0 strata: not found
	// salt 1 <nil>
	// tea 4 <nil>
	// invalidate: a bulk write must name what it changes
	// <nil>
	// tea 14 <nil>
}
