package fragment_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/fragment"
)

type part struct {
	name  string
	calls int
	inner fragment.Component
}

func (p *part) Render(ctx context.Context, w io.Writer) error {
	p.calls++
	fmt.Fprintf(w, "<%s %d>", p.name, p.calls)
	if p.inner == nil {
		return nil
	}
	return p.inner.Render(ctx, w)
}

func TestComponents(t *testing.T) {
	t.Parallel()
	c, _ := cache.New(locmem.New(nil), nil)
	defer c.Close(t.Context())
	parts, err := fragment.NewComponents(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	in := &part{name: "in"}
	out := &part{name: "out", inner: parts.Cached("in", time.Hour, in, fragment.Tags("t"))}
	page := parts.Cached("out", time.Hour, out, fragment.Vary(7))
	show := func() string {
		var b bytes.Buffer
		if err := page.Render(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	show()
	if got := show(); got != "<out 1><in 1>" {
		t.Errorf("got %s, want the first rendering", got)
	}
	if ok, err := parts.Delete(t.Context(), "out", 7); !ok || err != nil {
		t.Errorf("Delete: got %v, %v", ok, err)
	}
	if got := show(); got != "<out 2><in 1>" {
		t.Errorf("after Delete: got %s", got)
	}
	if err := c.Invalidate(t.Context(), "t"); err != nil {
		t.Fatal(err)
	}
	if got := show(); got != "<out 3><in 2>" {
		t.Errorf("after the inner tag was invalidated: got %s", got)
	}
	nothing := parts.Cached("none", time.Hour, in, fragment.Vary(nil))
	if err := nothing.Render(t.Context(), io.Discard); err == nil {
		t.Error("a nil vary value: got no error")
	}
}

// A fragment may be kept in another cache, and shared by name. FRAG-008,
// FRAG-020, FRAG-021.
func TestUsingAndByName(t *testing.T) {
	t.Parallel()
	other, _ := cache.New(locmem.New(nil), nil)
	defer other.Close(t.Context())
	p := parsePage(t, `{{if cache "b" "5m" (using "other")}}{{count}}{{end}}`, &fragment.Options{Using: map[string]cache.Cache{"other": other}})
	p.get(t, nil)
	if err := p.client.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := p.get(t, nil); got != "1" {
		t.Errorf("got %s, want it from the other cache", got)
	}
	if ok, err := p.Delete(t.Context(), "b"); !ok || err != nil {
		t.Errorf("Delete: got %v, %v", ok, err)
	}

	for _, byName := range []bool{true, false} {
		opts := &fragment.Options{ByName: byName}
		one := parsePage(t, `{{cache "x" . "5m"}}{{define "x"}}one{{end}}`, opts)
		two := parsePage(t, `{{cache "x" . "5m"}}{{define "x"}}two{{end}}`, opts)
		key1, err1 := one.Key("x")
		key2, err2 := two.Key("x")
		if (key1 == key2) != byName || err1 != nil || err2 != nil {
			t.Errorf("ByName %v: keys %q and %q, %v %v", byName, key1, key2, err1, err2)
		}
	}
}

// Entries that another program damaged are misses. FRAG-027.
func TestDamagedEntry(t *testing.T) {
	t.Parallel()
	p := parsePage(t, `{{if cache "b" "5m" (tags "t")}}{{count}}{{end}}`, nil)
	p.get(t, nil)
	key, err := p.Key("b")
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "\x01", "\x01\xff", "\x01\x01\x05a"} {
		if err := p.client.WithPrefix("fragment").Set(t.Context(), key, []byte(bad)); err != nil {
			t.Fatal(err)
		}
		before := p.rendered.Load()
		if got := p.get(t, nil); got != fmt.Sprint(before+1) {
			t.Errorf("%q: got %s, want it rendered anew", bad, got)
		}
	}
}

// bytesOnly is a store that keeps no decoded values, as a server's does.
type bytesOnly struct{ driver.Store }

// What is kept as bytes comes back whole.
func TestFragmentsAsBytes(t *testing.T) {
	t.Parallel()
	c, _ := cache.New(&bytesOnly{locmem.New(nil)}, nil)
	defer c.Close(t.Context())
	parts, _ := fragment.NewComponents(c, nil)
	in := parts.Cached("in", cache.Forever, &part{name: "in"}, fragment.Tags("a", "b"))
	out := parts.Cached("out", time.Hour, &part{name: "out", inner: in}, fragment.Tags("c"))
	for range 2 {
		var b bytes.Buffer
		if err := out.Render(t.Context(), &b); err != nil || b.String() != "<out 1><in 1>" {
			t.Errorf("got %s, %v", &b, err)
		}
	}
}

// FRAG-001, FRAG-002, FRAG-003, FRAG-006.
func TestDjangoKey(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		vary []any
		want string
	}{
		{"a.fragment", nil, "d41d8cd98f00b204e9800998ecf8427e"},
		{"foo", []any{"abc"}, "493e283d571a73056196f1a68efd0f66"},
		{"bar", []any{"abc", "def"}, "17c1a507a0cb58384f4c639067a93520"},
		{"spam", []any{"abc:def%"}, "06c8ae8e8c430b69fb0a6443504153dc"},
		{"foo", []any{1, 2, 3, 4, 5}, "7ae8fd2e0d25d651c683bdeebdb29461"},
		{"foo", []any{"42º", "😀"}, "7ced1c94e543668590ba39b3c08b0237"},
		{"foo", []any{strings.Repeat("x", 10_000)}, "3670b349b5124aa56bdb50678b02b23a"},
	} {
		if got := fragment.DjangoKey(tc.name, tc.vary...); got != "template.cache."+tc.name+"."+tc.want {
			t.Errorf("%s: got %s, want %s", tc.name, got, tc.want)
		}
	}
}

// FRAG-024: names and values may be long, and of any bytes.
func TestLongNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 400)
	p := parsePage(t, `{{if cache "`+long+`" "5m" (vary .)}}{{count}}{{end}}{{cache "y`+long+`" . "5m" (vary .)}}{{define "y`+long+`"}}{{count}}{{end}}`, nil)
	for _, value := range []string{long, long + " ", "\x00\xff"} {
		first := p.get(t, value)
		if got := p.get(t, value); got != first {
			t.Errorf("got %s after %s", got, first)
		}
	}
	if n := p.rendered.Load(); n != 6 {
		t.Errorf("rendered %d times, want once for each value", n)
	}
}

// FRAG-028: what was escaped once is not escaped again, first or from the cache.
func TestStoredTextIsHTML(t *testing.T) {
	t.Parallel()
	p := parsePage(t, `{{cache "out" . "5m"}}{{define "out"}}<i>{{cache "in" . "5m"}}</i>{{end}}{{define "in"}}<b>{{.}}</b>{{end}}`, nil)
	for range 2 {
		if got := p.get(t, "a & b"); got != "<i><b>a &amp; b</b></i>" {
			t.Errorf("got %s", got)
		}
	}
}
