package fragment_test

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/fragment"
)

// Nested fragments have entries of their own, in each form and in the other.
// FRAG-029.
func TestNested(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{{cache "part" . "5m"}}{{define "part"}}[{{count}}{{cache "inner" . "1h"}}]{{end}}{{define "inner"}}({{count}}){{end}}`,
		`{{cache "part" . "5m"}}{{define "part"}}[{{count}}{{if cache "inner" "1h"}}({{count}}){{end}}]{{end}}`,
		`{{if cache "part" "5m"}}[{{count}}{{cache "inner" . "1h"}}]{{end}}{{define "inner"}}({{count}}){{end}}`,
		`{{if cache "part" "5m"}}[{{count}}{{if cache "inner" "1h"}}({{count}}){{end}}]{{end}}`,
	} {
		p := parsePage(t, text, nil)
		first := p.get(t, nil)
		if ok, err := p.Delete(t.Context(), "part"); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if got := p.get(t, nil); first != "[1(2)]" || got != "[3(2)]" {
			t.Errorf("%s: got %s, then %s", text, first, got)
		}
	}
}

// The outer fragment is dropped with the tags of the inner one, whether that was
// rendered for it or came from the cache, and however deep it is.
func TestNestedTags(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{{cache "a" . "5m"}}{{define "a"}}A{{count}}{{cache "b" . "5m" (tags "b")}}{{end}}{{define "b"}}B{{cache "c" . "5m" (tags "c")}}{{end}}{{define "c"}}C{{end}}`,
		`{{if cache "a" "5m"}}A{{count}}{{if cache "b" "5m" (tags "b")}}B{{if cache "c" "5m" (tags "c")}}C{{end}}{{end}}{{end}}`,
		`{{if cache "a" "5m"}}A{{count}}{{cache "b" . "5m" (tags "b")}}{{end}}{{define "b"}}B{{if cache "c" "0" (tags "c")}}C{{end}}{{end}}`,
	} {
		p := parsePage(t, text, nil)
		p.get(t, nil)
		if ok, err := p.Delete(t.Context(), "a"); err != nil {
			t.Fatal(ok, err)
		}
		p.get(t, nil) // the inner ones are hits now
		for _, tag := range []string{"b", "c", "b", "c"} {
			before := p.rendered.Load()
			if err := p.client.Invalidate(t.Context(), tag); err != nil {
				t.Fatal(err)
			}
			if p.get(t, nil); p.rendered.Load() == before {
				t.Errorf("%s: the outer one is still there after %q was invalidated", text, tag)
			}
		}
	}
}

// The outer fragment ends when the first of those within it does.
func TestNestedLifetimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := parsePage(t, `{{if cache "out" "1h"}}{{count}}{{cache "in" . "1m"}}{{end}}{{define "in"}}{{end}}`, nil)
		p.get(t, nil)
		time.Sleep(40 * time.Second)
		if ok, err := p.Delete(t.Context(), "out"); !ok || err != nil {
			t.Fatal(ok, err)
		}
		p.get(t, nil) // holds an inner one that has 20 s left
		time.Sleep(20*time.Second - 1)
		if got := p.get(t, nil); got != "2" {
			t.Errorf("before the inner one's end: got %s, want 2", got)
		}
		time.Sleep(time.Nanosecond)
		if got := p.get(t, nil); got != "3" {
			t.Errorf("after the inner one's end: got %s, want 3", got)
		}
		q := parsePage(t, `{{if cache "out" "forever"}}{{count}}{{if cache "in" 0}}{{end}}{{end}}`, nil)
		q.get(t, nil)
		if got := q.get(t, nil); got != "2" {
			t.Errorf("around one that is rendered every time: got %s, want 2", got)
		}
	})
}

// A value and a page that are made from fragments are told their tags.
func TestTagsOfWhatIsShown(t *testing.T) {
	t.Parallel()
	var told []string
	p := parsePage(t, `{{if cache "a" "5m" (tags "a")}}{{cache "b" . "5m" (tags "b")}}{{end}}{{cache "b" . 0 (tags "c")}}{{define "b"}}{{count}}{{end}}`,
		&fragment.Options{OnTags: func(_ context.Context, tags ...string) { told = append(told, tags...) }})
	values := p.client.WithPrefix("values")
	for range 2 {
		told = nil
		p.get(t, nil)
		if slices.Sort(told); !slices.Equal(told, []string{"a", "b", "c"}) {
			t.Errorf("told %v, want a, b and c", told)
		}
	}
	load := func(ctx context.Context) ([]byte, error) {
		var b bytes.Buffer
		err := p.Execute(ctx, &b, "page", nil)
		return b.Bytes(), err
	}
	for _, tag := range []string{"a", "b", "c"} {
		before, err := values.GetOrSet(t.Context(), "v", load)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.client.Invalidate(t.Context(), tag); err != nil {
			t.Fatal(err)
		}
		if after, err := values.GetOrSet(t.Context(), "v", load); err != nil || bytes.Equal(before, after) {
			t.Errorf("after %s was invalidated: got %s again, %v", tag, after, err)
		}
	}
}

// depends is data that finds out on the way what it depends on.
type depends struct{ calls int }

func (d *depends) Text(ctx context.Context) (string, error) {
	d.calls++
	fragment.AddTags(ctx, "found")
	return "x", nil
}

// What a method loads in the context of the fragment adds its tags to that.
func TestTagsOfData(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{{if cache "a" "5m"}}{{.Text context}}{{end}}`,
		`{{cache "a" . "5m"}}{{define "a"}}{{.Text context}}{{end}}`,
		`{{if cache "a" "5m"}}{{cache "b" . "5m"}}{{end}}{{define "b"}}{{.Text context}}{{end}}`,
	} {
		p := parsePage(t, text, nil)
		d := &depends{}
		for range 2 {
			p.get(t, d)
			p.get(t, d)
			if err := p.client.Invalidate(t.Context(), "found"); err != nil {
				t.Fatal(err)
			}
		}
		if d.calls != 2 {
			t.Errorf("%s: asked %d times, want 2", text, d.calls)
		}
		fragment.AddTags(t.Context(), "nowhere")
	}
}
