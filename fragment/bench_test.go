package fragment_test

import (
	"bytes"
	"html/template"
	"testing"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/fragment"
)

type row struct {
	ID    int
	Name  string
	Price float64
	Tags  []string
}

const table = `{{define "table"}}<table>{{range .}}<tr><td>{{.ID}}</td><td><a href="/item/{{.ID}}">{{.Name}}</a></td><td>{{printf "%.2f" .Price}}</td><td>{{range .Tags}}<i>{{.}}</i> {{end}}</td></tr>{{end}}</table>{{end}}`

// BenchmarkFragment is a page whose fragment is cached, beside rendering its
// table of 100 rows, and beside writing the same bytes. "empty" is what executing
// a page costs with nothing on it.
func BenchmarkFragment(b *testing.B) {
	rows := make([]row, 100)
	for i := range rows {
		rows[i] = row{ID: i, Name: "An item & more", Price: float64(i) * 1.1, Tags: []string{"a", "b", "<c>"}}
	}
	rendered := template.Must(template.New("").Parse(table))
	b.Run("floor=render", func(b *testing.B) {
		b.ReportAllocs()
		var page bytes.Buffer
		for b.Loop() {
			page.Reset()
			if err := rendered.ExecuteTemplate(&page, "table", rows); err != nil {
				b.Fatal(err)
			}
		}
	})
	set := template.Must(template.New("").Funcs(fragment.Funcs()).Parse(table +
		`{{define "template"}}{{cache "table" . "1h" (tags "items")}}{{end}}` +
		`{{define "block"}}{{if cache "block" "1h" (tags "items")}}{{template "table" .}}{{end}}{{end}}` +
		`{{define "vary"}}{{if cache "vary" "1h" (vary (len .)) (tags "items")}}{{template "table" .}}{{end}}{{end}}` +
		`{{define "empty"}}{{end}}`))
	c, _ := cache.New(locmem.New(nil), nil)
	defer c.Close(b.Context())
	pages, err := fragment.New(c, set, nil)
	if err != nil {
		b.Fatal(err)
	}
	for _, form := range []string{"block", "vary", "template", "empty"} {
		b.Run("cached="+form, func(b *testing.B) {
			b.ReportAllocs()
			var page bytes.Buffer
			for b.Loop() {
				page.Reset()
				if err := pages.Execute(b.Context(), &page, form, rows); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	var out writes
	if err := rendered.ExecuteTemplate(&out, "table", rows); err != nil {
		b.Fatal(err)
	}
	b.Run("floor=write", func(b *testing.B) {
		b.ReportAllocs()
		var page bytes.Buffer // as a response is buffered: the bytes are copied
		for b.Loop() {
			page.Reset()
			_, _ = page.Write(out)
		}
		b.ReportMetric(float64(len(out)), "bytes")
	})
}

type writes []byte

func (w *writes) Write(p []byte) (int, error) {
	*w = append(*w, p...)
	return len(p), nil
}
