package fragment_test

import (
	"context"
	"fmt"
	"html/template"
	"log"
	"os"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/fragment"
)

func Example() {
	ctx := context.Background()
	c, err := cache.New(locmem.New(nil), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)

	funcs := template.FuncMap{"articles": func() []string {
		fmt.Println("-- asking the database")
		return []string{"On caches"}
	}}
	set := template.Must(template.New("").Funcs(fragment.Funcs()).Funcs(funcs).Parse(`
{{- define "sidebar"}}<ul>{{range articles}}<li>{{.}}{{end}}</ul>{{end -}}
{{- define "page"}}Hello {{.}}: {{cache "sidebar" . "5m" (tags "articles")}}
{{end}}`))
	pages, err := fragment.New(c, set, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range []string{"Ann", "Bob"} {
		if err := pages.Execute(ctx, os.Stdout, "page", name); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// Hello Ann: -- asking the database
	// <ul><li>On caches</ul>
	// Hello Bob: <ul><li>On caches</ul>
}
