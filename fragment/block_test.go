package fragment_test

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"strings"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/fragment"
)

type item struct{ ID int }

// Name has a pointer receiver, so it is there only where the item's place is.
func (i *item) Name() string { return fmt.Sprintf("<item %d>", i.ID) }

// A block sees all that stands around it: the dot, the page's data, variables.
func TestBlockHasTheScopeAroundIt(t *testing.T) {
	t.Parallel()
	p := parsePage(t, `{{$title := .Title}}{{range $i, $e := .Items}}`+
		`{{if cache "row" "5m" (vary .ID)}}{{$own := 7}}{{$own = 8}}<a title="{{.Name}}">{{$i}} {{$e.Name}} {{$title}} {{$.Title}} {{$own}} {{count}}</a>{{end}};{{end}}`, nil)
	data := struct {
		Title string
		Items []item
	}{"a & b", []item{{1}, {2}}}
	const row = `<a title="&lt;item %d&gt;">%d &lt;item %d&gt; a &amp; b a &amp; b 8 %d</a>;`
	want := fmt.Sprintf(row+row, 1, 0, 1, 1, 2, 1, 2, 2)
	for range 3 {
		if got := p.get(t, &data); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// A block may stand where no template call may be cached: its text is escaped
// for its place, and is put there as it is.
func TestBlockInEveryContext(t *testing.T) {
	t.Parallel()
	p := parsePage(t, `<p title="{{if cache "attr" "5m"}}a {{.}}{{end}}"><a href="/?q={{if cache "url" "5m"}}{{.}}{{end}}">`+
		`<script>var x = {{if cache "js" "5m"}}{{.}}{{end}};</script><title>{{if cache "title" "5m"}}{{.}}{{end}}</title>`, nil)
	const want = `<p title="a &#34;&lt;&amp;"><a href="/?q=%22%3c%26"><script>var x = "\"\u003c\u0026";</script><title>&#34;&lt;&amp;</title>`
	for range 2 {
		if got := p.get(t, `"<&`); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// What a block could not keep its word about fails when the renderer is made,
// or before. FRAG-016, FRAG-017, FRAG-018, FRAG-022, FRAG-023.
func TestWrongBlocksFailAtOnce(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{{if cache "a" "5m"}}x`:                                                                    "unexpected EOF",
		`{{if cache "a"}}x{{end}}`:                                                                  "needs a name in quotes, and a lifetime",
		`{{if cache .Name "5m"}}x{{end}}`:                                                           "needs a name in quotes",
		`{{if cache "a" "5m"}}x{{else}}y{{end}}`:                                                    "has an else",
		`{{if $x := cache "a" "5m"}}x{{end}}`:                                                       "declares a variable",
		`{{if not (cache "a" "5m")}}x{{end}}`:                                                       "a block is {{if cache …}} alone",
		`{{if and true (cache "a" . "5m")}}x{{end}}`:                                                `no template "a"`,
		`{{if cache "a" "5m"}}x{{end}}{{if cache "a" "5m"}}y{{end}}`:                                `another block "a"`,
		`{{$x := 1}}{{if cache "a" "5m"}}{{$x = 2}}{{end}}`:                                         "sets $x",
		`{{range loop}}{{if cache "a" "5m"}}{{break}}{{end}}{{end}}`:                                "left by {{break}}",
		`{{range loop}}{{if cache "a" "5m"}}{{with .}}{{continue}}{{end}}{{end}}{{end}}`:            "left by {{continue}}",
		`{{if cache "a" "5m" (using "none")}}x{{end}}`:                                              `Options.Using has no "none"`,
		`{{if cache "5m" (using "none")}}x{{end}}`:                                                  `Options.Using has no "none"`,
		`<script>{{template "x" .}}</script>{{define "x"}}{{if cache "a" "5m"}}{{.}}{{end}}{{end}}`: "is called where",
		`<p title="{{template "y" .}}">{{define "x"}}{{if cache "a" "5m"}}{{.}}{{end}}{{end}}{{define "y"}}{{template "x" .}}{{end}}`: "is called where",
	} {
		if _, err := renderer(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", text, err, want)
		}
	}
	for _, text := range []string{
		`{{if false}}{{else if cache "a" "5m"}}x{{end}}`,
		`{{if cache "a" "5m"}}{{range loop}}{{if .}}{{break}}{{end}}{{end}}{{end}}`,
		`{{if cache "a" "5m"}}{{range $i, $x := loop}}{{$i = $x}}{{end}}{{end}}`,
		`{{with cache "a" . "5m"}}{{.}}{{end}}{{define "a"}}{{end}}`,
		`<p {{template "x" .}}>{{define "x"}}class="{{end}}`, // not a fragment's fault
	} {
		if _, err := renderer(t, text); err != nil {
			t.Errorf("%s: got %v, want none", text, err)
		}
	}
}

// A body that fails stores nothing, leaves no half fragment, and those that wait
// for it are told. FRAG-025.
func TestFailingBlock(t *testing.T) {
	t.Parallel()
	p := parsePage(t, `{{if cache "out" "5m"}}half{{count}}{{if cache "in" "5m"}}inner{{if eq . "bad"}}{{fail}}{{end}}{{end}}{{end}}`, nil)
	out, err := p.try(t, "bad")
	if err == nil || !strings.Contains(err.Error(), "no data") || out != "" {
		t.Errorf("got %q, %v; want an error and no half fragment", out, err)
	}
	if got := p.get(t, "good"); got != "half2inner" {
		t.Errorf("then: got %s", got)
	}
	q := parsePage(t, `{{if cache "out" "5m"}}{{count}}{{missing}}{{end}}`, nil)
	for want := range 2 {
		if _, err := q.try(t, nil); !errors.Is(err, cache.ErrNotFound) || q.rendered.Load() != int64(want+1) {
			t.Errorf("a body that fails with ErrNotFound: got %v after %d renderings", err, q.rendered.Load())
		}
	}
}

// Blocks, like templates, may be empty, and may be rendered every time. FRAG-013,
// FRAG-026.
func TestBlockLifetimes(t *testing.T) {
	t.Parallel()
	p := parsePage(t, `{{if cache "b" .}}{{if count}}{{end}}{{end}}`, nil)
	for _, ttl := range []any{"5m", "5m", nil} {
		p.get(t, ttl)
	}
	if n := p.rendered.Load(); n != 1 {
		t.Errorf("an empty block: rendered %d times, want once", n)
	}
	p.get(t, 0)
	p.get(t, -time.Second)
	if n := p.rendered.Load(); n != 3 {
		t.Errorf("no lifetime: rendered %d times, want 2 more", n-1)
	}
	if _, err := p.try(t, "soon"); err == nil || !strings.Contains(err.Error(), "no lifetime") {
		t.Errorf("got %v, want an error", err)
	}
}

// A cache that is down costs the cache.
func TestBlockWithoutCache(t *testing.T) {
	t.Parallel()
	p := parsePage(t, `{{if cache "b" "5m"}}{{count}}{{end}}`, nil)
	_ = p.client.Close(t.Context())
	if _, err := p.try(t, nil); !errors.Is(err, cache.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}

// parsePage is a set whose template "page" is text.
func parsePage(t testing.TB, text string, opts *fragment.Options) *page {
	t.Helper()
	return parseWith(t, text, opts, nil)
}

func parseWith(t testing.TB, text string, opts *fragment.Options, copts *cache.Options) *page {
	t.Helper()
	p := &page{}
	set, err := template.New("page").Funcs(fragment.Funcs()).Funcs(template.FuncMap{
		"count":   func() int64 { return p.rendered.Add(1) },
		"fail":    func() (string, error) { return "", errors.New("no data") },
		"missing": func() (string, error) { return "", cache.ErrNotFound },
		"sleep":   func() string { time.Sleep(time.Second); return "" },
	}).Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if p.client, err = cache.New(locmem.New(nil), copts); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.client.Close(context.Background()) })
	if p.Renderer, err = fragment.New(p.client, set, opts); err != nil {
		t.Fatal(err)
	}
	return p
}
