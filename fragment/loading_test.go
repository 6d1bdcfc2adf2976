package fragment_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/cache"
)

// learns is data that finds out on the way what it depends on, and for how long
// it is good, and tells the load that it is part of.
type learns struct{ calls int }

func (l *learns) Text(ctx context.Context) (string, error) {
	l.calls++
	cache.Loading(ctx).LimitTTL(time.Minute)
	return fmt.Sprint(l.calls), cache.Loading(ctx).AddTags("learned")
}

// What the data of a fragment tells its load counts for the fragments around it,
// and for values that are made from them.
func TestDataTellsTheLoad(t *testing.T) {
	for _, text := range []string{
		`{{if cache "a" "1h"}}{{.Text context}}{{end}}`,
		`{{if cache "a" "1h"}}{{if cache "b" "2h"}}{{.Text context}}{{end}}{{end}}`,
		`{{cache "a" . "1h"}}{{define "a"}}{{cache "b" . "forever"}}{{end}}{{define "b"}}{{.Text context}}{{end}}`,
	} {
		synctest.Test(t, func(t *testing.T) {
			p := parsePage(t, text, nil)
			d := &learns{}
			shown := func(want string) {
				t.Helper()
				value, err := p.client.WithPrefix("values").GetOrSet(t.Context(), "v", func(ctx context.Context) ([]byte, error) {
					var b bytes.Buffer
					err := p.Execute(ctx, &b, "page", d)
					return b.Bytes(), err
				}, cache.TTL(time.Hour))
				if got := p.get(t, d); got != want || string(value) != want || err != nil {
					t.Errorf("%s: got %s, a value %s, %v, want %s", text, got, value, err, want)
				}
			}
			shown("1")
			if err := p.client.Invalidate(t.Context(), "learned"); err != nil {
				t.Fatal(err)
			}
			shown("2")
			time.Sleep(time.Minute - 1)
			shown("2")
			time.Sleep(time.Nanosecond)
			shown("3")
		})
	}
}

// A fragment that its data keeps out of the cache keeps out those around it.
func TestDataKeepsFragmentsOut(t *testing.T) {
	t.Parallel()
	p := parsePage(t, `{{if cache "a" "1h"}}{{if cache "b" "1h"}}{{count}}{{.}}{{end}}{{end}}`, nil)
	q := parsePage(t, `{{if cache "a" "1h"}}{{if cache "b" "1h"}}{{count}}{{.Never context}}{{end}}{{end}}`, nil)
	for _, want := range []string{"1x", "1x"} {
		if got := p.get(t, "x"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for _, want := range []string{"1", "2"} {
		if got := q.get(t, never{}); got != want {
			t.Errorf("kept out: got %s, want %s", got, want)
		}
	}
}

type never struct{}

func (never) Never(ctx context.Context) string { cache.Loading(ctx).SetTTL(cache.Never); return "" }

// Where the cache keeps stale values, a template that is past its time is shown
// while it is rendered anew.
func TestStaleTemplate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := parseWith(t, `{{cache "a" . "1m"}}{{define "a"}}{{sleep}}{{count}}{{end}}`, nil, &cache.Options{Stale: time.Hour})
		p.get(t, nil)
		time.Sleep(2 * time.Minute)
		began := time.Now()
		if got := p.get(t, nil); got != "1" || time.Since(began) > 0 {
			t.Errorf("got %s after %v, want the stale one at once", got, time.Since(began))
		}
		time.Sleep(2 * time.Second)
		if got := p.get(t, nil); got != "2" {
			t.Errorf("then: got %s, want the new one", got)
		}
	})
}

// So is one whose tag was expired; a tag that is invalidated leaves nothing to
// show.
func TestExpiredTemplate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := parseWith(t, `{{cache "a" . "1h" (tags "t")}}{{define "a"}}{{sleep}}{{count}}{{end}}`, nil, &cache.Options{Stale: time.Hour})
		for _, step := range []struct {
			verb  func(context.Context, ...string) error
			shown string
		}{{p.client.Expire, "1"}, {p.client.Invalidate, "3"}} {
			p.get(t, nil)
			if err := step.verb(t.Context(), "t"); err != nil {
				t.Fatal(err)
			}
			if got := p.get(t, nil); got != step.shown {
				t.Errorf("got %s, want %s", got, step.shown)
			}
			time.Sleep(2 * time.Second)
		}
	})
}
