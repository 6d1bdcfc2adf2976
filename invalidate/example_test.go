package invalidate_test

import (
	"context"
	"fmt"
	"log"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/invalidate"
)

type Article struct {
	ID     int
	Author string
}

// Articles is a repository whose writes invalidate.
type Articles struct {
	rows map[int]Article
	hook *invalidate.Hook[Article]
}

// Reassign gives an article to another author: the lists of both change.
func (a *Articles) Reassign(ctx context.Context, id int, author string) error {
	return a.hook.Write(ctx, func(context.Context) (invalidate.Change[Article], error) {
		before := a.rows[id]
		after := Article{ID: id, Author: author}
		a.rows[id] = after // a transaction, committed here
		return invalidate.Updated(before, after), nil
	})
}

func Example() {
	ctx := context.Background()
	c, err := cache.New(locmem.New(nil), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)

	articles := &Articles{
		rows: map[int]Article{1: {1, "Ann"}},
		hook: invalidate.NewHook(c, func(a Article) invalidate.Names {
			return invalidate.Names{Tags: []string{invalidate.Tag("author", a.Author)}}
		}),
	}
	lists := cache.For[[]int](c.WithPrefix("by-author"))
	list := func(author string) []int {
		ids, err := lists.GetOrSet(ctx, author, func(context.Context) ([]int, error) {
			ids := []int{}
			for _, a := range articles.rows {
				if a.Author == author {
					ids = append(ids, a.ID)
				}
			}
			return ids, nil
		}, cache.Tags(invalidate.Tag("author", author)))
		if err != nil {
			log.Fatal(err)
		}
		return ids
	}
	fmt.Println(list("Ann"), list("Bob"))
	if err := articles.Reassign(ctx, 1, "Bob"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(list("Ann"), list("Bob"))
	// Output:
	// [1] []
	// [] [1]
}

func ExampleTag() {
	fmt.Println(invalidate.Tag("note", 7))
	fmt.Println(invalidate.Tag("note", "a:b"))
	// Output:
	// note:7
	// note:a%3Ab
}
