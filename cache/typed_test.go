package cache_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stratacache/strata/cache"
)

type flatUser struct {
	ID    int64
	Name  string
	Admin bool
	Seen  time.Time
	Score [3]float64
}

type user struct {
	Name  string
	Roles []string
	Attrs map[string]int
}

func TestTypedRoundTrips(t *testing.T) {
	c := open(t, nil, nil)
	roundTrip(t, c, "")
	roundTrip(t, c, "text ünicode\x00")
	roundTrip(t, c, int64(math.MinInt64))
	roundTrip(t, c, int(-1))
	roundTrip(t, c, uint8(255))
	roundTrip(t, c, uint64(math.MaxUint64))
	roundTrip(t, c, true)
	roundTrip(t, c, 1.5)
	roundTrip(t, c, time.Second)
	roundTrip(t, c, flatUser{ID: 1, Name: "a", Seen: time.Unix(1, 5).UTC()})
	roundTrip(t, c, [2]string{"a", "b"})
}

func roundTrip[V comparable](t *testing.T, c cache.Cache, v V) {
	t.Helper()
	typed := cache.For[V](c)
	if err := typed.Set(t.Context(), "k", v); err != nil {
		t.Errorf("Set(%#v): %v", v, err)
	}
	for range 2 { // the second read may find a kept value
		if got, err := typed.Get(t.Context(), "k"); got != v || err != nil {
			t.Errorf("Get: got %#v, %v; want %#v", got, err, v)
		}
	}
}

// What one reader changes, no other ever sees. LL-005.
func TestReadersGetTheirOwnCopies(t *testing.T) {
	c := open(t, nil, nil)
	users := cache.For[user](c)
	load := func(context.Context) (user, error) {
		return user{Name: "a", Roles: []string{"r"}, Attrs: map[string]int{"x": 1}}, nil
	}
	for range 3 {
		u, err := users.GetOrSet(t.Context(), "u", load)
		if err != nil || u.Roles[0] != "r" || u.Attrs["x"] != 1 {
			t.Fatalf("got %+v, %v: a reader's change shows", u, err)
		}
		u.Roles[0], u.Attrs["x"] = "changed", 2
	}
	raw := []byte("abc")
	if err := c.Set(t.Context(), "b", raw); err != nil {
		t.Fatal(err)
	}
	raw[0] = 'X'
	for range 2 {
		got, err := c.Get(t.Context(), "b")
		if string(got) != "abc" || err != nil {
			t.Fatalf("got %q, %v; want abc", got, err)
		}
		got[0] = 'Y'
	}
}

func TestImmutableValuesAreShared(t *testing.T) {
	users := cache.For[*user](open(t, nil, nil), cache.Immutable())
	if err := users.Set(t.Context(), "u", &user{Name: "a"}); err != nil {
		t.Fatal(err)
	}
	a, _ := users.Get(t.Context(), "u")
	b, _ := users.Get(t.Context(), "u")
	if a != b || a.Name != "a" {
		t.Errorf("got %p and %p, want the same value", a, b)
	}
}

// The string, the bytes and the number stay apart. LL-007.
func TestValuesOfAnotherTypeAreMisses(t *testing.T) { // INV-055
	c := open(t, nil, nil)
	ctx := t.Context()
	texts, raws, numbers := cache.For[string](c), cache.For[[]byte](c), cache.For[int64](c)
	for name, set := range map[string]func() error{
		"string": func() error { return texts.Set(ctx, "k", "123") },
		"bytes":  func() error { return raws.Set(ctx, "k", []byte("123")) },
		"int":    func() error { return numbers.Set(ctx, "k", 123) },
	} {
		if err := set(); err != nil {
			t.Fatal(err)
		}
		for as, err := range map[string]error{
			"string": second(texts.Get(ctx, "k")),
			"bytes":  second(raws.Get(ctx, "k")),
			"int":    second(numbers.Get(ctx, "k")),
		} {
			if (as == name) != (err == nil) || (as != name && !errors.Is(err, cache.ErrMiss)) {
				t.Errorf("stored as %s, read as %s: got %v", name, as, err)
			}
		}
	}
	if s := c.Stats(); s.Odd != 6 {
		t.Errorf("odd: got %d, want 6", s.Odd)
	}
	// A load replaces it.
	if err := raws.Set(ctx, "k", nil); err != nil {
		t.Fatal(err)
	}
	if got, err := texts.GetOrSet(ctx, "k", func(context.Context) (string, error) { return "new", nil }); got != "new" || err != nil {
		t.Errorf("GetOrSet over another type: got %q, %v; want new", got, err)
	}
	if got, err := texts.Get(ctx, "k"); got != "new" || err != nil {
		t.Errorf("then Get: got %q, %v; want new", got, err)
	}
}

// A program whose type has another shape does not read old entries.
func TestAnotherShapeIsAMiss(t *testing.T) { // INV-042
	c := open(t, nil, nil)
	type v1 struct{ Name string }
	type v2 struct{ Name, Mail string }
	if err := cache.For[v1](c).Set(t.Context(), "k", v1{"a"}); err != nil {
		t.Fatal(err)
	}
	if got, err := cache.For[v2](c).Get(t.Context(), "k"); !errors.Is(err, cache.ErrMiss) {
		t.Errorf("got %+v, %v; want ErrMiss", got, err)
	}
	if _, err := cache.For[v1](c).Get(t.Context(), "k"); err != nil {
		t.Errorf("the old program: got %v, want its entry still there", err)
	}
}

func TestShapesThatAreEasilyTakenForEachOther(t *testing.T) {
	c := open(t, nil, nil)
	ctx := t.Context()
	type long struct{ X [3]int }
	type short struct{ X [2]int }
	if err := cache.For[long](c).Set(ctx, "k", long{[3]int{1, 2, 3}}); err != nil {
		t.Fatal(err)
	}
	if got, err := cache.For[short](c).Get(ctx, "k"); !errors.Is(err, cache.ErrMiss) {
		t.Errorf("an array of another length: got %v, %v; want ErrMiss", got, err)
	}
	if got, err := cache.For[long](c, cache.WithCodec(renamed{cache.JSON})).Get(ctx, "k"); !errors.Is(err, cache.ErrMiss) {
		t.Errorf("another codec: got %v, %v; want ErrMiss", got, err)
	}
	// A counter that does not fit the view is not a damaged one.
	if _, err := c.Incr(ctx, "n", 300, cache.Initial(0)); err != nil {
		t.Fatal(err)
	}
	if got, err := cache.For[int8](c).Get(ctx, "n"); !errors.Is(err, cache.ErrMiss) {
		t.Errorf("300 as int8: got %v, %v; want ErrMiss", got, err)
	}
	if got, err := c.Incr(ctx, "n", 1, cache.Initial(math.MaxInt64)); got != 301 || err != nil {
		t.Errorf("then Incr: got %v, %v; want 301", got, err)
	}
	if _, err := c.Incr(ctx, "absent", 1, cache.Initial(math.MaxInt64)); !errors.Is(err, cache.ErrOverflow) {
		t.Errorf("Incr from the largest: got %v, want ErrOverflow", err)
	}
}

type renamed struct{ cache.Codec }

func (renamed) Name() string { return "renamed" }

// A value that cannot be encoded leaves what was there. LL-017, LL-107.
func TestUnencodableValues(t *testing.T) {
	c := cache.For[any](open(t, nil, nil))
	ctx := t.Context()
	if err := c.Set(ctx, "k", "old"); err != nil {
		t.Fatal(err)
	}
	if err := c.Set(ctx, "k", func() {}); err == nil {
		t.Error("Set of a func: got no error")
	}
	if err := c.SetMany(ctx, map[string]any{"a": 1, "k": make(chan int)}); err == nil {
		t.Error("SetMany with a channel: got no error")
	}
	if _, err := c.Get(ctx, "a"); !errors.Is(err, cache.ErrMiss) {
		t.Errorf("SetMany stored a part: got %v, want ErrMiss", err)
	}
	if got, err := c.Get(ctx, "k"); got != "old" || err != nil {
		t.Errorf("got %v, %v; want the old value", got, err)
	}
}

func TestTooLargeValuesLeaveNothingStale(t *testing.T) {
	c := open(t, nil, &cache.Options{MaxValue: 10})
	ctx := t.Context()
	if err := c.Set(ctx, "k", []byte("old")); err != nil {
		t.Fatal(err)
	}
	if err := c.Set(ctx, "k", make([]byte, 11)); !errors.Is(err, cache.ErrTooLarge) || errors.Is(err, cache.ErrUnavailable) {
		t.Errorf("Set: got %v, want ErrTooLarge", err)
	}
	if _, err := c.Get(ctx, "k"); !errors.Is(err, cache.ErrMiss) {
		t.Errorf("Get: got %v, want ErrMiss: the old value is outdated", err)
	}
	_ = c.Set(ctx, "k", []byte("old"))
	var many cache.ManyError
	err := c.SetMany(ctx, map[string][]byte{"k": make([]byte, 11), "a": {1}})
	if !errors.As(err, &many) || !errors.Is(many["k"], cache.ErrTooLarge) || len(many) != 1 {
		t.Errorf("SetMany: got %v, want ErrTooLarge for k alone", err)
	}
	got, _ := c.GetMany(ctx, "k", "a")
	if len(got) != 1 || !slices.Equal(got["a"], []byte{1}) {
		t.Errorf("after SetMany: got %v, want a alone", got)
	}
	// A load's value is returned, and not stored.
	b, err := c.GetOrSet(ctx, "big", func(context.Context) ([]byte, error) { return make([]byte, 11), nil })
	if len(b) != 11 || err != nil {
		t.Errorf("GetOrSet: got %d bytes, %v; want 11", len(b), err)
	}
}

func TestHitsAllocateNothing(t *testing.T) {
	client := open(t, nil, nil)
	c := cache.For[flatUser](client.WithPrefix("users"))
	ctx := context.Background()
	if err := c.Set(ctx, "u", flatUser{Name: "a"}); err != nil {
		t.Fatal(err)
	}
	load := func(context.Context) (flatUser, error) { return flatUser{}, nil }
	for name, hit := range map[string]func(){
		"Get":      func() { _, _ = c.Get(ctx, "u") },
		"GetOrSet": func() { _, _ = c.GetOrSet(ctx, "u", load) },
		"GetOrSet with options": func() {
			_, _ = c.GetOrSet(ctx, "u", load, cache.TTL(time.Minute), cache.Tags("a", "b"))
		},
	} {
		if n := testing.AllocsPerRun(100, hit); n != 0 {
			t.Errorf("%s: %v allocations for a hit, want 0", name, n)
		}
	}
}
