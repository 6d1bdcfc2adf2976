package envelope_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/adler32"
	"math"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var key = driver.Key{Scope: "shop:1:", Name: "cart\x00\xff"}

// samples are one entry of each shape.
func samples() map[string]*driver.Entry {
	life := driver.Life{Fresh: 1_700_000_000_000_000_000, Expires: 1_700_000_060_000_000_000}
	return map[string]*driver.Entry{
		"bytes": {
			Token: 0x0102030405060708, Stamp: driver.Stamp{Epoch: 0xfedcba9876543210, N: 1 << 40}, Life: life,
			Schema: 7, Cost: 1500 * time.Microsecond, Payload: []byte("hello"),
		},
		"tags": {
			Token: 1, Stamp: driver.Stamp{Epoch: 2, N: 3}, Life: life,
			Tags: []string{"user:7", "", "\x00shop"}, Payload: []byte{0, 1, 2},
		},
		"integer":  {Token: 9, Life: life, Kind: driver.Integer, Tags: []string{"t"}, Payload: []byte("-120")},
		"coded":    {Token: 9, Life: life, Kind: driver.Coded, Payload: []byte{byte(driver.Compressed), 0, 7}},
		"negative": {Token: 9, Life: driver.Life{Fresh: driver.Forever, Expires: driver.Forever}, Kind: driver.Negative},
		"empty":    {},
	}
}

// same compares what travels. Payloads are compared as bytes, so that nil and
// empty are one.
func same(a, b *driver.Entry) bool {
	return a.Token == b.Token && a.Stamp == b.Stamp && a.Life == b.Life && a.Kind == b.Kind && a.Schema == b.Schema &&
		a.Cost == b.Cost && slices.Equal(a.Tags, b.Tags) && string(a.Payload) == string(b.Payload)
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for name, e := range samples() {
		blob := envelope.Encode([]byte("before"), key, e)
		if got, want := len(blob), len("before")+envelope.Len(e); got != want {
			t.Errorf("%s: got %d bytes, want %d", name, got, want)
		}
		blob = blob[len("before"):]
		got, err := envelope.Decode(key, blob)
		if err != nil || !same(got, e) {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, err, e)
		}
		if got := envelope.Token(blob); got != e.Token {
			t.Errorf("%s: got token %x, want %x", name, got, e.Token)
		}
		// Only the joined key counts.
		if _, err := envelope.Decode(driver.Key{Name: key.String()}, blob); err != nil {
			t.Errorf("%s: under the joined key: %v", name, err)
		}
		if _, err := envelope.Decode(driver.Key{Name: key.String() + "x"}, blob); !errors.Is(err, driver.ErrCorrupt) {
			t.Errorf("%s: under another key: got %v, want ErrCorrupt", name, err)
		}
	}
}

// No byte of an envelope can be changed, nor cut off or added at the end, so
// that something else is read.
func TestEveryFlipIsRefused(t *testing.T) {
	t.Parallel()
	for name, e := range samples() {
		blob := envelope.Encode(nil, key, e)
		for i := range blob {
			for delta := 1; delta < 256; delta++ {
				bad := slices.Clone(blob)
				bad[i] ^= byte(delta)
				if got, err := envelope.Decode(key, bad); err == nil {
					t.Errorf("%s: byte %d changed by %#02x: got %+v, want an error", name, i, delta, got)
				}
			}
			if _, err := envelope.Decode(key, blob[:i]); err == nil {
				t.Errorf("%s: cut to %d bytes: got no error", name, i)
			}
		}
		if _, err := envelope.Decode(key, append(slices.Clone(blob), 'x')); !errors.Is(err, driver.ErrCorrupt) {
			t.Errorf("%s: one byte too many: got %v, want ErrCorrupt", name, err)
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	t.Parallel()
	good := envelope.Encode(nil, key, samples()["bytes"])
	with := func(i int, c byte) []byte {
		b := slices.Clone(good)
		b[i] = c
		return b
	}
	entry := func(change func(*driver.Entry)) []byte {
		e := samples()["integer"]
		change(e)
		return envelope.Encode(nil, key, e)
	}
	for _, tt := range []struct {
		name string
		blob []byte
		want error
	}{
		{"nothing", nil, driver.ErrForeign},
		{"short and foreign", []byte("S"), driver.ErrForeign},
		{"foreign", []byte("*1\r\n$3"), driver.ErrForeign},
		{"another magic", with(0, 's'), driver.ErrForeign},
		{"only the magic", []byte("ST"), driver.ErrCorrupt},
		{"another version", with(2, 2), driver.ErrNewer},
		{"another kind", with(3, 4), driver.ErrNewer},
		{"placeholder", envelope.Placeholder(7), driver.ErrMiss},
		{"placeholder and more", append(envelope.Placeholder(7), 0), driver.ErrCorrupt},
		{"cut", good[:envelope.HeaderLen-1], driver.ErrCorrupt},
		{"fresh after expires", entry(func(e *driver.Entry) { e.Life.Fresh = e.Life.Expires + 1 }), driver.ErrCorrupt},
		{"stamp too large", entry(func(e *driver.Entry) { e.Stamp.N = 1 << 53 }), driver.ErrCorrupt},
		{"tag too long", entry(func(e *driver.Entry) { e.Tags = []string{string(make([]byte, 1<<16))} }), driver.ErrCorrupt},
		{"too many tags", entry(func(e *driver.Entry) { e.Tags = make([]string, 1<<16) }), driver.ErrCorrupt},
		{"no digits", entry(func(e *driver.Entry) { e.Payload = nil }), driver.ErrCorrupt},
		{"leading zero", entry(func(e *driver.Entry) { e.Payload = []byte("01") }), driver.ErrCorrupt},
		{"minus zero", entry(func(e *driver.Entry) { e.Payload = []byte("-0") }), driver.ErrCorrupt},
		{"plus", entry(func(e *driver.Entry) { e.Payload = []byte("+1") }), driver.ErrCorrupt},
		{"beyond int64", entry(func(e *driver.Entry) { e.Payload = []byte("9223372036854775808") }), driver.ErrCorrupt},
		{"letters", entry(func(e *driver.Entry) { e.Payload = []byte("1e3") }), driver.ErrCorrupt},
	} {
		if got, err := envelope.Decode(key, tt.blob); !errors.Is(err, tt.want) || got != nil {
			t.Errorf("%s: got %v, %v, want %v", tt.name, got, err, tt.want)
		}
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		blob []byte
		want driver.Token
	}{
		{"placeholder", envelope.Placeholder(7), 7},
		{"corrupt", append(envelope.Placeholder(7), "rest"...), 7},
		{"cut", envelope.Placeholder(7)[:11], 0},
		{"foreign", []byte("some other value"), 0},
		{"newer", append([]byte("ST\x02"), make([]byte, 20)...), 0},
	} {
		if got := envelope.Token(tt.blob); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestCostSaturates(t *testing.T) {
	t.Parallel()
	for in, want := range map[time.Duration]time.Duration{
		-time.Second:            0,
		time.Microsecond + 999:  time.Microsecond,
		math.MaxInt64:           math.MaxUint32 * time.Microsecond,
		math.MaxUint32 * 1000:   math.MaxUint32 * time.Microsecond,
		math.MaxUint32*1000 - 1: (math.MaxUint32 - 1) * time.Microsecond,
	} {
		e, err := envelope.Decode(key, envelope.Encode(nil, key, &driver.Entry{Cost: in}))
		if err != nil || e.Cost != want {
			t.Errorf("cost %d: got %v, %v, want %d", in, e, err, want)
		}
	}
}

// An envelope whose life or whose digits were replaced as doc.go says is again
// one.
func TestSplicing(t *testing.T) {
	t.Parallel()
	e := samples()["tags"]
	blob := envelope.Encode(nil, key, e)
	e.Life = driver.Life{Fresh: 5, Expires: 6}
	copy(blob[envelope.LifeAt:], envelope.AppendLife(nil, e.Life))
	if got, err := envelope.Decode(key, blob); err != nil || !same(got, e) {
		t.Errorf("new life: got %+v, %v, want %+v", got, err, e)
	}
}

// The seal is the Adler-32 that everybody else computes.
func TestSealIsAdler32(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 20, 5000, 100_000} {
		digits := bytes.Repeat([]byte{0xff}, n)
		blob := envelope.Encode(nil, key, &driver.Entry{Kind: driver.Integer, Token: math.MaxUint64, Payload: digits})
		want := adler32.Checksum(append(slices.Clone(blob[envelope.TokenAt:envelope.SealAt]), digits...))
		if got := binary.BigEndian.Uint32(blob[envelope.SealAt:]); got != want {
			t.Errorf("%d digits: got %08x, want %08x", n, got, want)
		}
	}
}

func TestRoundTripRapid(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		key := driver.Key{Scope: rapid.String().Draw(t, "scope"), Name: rapid.String().Draw(t, "name")}
		fresh := rapid.Int64().Draw(t, "fresh")
		e := &driver.Entry{
			Token:  driver.Token(rapid.Uint64().Draw(t, "token")),
			Stamp:  driver.Stamp{Epoch: rapid.Uint64().Draw(t, "epoch"), N: rapid.Uint64Max(1<<53-1).Draw(t, "n")},
			Life:   driver.Life{Fresh: fresh, Expires: rapid.Int64Min(fresh).Draw(t, "expires")},
			Kind:   rapid.SampledFrom([]driver.Kind{driver.Bytes, driver.Integer, driver.Negative, driver.Coded}).Draw(t, "kind"),
			Schema: rapid.Uint64().Draw(t, "schema"),
			Cost:   time.Duration(rapid.Uint32().Draw(t, "cost")) * time.Microsecond,
			Tags:   rapid.SliceOfN(rapid.String(), 0, 5).Draw(t, "tags"),
		}
		if e.Kind == driver.Integer {
			e.Payload = strconv.AppendInt(nil, rapid.Int64().Draw(t, "integer"), 10)
		} else {
			e.Payload = rapid.SliceOf(rapid.Byte()).Draw(t, "payload")
		}
		blob := envelope.Encode(nil, key, e)
		got, err := envelope.Decode(key, blob)
		if err != nil || !same(got, e) {
			t.Fatalf("got %+v, %v, want %+v", got, err, e)
		}
		i := rapid.IntRange(0, len(blob)-1).Draw(t, "changed byte")
		blob[i] ^= byte(rapid.IntRange(1, 255).Draw(t, "by"))
		if got, err := envelope.Decode(key, blob); err == nil {
			t.Fatalf("byte %d changed: got %+v", i, got)
		}
	})
}

// Every field of an entry travels, also one that is added later.
func TestNoFieldIsForgotten(t *testing.T) {
	t.Parallel()
	e := samples()["tags"]
	e.Schema, e.Cost, e.Kind = 1, time.Second, driver.Negative
	got, err := envelope.Decode(key, envelope.Encode(nil, key, e))
	if err != nil {
		t.Fatal(err)
	}
	want, have := reflect.ValueOf(e).Elem(), reflect.ValueOf(got).Elem()
	for i := range want.NumField() {
		f := want.Type().Field(i)
		if f.IsExported() && (want.Field(i).IsZero() || !reflect.DeepEqual(want.Field(i).Interface(), have.Field(i).Interface())) {
			t.Errorf("field %s: got %v, want %v (and not zero)", f.Name, have.Field(i), want.Field(i))
		}
	}
}
