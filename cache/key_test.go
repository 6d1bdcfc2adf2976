package cache_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
)

// Two different triples of prefix, version and key never meet, however they
// are made. LL-127, BUG-25.
func TestDifferentTriplesNeverMeet(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		client, err := cache.New(locmem.New(nil), nil)
		if err != nil {
			rt.Fatal(err)
		}
		defer client.Close(t.Context())
		part := rapid.StringMatching(`[ab:/#%~1-]{0,4}|.{0,3}|a{60,70}`)
		type triple struct {
			prefixes string // joined by a byte that no part has
			version  int
			key      string
		}
		key := rapid.OneOf(part, rapid.StringMatching(`[ab:#]{240,260}`))
		stored := map[triple]string{}
		views := map[triple]cache.Cache{}
		for i := range rapid.IntRange(2, 12).Draw(rt, "n") {
			prefixes := rapid.SliceOfN(part, 0, 2).Draw(rt, "prefixes")
			tr := triple{version: rapid.IntRange(-1, 12).Draw(rt, "version"), key: key.Draw(rt, "key")}
			var v cache.Cache = client
			for _, p := range prefixes {
				v = v.WithPrefix(p)
				if p != "" { // the empty prefix is none
					tr.prefixes += p + "\xff"
				}
			}
			v = v.WithVersion(tr.version)
			value := strings.Repeat("x", i+1)
			if err := v.Set(t.Context(), tr.key, []byte(value)); err != nil {
				rt.Fatal(err)
			}
			stored[tr], views[tr] = value, v
		}
		for tr, want := range stored {
			if got, err := views[tr].Get(t.Context(), tr.key); string(got) != want || err != nil {
				rt.Fatalf("%+v: got %q, %v; want %q", tr, got, err, want)
			}
		}
	})
}

func TestClearIsScoped(t *testing.T) {
	c := open(t, nil, nil)
	ctx := t.Context()
	a, b := c.WithPrefix("a"), c.WithPrefix("b")
	inner := a.WithPrefix("inner")
	views := map[string]cache.Cache{"root": c, "a": a, "a v2": a.WithVersion(2), "a/inner": inner, "b": b}
	fill := func() {
		for _, v := range views {
			if err := v.Set(ctx, "k", []byte("v")); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tc := range []struct {
		clear cache.Cache
		gone  string
	}{
		{inner, "a/inner"},
		{a.WithVersion(2), "a, a v2, a/inner"},
		{c, "root, a, a v2, a/inner, b"},
	} {
		fill()
		if err := tc.clear.Clear(ctx); err != nil {
			t.Fatal(err)
		}
		gone := strings.Split(tc.gone, ", ")
		for name, v := range views {
			want := true
			for _, g := range gone {
				want = want && g != name
			}
			if got, err := v.Has(ctx, "k"); got != want || err != nil {
				t.Errorf("after clearing what holds %q: %s: got %v, %v; want %v", tc.gone, name, got, err, want)
			}
		}
	}
}

func TestKeyValidation(t *testing.T) {
	c := open(t, nil, &cache.Options{ValidateKey: cache.PortableKeys})
	for _, key := range []string{"", "a b", "a\nb", "\x7f", strings.Repeat("a", 201)} {
		if _, err := c.Get(t.Context(), key); !errors.Is(err, cache.ErrKey) {
			t.Errorf("Get(%.10q): got %v, want ErrKey", key, err)
		}
	}
	if err := c.SetMany(t.Context(), map[string][]byte{"good": nil, "bad key": nil}); !errors.Is(err, cache.ErrKey) {
		t.Errorf("SetMany: got %v, want ErrKey", err)
	}
	if ok, _ := c.Has(t.Context(), "good"); ok {
		t.Error("SetMany with a bad key stored the good one") // LL-106
	}
	for _, tag := range []string{"", "\x00x", strings.Repeat("t", 201)} {
		if err := c.Invalidate(t.Context(), tag); !errors.Is(err, cache.ErrKey) {
			t.Errorf("Invalidate(%.10q): got %v, want ErrKey", tag, err)
		}
	}
}

func TestOptionsThatContradict(t *testing.T) {
	for want, opts := range map[string]*cache.Options{
		"TTL":             {TTL: -5},
		"NegativeTTL":     {NegativeTTL: -5},
		"LoadTimeout":     {LoadTimeout: -1},
		"MaxKey":          {MaxKey: 10},
		"MaxValue":        {MaxValue: -1},
		"Near[0].Store":   {Near: []cache.Tier{{}}},
		"Near[0].TTL":     {Near: []cache.Tier{{Store: locmem.New(nil), TTL: -1}}},
		"Near[0].Timeout": {Near: []cache.Tier{{Store: locmem.New(nil), Timeout: -1}}},
		"StoreTimeout":    {StoreTimeout: -1},
		"FailClosed":      {OnOutage: cache.FailClosed, StoreSoftTimeout: 1},
	} {
		if _, err := cache.New(locmem.New(nil), opts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error that names %s", err, want)
		}
	}
	if _, err := cache.New(nil, nil); err == nil {
		t.Error("a nil store: got no error")
	}
}

func TestOptionsWithoutUse(t *testing.T) {
	c := open(t, nil, nil)
	f, _ := c.Fence(t.Context(), "k")
	for name, err := range map[string]error{
		"Set Initial":      c.Set(t.Context(), "k", nil, cache.Initial(1)),
		"Add Fenced":       second(c.Add(t.Context(), "k", nil, cache.Fenced(f))),
		"Touch Tags":       second(c.Touch(t.Context(), "k", cache.Tags("t"))),
		"SetMany Fenced":   c.SetMany(t.Context(), nil, cache.Fenced(f)),
		"GetOrSet Initial": second(c.GetOrSet(t.Context(), "k", nil, cache.Initial(1))),
	} {
		if !errors.Is(err, cache.ErrOption) {
			t.Errorf("%s: got %v, want ErrOption", name, err)
		}
	}
}
