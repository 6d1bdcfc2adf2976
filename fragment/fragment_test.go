package fragment_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/fragment"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// page is a set with one page, which calls cache as call says, on a fragment
// that counts its renderings.
type page struct {
	*fragment.Renderer
	client   *cache.Client
	rendered atomic.Int64
}

func parse(t testing.TB, call, body string, opts *fragment.Options) *page {
	t.Helper()
	return parsePage(t, `<p>`+call+`</p>{{define "part"}}`+body+`{{end}}`, opts)
}

func (p *page) get(t testing.TB, data any) string {
	t.Helper()
	out, err := p.try(t, data)
	if err != nil {
		t.Fatalf("Execute: %v", err)
	}
	return out
}

func (p *page) try(t testing.TB, data any) (string, error) {
	var b bytes.Buffer
	err := p.Execute(t.Context(), &b, "page", data)
	return b.String(), err
}

// FRAG-009: a second rendering returns the first one's text.
func TestSecondRenderingIsTheFirst(t *testing.T) {
	t.Parallel()
	p := parse(t, `{{cache "part" . "5m"}}`, `<b>{{.}} {{count}}</b>`, nil)
	for range 3 {
		if got := p.get(t, "<x>"); got != "<p><b>&lt;x&gt; 1</b></p>" {
			t.Errorf("got %s", got)
		}
	}
}

// FRAG-010, FRAG-004, FRAG-005, FRAG-006: values are kept apart by type, order
// and limits.
func TestVaryValuesNeverMeet(t *testing.T) {
	t.Parallel()
	p := parse(t, `{{cache "part" . "5m" .}}`, `{{count}}`, &fragment.Options{AllowNil: true})
	type named string
	text := "a"
	lists := [][]any{
		{},
		{""},
		{"a", "b"},
		{"b", "a"},
		{"a:b"},
		{"a:", "b"},
		{"a", ":b"},
		{1},
		{"1"},
		{1.5},
		{"1.5"},
		{true},
		{"true"},
		{nil},
		{"<nil>"},
		{[2]int{}[0], 1},
		{time.Unix(0, 1)},
		{uint8(2)},
		{named("n")},
	}
	seen := map[string]int{}
	for i, list := range lists {
		got := p.get(t, varyArg(t, list))
		if j, met := seen[got]; met {
			t.Errorf("%#v and %#v share a fragment", lists[j], list)
		}
		seen[got] = i
		if again := p.get(t, varyArg(t, list)); again != got {
			t.Errorf("%#v: rendered again", list)
		}
	}
	// A pointer is what it points to.
	if got := p.get(t, varyArg(t, []any{&text, "b"})); got != p.get(t, varyArg(t, []any{"a", "b"})) {
		t.Error(`a pointer to "a" is not "a"`)
	}
}

// varyArg calls the template function vary.
func varyArg(t *testing.T, list []any) any {
	t.Helper()
	return fragment.Funcs()["vary"].(func(...any) fragment.Option)(list...)
}

func TestUndefinedVaryValueIsAnError(t *testing.T) { // FRAG-019, INV-010
	t.Parallel()
	p := parse(t, `{{cache "part" . "5m" (vary .user)}}`, `x`, nil)
	for _, data := range []any{map[string]any{}, map[string]any{"user": nil}, map[string]any{"user": (*int)(nil)}, map[string]any{"user": []int{1}}} {
		if _, err := p.try(t, data); err == nil || !strings.Contains(err.Error(), "vary value 1") {
			t.Errorf("%v: got %v, want an error that names the value", data, err)
		}
	}
	if got := p.get(t, map[string]any{"user": 0}); got != "<p>x</p>" {
		t.Errorf("a zero is a value: got %s", got)
	}
}

// FRAG-011, FRAG-012, FRAG-013, FRAG-014, FRAG-015.
func TestLifetimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tc := range []struct {
			ttl  any
			life time.Duration // how long it is kept; -1 for ever
		}{
			{"5m", 5 * time.Minute},
			{"90", 90 * time.Second},
			{"2.9", 2 * time.Second},
			{1.9, time.Second},
			{"2.9s", 2900 * time.Millisecond},
			{30, 30 * time.Second},
			{time.Second, time.Second},
			{nil, -1},
			{"forever", -1},
			{0, 0},
			{-1, 0},
			{"-5s", 0},
		} {
			p := parse(t, `{{cache "part" . .}}`, `{{count}}`, nil)
			first := p.get(t, tc.ttl)
			if tc.life > 0 {
				time.Sleep(tc.life - 1)
			}
			if got := p.get(t, tc.ttl); (got == first) != (tc.life != 0) {
				t.Errorf("%v: before its end: got %s after %s", tc.ttl, got, first)
			}
			time.Sleep(time.Nanosecond)
			if tc.life < 0 {
				time.Sleep(1e6 * time.Hour)
			}
			if got := p.get(t, tc.ttl); (got == first) != (tc.life < 0) {
				t.Errorf("%v: after its end: got %s after %s", tc.ttl, got, first)
			}
		}
		for _, ttl := range []any{"soon", []int{1}, true, "NaN"} {
			p := parse(t, `{{cache "part" . .}}`, `x`, nil)
			if _, err := p.try(t, ttl); err == nil {
				t.Errorf("lifetime %v: got no error", ttl)
			}
		}
	})
}

// FRAG-025: a failing body stores nothing and leaves no half fragment.
func TestFailingBody(t *testing.T) {
	t.Parallel()
	p := parse(t, `{{cache "part" . "5m"}}`, `half{{count}}{{if eq . "bad"}}{{fail}}{{end}}`, nil)
	out, err := p.try(t, "bad")
	if err == nil || strings.Contains(out, "half") {
		t.Errorf("got %q, %v; want an error and no half fragment", out, err)
	}
	if got := p.get(t, "good"); got != "<p>half2</p>" {
		t.Errorf("then: got %s", got)
	}
}

func TestEmptyRenderingIsAHit(t *testing.T) { // FRAG-026
	t.Parallel()
	p := parse(t, `{{cache "part" . "5m"}}`, `{{if count}}{{end}}`, nil)
	p.get(t, 1)
	p.get(t, 1)
	if n := p.rendered.Load(); n != 1 {
		t.Errorf("rendered %d times, want once", n)
	}
}

// FRAG-016: what could never work fails when the renderer is made.
func TestWrongCallsFailAtOnce(t *testing.T) {
	t.Parallel()
	c, _ := cache.New(locmem.New(nil), nil)
	defer c.Close(t.Context())
	inside := `{{if true}}{{range .}}{{cache "no" . 1}}{{end}}{{end}}`
	for call, want := range map[string]string{
		`{{cache "part" .}}`:               "needs a name",
		`{{cache "prat" . "5m"}}`:          `no template "prat"`,
		inside:                             `no template "no"`,
		`{{with (cache "no" . 1)}}{{end}}`: `no template "no"`,
	} {
		set := template.Must(template.New("page").Funcs(fragment.Funcs()).Parse(call + `{{define "part"}}{{end}}`))
		if _, err := fragment.New(c, set, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", call, err, want)
		}
	}
	p := parse(t, `{{cache "part" . "5m" "5m"}}`, `x`, nil)
	if _, err := p.try(t, nil); err == nil {
		t.Error("an argument that is neither vary nor tags: got no error")
	}
	set := template.Must(template.New("page").Funcs(fragment.Funcs()).Parse(`{{cache "x" . 1}}{{define "x"}}{{end}}`))
	if err := set.Execute(&bytes.Buffer{}, nil); err == nil {
		t.Error("executed without a renderer: got no error")
	}
	if _, err := fragment.New(c, set, nil); err == nil {
		t.Error("a set that was executed: got no error")
	}
}

// A fragment must end in the context in which it began, or it could not be put
// there: the escaper sees to it, when the renderer is made.
func TestEscaperRefusesHalfTags(t *testing.T) {
	t.Parallel()
	for what, text := range map[string]string{
		"in a template":         `{{cache "part" . "5m"}}{{define "part"}}<a href="{{end}}`,
		"in a block":            `{{if cache "part" "5m"}}<a href="{{end}}`,
		"a block that closes":   `<a href="{{if cache "part" "5m"}}">{{end}}`,
		"in a block in a block": `{{if cache "a" "5m"}}{{if cache "b" "5m"}}<script>{{end}}</script>{{end}}`,
	} {
		if _, err := renderer(t, text); err == nil || !strings.Contains(err.Error(), "context") {
			t.Errorf("%s: got %v, want the escaper's refusal", what, err)
		}
	}
}

// renderer is one of a set whose template "page" is text.
func renderer(t testing.TB, text string) (*fragment.Renderer, error) {
	t.Helper()
	set, err := template.New("page").Funcs(fragment.Funcs()).Funcs(template.FuncMap{"loop": func() []int { return []int{1, 2, 3} }}).Parse(text)
	if err != nil {
		return nil, err
	}
	c, err := cache.New(locmem.New(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return fragment.New(c, set, nil)
}

func TestTagsAndDelete(t *testing.T) { // FRAG-031, INV-041, BUG-07
	t.Parallel()
	p := parse(t, `{{cache "part" . "5m" (vary .) (tags "a" "b")}}`, `{{count}}`, nil)
	p.get(t, "x")
	if err := p.client.Invalidate(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	if got := p.get(t, "x"); got != "<p>2</p>" {
		t.Errorf("after its tag was invalidated: got %s, want it rendered again", got)
	}
	if ok, err := p.Delete(t.Context(), "part", "y"); ok || err != nil {
		t.Errorf("Delete of another: got %v, %v", ok, err)
	}
	if ok, err := p.Delete(t.Context(), "part", "x"); !ok || err != nil {
		t.Errorf("Delete: got %v, %v; want true", ok, err)
	}
	if got := p.get(t, "x"); got != "<p>3</p>" {
		t.Errorf("after Delete: got %s, want it rendered again", got)
	}
}

// One set, many executions at once, each with its own context: run it under the
// race detector.
func TestConcurrentExecutions(t *testing.T) {
	t.Parallel()
	p := parse(t, `{{cache "part" . "5m" (vary .)}}{{if cache "block" "5m" (vary .)}}, {{.}}{{end}}`, `{{.}}`, nil)
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			want := fmt.Sprintf("<p>%d, %d</p>", i%8, i%8)
			if got := p.get(t, i%8); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
	wg.Wait()
}

// A herd renders once. FRAG-030.
func TestHerdRendersOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := parse(t, `{{cache "part" . "5m" (vary .)}}`, `{{sleep}}{{.}} {{count}}`, nil)
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() { p.get(t, i%4) })
		}
		wg.Wait()
		if n := p.rendered.Load(); n != 4 {
			t.Errorf("rendered %d times, want 4", n)
		}
	})
}

// When the cache is closed under it, the page says so; when it is only down,
// fragments are rendered.
func TestCacheClosed(t *testing.T) {
	t.Parallel()
	p := parse(t, `{{cache "part" . "5m"}}`, `x`, nil)
	_ = p.client.Close(t.Context())
	if _, err := p.try(t, nil); !errors.Is(err, cache.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}
