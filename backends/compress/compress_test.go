package compress_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/compress"
	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

var algorithms = map[string]compress.Algorithm{"S2": compress.S2, "Zstd": compress.Zstd}

func TestStoredSmallerAndReadAsItWas(t *testing.T) {
	t.Parallel()
	for name, algorithm := range algorithms {
		s, inner := over(t, &compress.Options{Algorithm: algorithm})
		page := html(10_000)
		e := entry(bytes.Clone(page))
		e.Schema, e.Cost, e.Tags = 7, time.Second, []string{"t"}
		given := e.Life
		set(t, s, key("k"), e)
		if e.Kind != driver.Bytes || !bytes.Equal(e.Payload, page) {
			t.Errorf("%s: the entry that was given was changed", name)
		}

		raw := get(t, inner, key("k"), 0).Entry
		if raw.Kind != driver.Coded || driver.Coding(raw.Payload[0]) != driver.Compressed || len(raw.Payload) > len(page)/3 {
			t.Errorf("%s: stored: got kind %d, %d bytes of %d, want Coded and a third", name, raw.Kind, len(raw.Payload), len(page))
		}
		r := get(t, s, key("k"), 0)
		got := r.Entry
		if got == nil || got.Kind != driver.Bytes || !bytes.Equal(got.Payload, page) {
			t.Fatalf("%s: Get: got %+v, want what was set", name, got)
		}
		if got.Schema != 7 || got.Cost != time.Second || !slices.Equal(got.Tags, []string{"t"}) || got.Life != given ||
			got.Token != raw.Token || got.Stamp != raw.Stamp || r.Fence.Token != raw.Token || r.Odd != nil {
			t.Errorf("%s: Get: got %+v, want all but the payload as stored", name, r)
		}
		if raw != get(t, inner, key("k"), 0).Entry || raw.Kind != driver.Coded {
			t.Errorf("%s: reading changed what is stored", name)
		}
	}
}

func TestStoredAsItIs(t *testing.T) {
	t.Parallel()
	s, inner := over(t, &compress.Options{MaxInflated: 100_000})
	noise := make([]byte, 5000)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	negative := entry(nil)
	negative.Kind = driver.Negative
	integer := entry([]byte("42"))
	integer.Kind = driver.Integer
	coded := entry(append([]byte{200}, html(5000)...))
	coded.Kind = driver.Coded
	for name, e := range map[string]*driver.Entry{
		"small": entry(html(1023)), "noise": entry(noise), "negative": negative, "integer": integer,
		"another wrapper's": coded, "over the limit": entry(html(100_001)),
	} {
		want := e.Clone()
		set(t, s, key(name), e)
		if raw := get(t, inner, key(name), 0).Entry; raw != e || raw.Kind != want.Kind || !bytes.Equal(raw.Payload, want.Payload) {
			t.Errorf("%s: stored: got another entry", name)
		}
		if got := get(t, s, key(name), 0).Entry; got != e {
			t.Errorf("%s: Get: got another entry", name)
		}
	}
	if sum, err := s.Incr(t.Context(), key("integer"), 1, nil); err != nil || sum.Value != 43 {
		t.Errorf("Incr: got %+v, %v, want 43", sum, err)
	}
}

// What was stored before the wrapper was there, or by the other algorithm, is
// read.
func TestEverythingIsRead(t *testing.T) {
	t.Parallel()
	inner := locmem.New(nil)
	defer inner.Close(t.Context())
	byS2, byZstd := wrap(t, inner, nil), wrap(t, inner, &compress.Options{Algorithm: compress.Zstd})
	page := html(5000)
	set(t, inner, key("plain"), entry(page))
	set(t, byS2, key("S2"), entry(page))
	set(t, byZstd, key("Zstd"), entry(page))
	keys := []driver.Key{key("plain"), key("S2"), key("Zstd")}
	for name, s := range map[string]*compress.Store{"S2": byS2, "Zstd": byZstd} {
		rs, err := s.GetMany(t.Context(), keys, 0)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range rs {
			if r.Entry == nil || !bytes.Equal(r.Entry.Payload, page) {
				t.Errorf("%s reads %s: got %+v, want the page", name, keys[i].Name, r)
			}
		}
	}
}

// Without the wrapper a compressed entry is a miss, and a load replaces it.
func TestReaderWithoutTheWrapper(t *testing.T) {
	t.Parallel()
	s, inner := over(t, nil)
	with, err := cache.New(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	without, err := cache.New(inner, nil)
	if err != nil {
		t.Fatal(err)
	}
	page := html(5000)
	if err := with.Set(t.Context(), "k", page); err != nil {
		t.Fatal(err)
	}
	if got, err := without.Get(t.Context(), "k"); !errors.Is(err, cache.ErrMiss) {
		t.Errorf("Get without the wrapper: got %d bytes, %v, want a miss", len(got), err)
	}
	load := func(context.Context) ([]byte, error) { return []byte("loaded"), nil }
	for range 2 {
		if got, err := without.GetOrSet(t.Context(), "k", load); err != nil || string(got) != "loaded" {
			t.Errorf("GetOrSet without the wrapper: got %q, %v, want what was loaded", got, err)
		}
	}
}

func TestTypedValues(t *testing.T) {
	t.Parallel()
	for name, algorithm := range algorithms {
		s, inner := over(t, &compress.Options{Algorithm: algorithm})
		c, err := cache.New(s, nil)
		if err != nil {
			t.Fatal(err)
		}
		type order struct {
			ID    int
			Lines []string
		}
		orders := cache.For[order](c)
		want := order{7, strings.Split(strings.Repeat("a line,", 1000), ",")}
		loads := 0
		for range 3 {
			got, err := orders.GetOrSet(t.Context(), "k", func(context.Context) (order, error) { loads++; return want, nil }, cache.Tags("orders"))
			if err != nil || got.ID != 7 || !slices.Equal(got.Lines, want.Lines) {
				t.Fatalf("%s: GetOrSet: got %+v, %v", name, got, err)
			}
		}
		if loads != 1 || inner.Stats().Bytes > 3000 {
			t.Errorf("%s: got %d loads and %d bytes, want 1 load and a small entry", name, loads, inner.Stats().Bytes)
		}
		if err := c.Invalidate(t.Context(), "orders"); err != nil {
			t.Fatal(err)
		}
		if _, err := orders.Get(t.Context(), "k"); !errors.Is(err, cache.ErrMiss) {
			t.Errorf("%s: Get after its tag was invalidated: got error %v, want a miss", name, err)
		}
	}
}

// header begins a payload that says it is of size.
func header(algorithm byte, size uint64) []byte {
	return binary.AppendUvarint([]byte{byte(driver.Compressed), algorithm}, size)
}

// What cannot be inflated is a miss that says so, and a load replaces it.
func TestCorruptIsReplaced(t *testing.T) {
	t.Parallel()
	good := compress.CodecOf(compress.Options{}).Compress(html(5000))
	for name, c := range map[string]struct {
		payload []byte
		odd     error
	}{
		"cut":               {good[:len(good)-1], driver.ErrCorrupt},
		"another size":      {slices.Concat(header(1, 5001), good[4:]), driver.ErrCorrupt},
		"no size":           {good[:2], driver.ErrCorrupt},
		"no algorithm":      {good[:1], driver.ErrCorrupt},
		"over the limit":    {compress.CodecOf(compress.Options{}).Compress(make([]byte, 1<<20+1)), driver.ErrCorrupt},
		"another algorithm": {slices.Concat(header(9, 5000), good[4:]), driver.ErrNewer},
	} {
		s, inner := over(t, &compress.Options{MaxInflated: 1 << 20})
		e := entry(c.payload)
		e.Kind = driver.Coded
		set(t, inner, key("k"), e)
		for _, hold := range []time.Duration{0, time.Minute} {
			r := get(t, s, key("k"), hold)
			if r.Entry != nil || !errors.Is(r.Odd, c.odd) || r.Planted != (hold > 0 && c.odd == driver.ErrCorrupt) {
				t.Fatalf("%s: Get with hold %v: got %+v, want a miss with %v", name, hold, r, c.odd)
			}
		}
		set(t, inner, key("k"), e.Clone())
		many, err := s.GetMany(t.Context(), []driver.Key{key("k"), key("absent")}, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		r := many[0].Reading
		if r.Entry != nil || !errors.Is(r.Odd, c.odd) || r.Planted != (c.odd == driver.ErrCorrupt) || !many[1].Planted {
			t.Errorf("%s: GetMany: got %+v, want misses, the first with %v", name, many, c.odd)
		}
		if c.odd == driver.ErrNewer {
			if r.Fence.Token != 0 {
				t.Errorf("%s: got token %d, want none: it is left alone", name, r.Fence.Token)
			}
			continue
		}
		fresh := entry([]byte("fresh"))
		fresh.Stamp = r.Fence.Stamp
		if res, err := s.Put(t.Context(), key("k"), fresh, driver.Fill, r.Fence.Token); err != nil || !res.Done {
			t.Errorf("%s: Fill: got %+v, %v, want it stored", name, res, err)
		}
		if got := get(t, s, key("k"), 0).Entry; got == nil || string(got.Payload) != "fresh" {
			t.Errorf("%s: Get after the load: got %+v", name, got)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	inner := locmem.New(nil)
	defer inner.Close(t.Context())
	for field, o := range map[string]compress.Options{
		"Algorithm":   {Algorithm: 2},
		"Threshold":   {Threshold: -1},
		"MaxInflated": {MaxInflated: -1},
		"Threshold (": {Threshold: 1 << 20, MaxInflated: 1 << 10},
	} {
		if _, err := compress.New(inner, &o); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%+v: got error %v, want one that names %s", o, err, field)
		}
	}
	if _, err := compress.New(nil, nil); err == nil {
		t.Error("New(nil): got no error")
	}
}

// A near tier must return the very entry, which a wrapper does not.
func TestNoNearTier(t *testing.T) {
	t.Parallel()
	s, _ := over(t, nil)
	if _, ok := driver.As[driver.EntryKeeper](s); ok {
		t.Error("As EntryKeeper: got one, want none")
	}
}

// severalClocks is a store that no near tier may be put in front of.
type severalClocks struct{ driver.Store }

func (severalClocks) Clocks() int { return 3 }

func TestClocks(t *testing.T) {
	t.Parallel()
	one, inner := over(t, nil)
	several := wrap(t, severalClocks{inner}, nil)
	if one.Clocks() != 1 || several.Clocks() != 3 {
		t.Errorf("Clocks: got %d and %d, want 1 and 3", one.Clocks(), several.Clocks())
	}
}
