package fragment_test

import (
	"context"
	"fmt"
	"html/template"
	"io"
	"log"
	"os"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/fragment"
)

// Shop is the data of a page. Its methods ask the database when the template
// calls them, and so a block that comes from the cache asks nothing.
type Shop struct {
	User    string
	queries int
}

func (s *Shop) Offers(ctx context.Context) ([]string, error) {
	s.queries++ // SELECT … FROM offers
	return []string{"tea", "salt & pepper"}, ctx.Err()
}

func Example() {
	ctx := context.Background()
	c, err := cache.New(locmem.New(nil), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)

	set := template.Must(template.New("page").Funcs(fragment.Funcs()).Parse(
		`Hello {{.User}}:{{if cache "offers" "5m" (tags "offers")}}{{range $i, $name := .Offers context}} {{$i}}. {{$name}}{{end}}{{end}}
`))
	pages, err := fragment.New(c, set, nil)
	if err != nil {
		log.Fatal(err)
	}
	show := func(user string) {
		shop := &Shop{User: user}
		if err := pages.Execute(ctx, os.Stdout, "page", shop); err != nil {
			log.Fatal(err)
		}
		fmt.Println("queries:", shop.queries)
	}
	show("Ann")
	show("Bob")
	if err := c.Invalidate(ctx, "offers"); err != nil { // after a write
		log.Fatal(err)
	}
	show("Cy")
	// Output:
	// Hello Ann: 0. tea 1. salt &amp; pepper
	// queries: 1
	// Hello Bob: 0. tea 1. salt &amp; pepper
	// queries: 0
	// Hello Cy: 0. tea 1. salt &amp; pepper
	// queries: 1
}

// A named template, cached for each user.
func Example_template() {
	ctx := context.Background()
	c, err := cache.New(locmem.New(nil), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)

	set := template.Must(template.New("").Funcs(fragment.Funcs()).Parse(`
{{- define "greeting"}}Good day, {{.}}.{{end -}}
{{- define "page"}}{{cache "greeting" .User "1h" (vary .User)}}
{{end}}`))
	pages, err := fragment.New(c, set, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range []string{"Ann", "Bob"} {
		if err := pages.Execute(ctx, os.Stdout, "page", Shop{User: name}); err != nil {
			log.Fatal(err)
		}
	}
	dropped, err := pages.Delete(ctx, "greeting", "Ann")
	fmt.Println(dropped, err)
	// Output:
	// Good day, Ann.
	// Good day, Bob.
	// true <nil>
}

// Row is a component, as templ generates them.
type Row struct{ Name string }

func (r Row) Render(_ context.Context, w io.Writer) error {
	fmt.Println("-- rendering", r.Name)
	_, err := fmt.Fprintf(w, "<li>%s\n", template.HTMLEscapeString(r.Name))
	return err
}

func ExampleComponents() {
	ctx := context.Background()
	c, err := cache.New(locmem.New(nil), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)

	parts, err := fragment.NewComponents(c, nil)
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		row := parts.Cached("row", time.Hour, Row{"salt & pepper"}, fragment.Vary(7), fragment.Tags("items"))
		if err := row.Render(ctx, os.Stdout); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// -- rendering salt & pepper
	// <li>salt &amp; pepper
	// <li>salt &amp; pepper
}

func ExampleRenderer_Key() {
	set := template.Must(template.New("page").Funcs(fragment.Funcs()).Parse(`{{if cache "b" "5m" (vary .)}}{{end}}`))
	c, err := cache.New(locmem.New(nil), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(context.Background())
	pages, err := fragment.New(c, set, nil)
	if err != nil {
		log.Fatal(err)
	}
	one, _ := pages.Key("b", 1)
	two, _ := pages.Key("b", "1")
	fmt.Println(one != two)
	// Output: true
}

func ExampleDjangoKey() {
	fmt.Println(fragment.DjangoKey("bar", "abc", "def"))
	// Output: template.cache.bar.17c1a507a0cb58384f4c639067a93520
}

// Author is data that learns from the database what it depends on.
type Author struct{ ID int }

func (a Author) Name(ctx context.Context) string {
	name, team := "Ann", 7 // SELECT name, team FROM authors WHERE id = …
	fragment.AddTags(ctx, fmt.Sprint("team:", team))
	return name
}

func ExampleAddTags() {
	ctx := context.Background()
	c, err := cache.New(locmem.New(nil), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)
	set := template.Must(template.New("page").Funcs(fragment.Funcs()).Parse(
		`{{if cache "author" "1h" (vary .ID)}}by {{.Name context}}{{end}}`))
	pages, err := fragment.New(c, set, nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := pages.Execute(ctx, os.Stdout, "page", Author{1}); err != nil {
		log.Fatal(err)
	}
	if err := c.Invalidate(ctx, "team:7"); err != nil { // drops it
		log.Fatal(err)
	}
	dropped, err := pages.Delete(ctx, "author", 1)
	fmt.Println(";", dropped, err)
	// Output: by Ann; false <nil>
}
