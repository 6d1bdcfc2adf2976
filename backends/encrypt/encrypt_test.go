package encrypt_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/encrypt"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

func TestNothingReadableIsStored(t *testing.T) {
	t.Parallel()
	inner := memory(t)
	s := wrap(t, inner, nil)
	for _, text := range []string{"", "x", strings.Repeat("a secret", 1000)} {
		e := entry(text)
		e.Schema, e.Cost, e.Tags = 7, time.Second, []string{"t"}
		given := e.Life
		put(t, s, key("k"), e, driver.Set, 0)
		if e.Kind != driver.Bytes || string(e.Payload) != text {
			t.Errorf("the entry that was given was changed")
		}
		raw := get(t, inner, key("k"), 0).Entry
		if raw.Kind != driver.Coded || driver.Coding(raw.Payload[0]) != driver.Encrypted || len(raw.Payload) != len(text)+47 ||
			text != "" && text != "x" && bytes.Contains(raw.Payload, []byte("secret")) {
			t.Errorf("stored: got kind %d and %q", raw.Kind, raw.Payload)
		}
		r := get(t, s, key("k"), 0)
		got := r.Entry
		if got == nil || got.Kind != driver.Bytes || string(got.Payload) != text || got.Schema != 7 || got.Cost != time.Second ||
			!slices.Equal(got.Tags, []string{"t"}) || got.Life != given || got.Token != raw.Token || got.Stamp != raw.Stamp || r.Fence.Token != raw.Token {
			t.Errorf("Get: got %+v, want all as it was set", r)
		}
		again := get(t, inner, key("k"), 0).Entry
		put(t, s, key("k"), entry(text), driver.Set, 0)
		if bytes.Equal(again.Payload, get(t, inner, key("k"), 0).Entry.Payload) {
			t.Error("the same value twice makes the same bytes")
		}
	}
}

func TestCountersAndNegativesArePlain(t *testing.T) {
	t.Parallel()
	inner := memory(t)
	s := wrap(t, inner, nil)
	put(t, s, key("n"), kind(entry("41"), driver.Integer), driver.Set, 0)
	if sum, err := s.Incr(t.Context(), key("n"), 1, nil); err != nil || sum.Value != 42 {
		t.Errorf("Incr: got %+v, %v, want 42", sum, err)
	}
	want(t, s, key("n"), "42", nil)
	put(t, s, key("none"), kind(entry(""), driver.Negative), driver.Set, 0)
	if e := get(t, s, key("none"), 0).Entry; e == nil || e.Kind != driver.Negative {
		t.Errorf("Get: got %+v, want a negative entry", e)
	}
}

// Whoever writes to the server gets nothing read but what was stored under the
// same key, for the same type, in the same context.
func TestBound(t *testing.T) {
	t.Parallel()
	inner := memory(t)
	s := wrap(t, inner, nil)
	e := entry("value")
	e.Schema = 7
	put(t, s, key("k"), e, driver.Set, 0)
	stored := get(t, inner, key("k"), 0).Entry

	plant := func(k driver.Key, change func(*driver.Entry)) {
		c := stored.Clone()
		c.Payload = bytes.Clone(c.Payload)
		change(c)
		put(t, inner, k, c, driver.Set, 0)
	}
	same := func(*driver.Entry) {}
	plant(key("k"), same)
	want(t, s, key("k"), "value", nil)
	plant(driver.Key{Scope: "t", Name: ":k"}, same) // the same name, cut elsewhere
	want(t, s, driver.Key{Scope: "t", Name: ":k"}, "value", nil)

	plant(key("other"), same)
	want(t, s, key("other"), "", driver.ErrCorrupt)
	plant(driver.Key{Scope: "u:", Name: "k"}, same)
	want(t, s, driver.Key{Scope: "u:", Name: "k"}, "", driver.ErrCorrupt)
	plant(key("k"), func(e *driver.Entry) { e.Schema = 8 })
	want(t, s, key("k"), "", driver.ErrCorrupt)
	for at := range stored.Payload {
		changed, cut := driver.ErrCorrupt, driver.ErrCorrupt
		switch at {
		case 0:
			changed, cut = driver.ErrForeign, driver.ErrForeign
		case 1:
			changed = driver.ErrNewer
		}
		plant(key("k"), func(e *driver.Entry) { e.Payload[at] ^= 4 })
		want(t, s, key("k"), "", changed)
		plant(key("k"), func(e *driver.Entry) { e.Payload = e.Payload[:at] })
		want(t, s, key("k"), "", cut)
	}
	plant(key("k"), func(e *driver.Entry) { e.Kind = driver.Bytes })
	want(t, s, key("k"), "", driver.ErrForeign)

	plant(key("k"), same)
	want(t, wrap(t, inner, &encrypt.Options{Context: "another"}), key("k"), "", driver.ErrCorrupt)
	// A context and a key are not to be had by cutting them elsewhere.
	long := wrap(t, inner, &encrypt.Options{Context: "ab"})
	put(t, long, key("c"), entry("v"), driver.Set, 0)
	put(t, inner, driver.Key{Scope: "bt:", Name: "c"}, get(t, inner, key("c"), 0).Entry.Clone(), driver.Set, 0)
	want(t, wrap(t, inner, &encrypt.Options{Context: "a"}), driver.Key{Scope: "bt:", Name: "c"}, "", driver.ErrCorrupt)
}

func TestRotation(t *testing.T) {
	t.Parallel()
	inner := memory(t)
	before, both, swapped, after := wrap(t, inner, nil, 1), wrap(t, inner, nil, 1, 2), wrap(t, inner, nil, 2, 1), wrap(t, inner, nil, 2)
	put(t, before, key("old"), entry("old"), driver.Set, 0)
	put(t, swapped, key("new"), entry("new"), driver.Set, 0)
	for _, s := range []driver.Store{both, swapped} {
		want(t, s, key("old"), "old", nil)
		want(t, s, key("new"), "new", nil)
	}
	want(t, before, key("new"), "", driver.ErrCorrupt)
	want(t, after, key("old"), "", driver.ErrCorrupt)
	want(t, after, key("new"), "new", nil)
	// Another secret under a number that is taken is no way in.
	forged, err := encrypt.NewKey(1, bytes.Repeat([]byte{9}, encrypt.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	s, err := encrypt.New(inner, []encrypt.Key{forged}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want(t, s, key("old"), "", driver.ErrCorrupt)
}

// What cannot be decrypted counts as absent, and is replaced by a load and by an
// Add.
func TestUnreadableIsReplaced(t *testing.T) {
	t.Parallel()
	inner := memory(t)
	s, other := wrap(t, inner, nil, 1), wrap(t, inner, nil, 2)
	for _, e := range []*driver.Entry{entry("new"), kind(entry("7"), driver.Integer)} {
		text := string(e.Payload)
		put(t, other, key("fill"), entry("old"), driver.Set, 0)
		r := get(t, s, key("fill"), time.Minute)
		if r.Entry != nil || r.Odd != driver.ErrCorrupt || r.Fence.Token == 0 || !r.Planted {
			t.Fatalf("Get: got %+v, want a corrupt miss with a fence", r)
		}
		fill := e.Clone()
		fill.Stamp = r.Fence.Stamp
		if !put(t, s, key("fill"), fill, driver.Fill, r.Fence.Token).Done {
			t.Error("Fill: got refused")
		}
		want(t, s, key("fill"), text, nil)

		put(t, other, key("add"), entry("old"), driver.Set, 0)
		before := get(t, s, key("add"), 0).Fence.Stamp
		added := put(t, s, key("add"), e.Clone(), driver.Add, 0)
		if !added.Done || added.Clock.N != before.N+1 {
			t.Errorf("Add: got %+v after %+v, want it done and one later", added, before)
		}
		want(t, s, key("add"), text, nil)
		if put(t, s, key("add"), e.Clone(), driver.Add, 0).Done {
			t.Error("a second Add: got done")
		}

		put(t, other, key("many"), entry("old"), driver.Set, 0)
		rs := s.PutMany(t.Context(), []driver.Item{{Key: key("many"), Entry: e.Clone(), Mode: driver.Add}, {Key: key("many"), Entry: e.Clone(), Mode: driver.Add}})
		if !rs[0].Done || rs[0].Err != nil || rs[1].Done || rs[1].Err != nil {
			t.Errorf("PutMany of two adds: got %+v, want the first done", rs)
		}
		want(t, s, key("many"), text, nil)
	}
}

func TestMoveEncryptsAgain(t *testing.T) {
	t.Parallel()
	inner := memory(t)
	s := wrap(t, inner, nil)
	put(t, s, key("from"), entry("v"), driver.Set, 0)
	if r, err := driver.Move(t.Context(), s, key("from"), key("to")); err != nil || !r.Done {
		t.Fatalf("Move: got %+v, %v", r, err)
	}
	want(t, s, key("to"), "v", nil)
	if e := get(t, inner, key("to"), 0).Entry; e.Kind != driver.Coded {
		t.Errorf("stored: got kind %d, want Coded", e.Kind)
	}
}

func TestAcceptPlain(t *testing.T) {
	t.Parallel()
	inner := memory(t)
	strict, lax := wrap(t, inner, nil), wrap(t, inner, &encrypt.Options{AcceptPlain: true})
	compressedBytes := string([]byte{byte(driver.Compressed), 1, 2, 3})
	put(t, inner, key("plain"), entry("old"), driver.Set, 0)
	put(t, inner, key("coded"), kind(entry(compressedBytes), driver.Coded), driver.Set, 0)
	want(t, strict, key("plain"), "", driver.ErrForeign)
	want(t, strict, key("coded"), "", driver.ErrForeign)
	want(t, lax, key("plain"), "old", nil)
	want(t, lax, key("coded"), compressedBytes, nil)
	put(t, lax, key("plain"), entry("new"), driver.Set, 0)
	want(t, strict, key("plain"), "new", nil)
}

func TestTypedValues(t *testing.T) {
	t.Parallel()
	s := compressed(t, wrap(t, memory(t), nil))
	c, err := cache.New(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	type user struct {
		Name string
		Bio  []string
	}
	users := cache.For[user](c)
	ada := user{"Ada", strings.Split(strings.Repeat("a line,", 500), ",")}
	loads := 0
	for range 3 {
		got, err := users.GetOrSet(t.Context(), "ada", func(context.Context) (user, error) { loads++; return ada, nil }, cache.Tags("users"))
		if err != nil || got.Name != "Ada" || !slices.Equal(got.Bio, ada.Bio) {
			t.Fatalf("GetOrSet: got %+v, %v", got, err)
		}
	}
	if loads != 1 {
		t.Errorf("loads: got %d, want 1", loads)
	}
	if err := c.Invalidate(t.Context(), "users"); err != nil {
		t.Fatal(err)
	}
	if _, err := users.Get(t.Context(), "ada"); !errors.Is(err, cache.ErrMiss) {
		t.Errorf("Get after its tag was invalidated: got error %v, want a miss", err)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	secret := []byte("0123456789abcdefghijklmnopqrstuv")
	k, err := encrypt.NewKey(7, secret)
	if err != nil {
		t.Fatal(err)
	}
	s, err := encrypt.New(memory(t), []encrypt.Key{k}, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, short := encrypt.NewKey(7, secret[:31])
	_, twice := encrypt.New(memory(t), []encrypt.Key{k, k}, nil)
	type config struct {
		key  encrypt.Key
		Keys []encrypt.Key
	}
	for _, v := range []any{k, &k, []encrypt.Key{k}, map[string]encrypt.Key{"a": k}, config{k, []encrypt.Key{k}}, &config{key: k}, s, *s, short, twice} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			out := fmt.Sprintf(verb, v)
			for _, part := range []string{"0123456789", "48 49 50 51", "0x30, 0x31", "3031323334", "30 31 32 33"} {
				if strings.Contains(out, part) {
					t.Errorf("%s of %T shows the secret: %s", verb, v, out)
				}
			}
		}
	}
	if got := fmt.Sprintf("%v %+v %s", k, k, k); got != "key 7 key 7 key 7" {
		t.Errorf("a key prints as %q", got)
	}
	if b, err := json.Marshal(config{Keys: []encrypt.Key{k}}); err != nil || string(b) != `{"Keys":[{}]}` {
		t.Errorf("Marshal: got %s, %v", b, err)
	}
	clear(secret) // the key is a copy
	put(t, s, key("k"), entry("v"), driver.Set, 0)
	want(t, s, key("k"), "v", nil)
	if k.ID() != 7 {
		t.Errorf("ID: got %d, want 7", k.ID())
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	one := newKey(t, 1)
	inner := memory(t)
	for name, err := range map[string]error{
		"no key":    errOf(encrypt.New(inner, nil, nil)),
		"the store": errOf(encrypt.New(nil, []encrypt.Key{one}, nil)),
		"NewKey":    errOf(encrypt.New(inner, []encrypt.Key{one, {}}, nil)),
		"two keys":  errOf(encrypt.New(inner, []encrypt.Key{one, newKey(t, 2), one}, nil)),
		"31 bytes":  errOf(encrypt.NewKey(1, make([]byte, 31))),
	} {
		if err == nil || !strings.Contains(err.Error(), name) || !strings.HasPrefix(err.Error(), "encrypt: ") {
			t.Errorf("got error %v, want one that says %q", err, name)
		}
	}
}

func errOf[T any](_ T, err error) error { return err }

// severalClocks is a store that no near tier may be put in front of.
type severalClocks struct{ driver.Store }

func (severalClocks) Clocks() int { return 3 }

func TestClocks(t *testing.T) {
	t.Parallel()
	inner := memory(t)
	one, several := wrap(t, inner, nil), wrap(t, severalClocks{inner}, nil)
	if one.Clocks() != 1 || several.Clocks() != 3 {
		t.Errorf("Clocks: got %d and %d, want 1 and 3", one.Clocks(), several.Clocks())
	}
}
