package redisstore_test

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/redisstore"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
	"github.com/stratacache/strata/internal/servertest"
)

func TestSetGet(t *testing.T) {
	onServers(t, func(t *testing.T, s *redisstore.Store) {
		e := value("v", "a", "b\x00")
		e.Schema, e.Cost = 7, time.Millisecond
		life := e.Life
		set(t, s, "k", e)
		r := get(t, s, "k", 0)
		got := r.Entry
		if got == nil || got.Life != life || got.Schema != 7 || got.Cost != time.Millisecond ||
			!slices.Equal(got.Tags, []string{"a", "b\x00"}) || string(got.Payload) != "v" {
			t.Fatalf("got %+v", got)
		}
		if got.Stamp != r.Fence.Stamp || got.Token != r.Fence.Token || got.Token == 0 || got.Stamp.N != 1 || got.Stamp.Epoch == 0 {
			t.Errorf("got stamp %+v, token %x, fence %+v", got.Stamp, got.Token, r.Fence)
		}
		want(t, s, "other", "")
	})
}

func TestMissPlantsAndFillStores(t *testing.T) {
	onServers(t, func(t *testing.T, s *redisstore.Store) {
		if r := get(t, s, "k", 0); r.Fence.Token != 0 || r.Planted {
			t.Fatalf("without hold: got %+v, want no token", r)
		}
		first, second := get(t, s, "k", time.Minute), get(t, s, "k", time.Minute)
		if !first.Planted || second.Planted || first.Fence != second.Fence || first.Fence.Token == 0 {
			t.Fatalf("got %+v, then %+v, want one token that the first planted", first, second)
		}
		if r := get(t, s, "k", 0); r.Fence != first.Fence {
			t.Fatalf("without hold: got %+v, want the token that stands", r)
		}
		if !fill(t, s, "k", value("v"), first.Fence) {
			t.Fatal("Fill: not done")
		}
		if fill(t, s, "k", value("w"), second.Fence) {
			t.Fatal("Fill with a token that is gone: done")
		}
		r := get(t, s, "k", time.Minute)
		if shown(r) != "v" || r.Entry.Stamp != first.Fence.Stamp || r.Entry.Token == first.Fence.Token {
			t.Fatalf("got %+v, want v under a new token", r.Entry)
		}
		// An entry that stands is a fence too.
		if !fill(t, s, "k", value("x"), r.Fence) {
			t.Fatal("Fill over an entry: not done")
		}
		want(t, s, "k", "x")
	})
}

func TestPlaceholderLivesLongEnough(t *testing.T) {
	onServers(t, func(t *testing.T, s *redisstore.Store) {
		left := func() int64 { return raw(t, s, "pttl", name(s, "k")).(int64) }
		get(t, s, "k", 10*time.Second)
		get(t, s, "k", time.Second)
		if got := left(); got <= 1000 {
			t.Errorf("after a shorter hold: got %d ms left, want those of the longer", got)
		}
		get(t, s, "k", time.Minute)
		if got := left(); got <= 10_000 || got > 60_000 {
			t.Errorf("after a longer hold: got %d ms left, want a minute", got)
		}
	})
}

func TestFillIsRefused(t *testing.T) {
	onServers(t, func(t *testing.T, s *redisstore.Store) {
		for _, tt := range []struct {
			name    string
			between func()
			tags    []string
		}{
			{"delete", func() { invalidate(t, s, []string{"k"}, nil) }, nil},
			{"set", func() { set(t, s, "k", value("other")) }, nil},
			{"tag", func() { invalidate(t, s, nil, []string{"a"}) }, []string{"b", "a"}},
			{"all", func() { invalidate(t, s, nil, []string{driver.TagAll}) }, nil},
			{"lost record", func() { raw(t, s, "del", s.MetaKey()) }, nil},
			{"lost placeholder", func() { raw(t, s, "del", name(s, "k")) }, nil},
		} {
			invalidate(t, s, []string{"k"}, nil)
			f := get(t, s, "k", time.Minute).Fence
			tt.between()
			if fill(t, s, "k", value("old", tt.tags...), f) {
				t.Errorf("%s in between: Fill was done", tt.name)
			}
			if got := shown(get(t, s, "k", 0)); got == "old" {
				t.Errorf("%s in between: got %q", tt.name, got)
			}
		}
		f := get(t, s, "none", 0).Fence
		if f.Token != 0 || fill(t, s, "none", value("v"), f) {
			t.Errorf("without a token: Fill was done")
		}
		raw(t, s, "set", name(s, "foreign"), "1234no token!")
		if fill(t, s, "foreign", value("v"), f) {
			t.Errorf("without a token, over a foreign value: Fill was done")
		}
		// An unrelated tag does not matter.
		invalidate(t, s, []string{"k"}, nil)
		f = get(t, s, "k", time.Minute).Fence
		invalidate(t, s, []string{"another"}, []string{"c"})
		if !fill(t, s, "k", value("v", "a"), f) {
			t.Errorf("something unrelated in between: Fill was refused")
		}
	})
}

func TestSetFenced(t *testing.T) {
	onServers(t, func(t *testing.T, s *redisstore.Store) {
		f := get(t, s, "k", time.Minute).Fence
		e := value("v", "a")
		e.Stamp = f.Stamp
		r := put(t, s, "k", e, driver.SetFenced, f.Token)
		if !r.Done || r.Clock.N != f.Stamp.N+1 {
			t.Fatalf("got %+v, want it done and the clock advanced from %+v", r, f.Stamp)
		}
		if got := get(t, s, "k", 0).Entry; got == nil || got.Stamp != f.Stamp {
			t.Fatalf("got %+v, want an entry with the fence's stamp", got)
		}
		f = get(t, s, "k", time.Minute).Fence
		invalidate(t, s, nil, []string{"a"})
		e = value("w", "a")
		e.Stamp = f.Stamp
		if r := put(t, s, "k", e, driver.SetFenced, f.Token); r.Done || r.Clock.N != f.Stamp.N+2 {
			t.Fatalf("after an invalidation: got %+v, want it refused and the clock advanced", r)
		}
		if got := raw(t, s, "exists", name(s, "k")); got != int64(0) {
			t.Fatalf("refused: something still stands")
		}
	})
}

func TestTagsAndAll(t *testing.T) {
	onServers(t, func(t *testing.T, s *redisstore.Store) {
		many := make([]string, 2500)
		for i := range many {
			many[i] = "tag" + strconv.Itoa(i)
		}
		set(t, s, "a", value("A", "x", "y"))
		set(t, s, "b", value("B", "y"))
		set(t, s, "many", value("M", many...))
		set(t, s, "plain", value("P"))
		r := invalidate(t, s, []string{"plain", "plain", "absent", "b"}, []string{"x"})
		if r.Removed != 2 {
			t.Errorf("got %d removed, want 2", r.Removed)
		}
		want(t, s, "a", "")
		want(t, s, "b", "")
		want(t, s, "many", "M")
		invalidate(t, s, nil, []string{"tag2499"})
		want(t, s, "many", "")
		if r := invalidate(t, s, []string{"a", "many"}, nil); r.Removed != 0 {
			t.Errorf("got %d removed, want 0: they were invalid", r.Removed)
		}
		set(t, s, "a", value("A2", "x", "y"))
		want(t, s, "a", "A2")
		before := get(t, s, "a", 0).Fence.Stamp
		if r := invalidate(t, s, nil, []string{driver.TagAll, "z"}); r.Clock.N != before.N+1 {
			t.Errorf("got clock %+v after %+v, want one advance", r.Clock, before)
		}
		want(t, s, "a", "")
		set(t, s, "a", value("A3", "x", "y"))
		want(t, s, "a", "A3")
	})
}

// What is not valid is replaced by a placeholder, so that one token stands for
// as long as a load takes.
func TestInvalidEntryBecomesPlaceholder(t *testing.T) {
	onServers(t, func(t *testing.T, s *redisstore.Store) {
		set(t, s, "k", value("v", "a"))
		invalidate(t, s, nil, []string{"a"})
		first, second := get(t, s, "k", time.Minute), get(t, s, "k", time.Minute)
		if !first.Planted || second.Planted || first.Fence.Token != second.Fence.Token || first.Odd != nil {
			t.Fatalf("got %+v, then %+v", first, second)
		}
		if !fill(t, s, "k", value("w", "a"), first.Fence) {
			t.Fatal("Fill: not done")
		}
		want(t, s, "k", "w")
	})
}

func TestAdd(t *testing.T) {
	onServers(t, func(t *testing.T, s *redisstore.Store) {
		add := func(payload string, done bool) {
			t.Helper()
			if r := put(t, s, "k", value(payload, "a"), driver.Add, 0); r.Done != done {
				t.Fatalf("Add(%q): got %+v, want done %t", payload, r, done)
			}
		}
		add("1", true)
		add("2", false)
		want(t, s, "k", "1")
		invalidate(t, s, nil, []string{"a"})
		add("3", true)
		negative := value("")
		negative.Kind = driver.Negative
		set(t, s, "k", negative)
		add("4", true)
		invalidate(t, s, []string{"k"}, nil)
		get(t, s, "k", time.Minute)
		add("5", true)
		raw(t, s, "del", name(s, "k"))
		raw(t, s, "rpush", name(s, "k"), "a list")
		add("6", true)
		want(t, s, "k", "6")
	})
}

func TestTouch(t *testing.T) {
	onServers(t, func(t *testing.T, s *redisstore.Store) {
		forever := driver.Life{Fresh: driver.Forever, Expires: driver.Forever}
		touch := func(life driver.Life, done bool) {
			t.Helper()
			r, err := s.Touch(t.Context(), key("k"), life)
			if err != nil || r.Done != done {
				t.Fatalf("got %+v, %v, want done %t", r, err, done)
			}
		}
		touch(forever, false)
		set(t, s, "k", value("v", "a"))
		before := get(t, s, "k", 0)
		touch(forever, true)
		after := get(t, s, "k", 0)
		if after.Entry.Life != forever || after.Entry.Stamp != before.Entry.Stamp || after.Fence.Stamp.N != before.Fence.Stamp.N+1 {
			t.Fatalf("got %+v after %+v", after, before)
		}
		if got := raw(t, s, "pttl", name(s, "k")); got != int64(-1) {
			t.Errorf("got %v ms left, want none", got)
		}
		touch(long(), true)
		if got := raw(t, s, "pttl", name(s, "k")).(int64); got < 3_590_000 || got > 3_600_000 {
			t.Errorf("got %v ms left, want an hour", got)
		}
		invalidate(t, s, nil, []string{"a"})
		touch(forever, false)
		negative := value("")
		negative.Kind = driver.Negative
		set(t, s, "k", negative)
		touch(forever, false)
	})
}

func TestIncr(t *testing.T) {
	onServers(t, func(t *testing.T, s *redisstore.Store) {
		incr := func(delta int64, initial *driver.Entry, sum int64, wantErr error) driver.Sum {
			t.Helper()
			r, err := s.Incr(t.Context(), key("k"), delta, initial)
			if r.Value != sum || !errors.Is(err, wantErr) {
				t.Fatalf("Incr by %d: got %+v, %v, want %d, %v", delta, r, err, sum, wantErr)
			}
			return r
		}
		incr(1, nil, 0, driver.ErrMiss)
		if r := incr(1, integer("40"), 40, nil); !r.Created || r.Clock.N != 1 {
			t.Errorf("got %+v, want it created and the clock advanced", r)
		}
		before := get(t, s, "k", 0)
		if r := incr(2, integer("7"), 42, nil); r.Created || r.Clock.N != 1 {
			t.Errorf("got %+v, want it counted and the clock as it was", r)
		}
		after := get(t, s, "k", 0)
		if after.Entry.Life != before.Entry.Life || after.Entry.Token == before.Entry.Token || shown(after) != "42" {
			t.Fatalf("got %+v after %+v", after.Entry, before.Entry)
		}
		if got := raw(t, s, "pttl", name(s, "k")).(int64); got < 3_590_000 || got > 3_600_000 {
			t.Errorf("got %v ms left, want what was left", got)
		}
		incr(math.MinInt64, nil, 42+math.MinInt64, nil)
		incr(-43, nil, 0, driver.ErrOverflow)
		if got, left := shown(get(t, s, "k", 0)), raw(t, s, "pttl", name(s, "k")).(int64); got != strconv.Itoa(42+math.MinInt64) || left < 1 {
			t.Errorf("after an overflow: got %s with %d ms left", got, left)
		}
		// Beyond what a double can count.
		set(t, s, "k", integer("9223372036854775806"))
		incr(1, nil, math.MaxInt64, nil)
		incr(1, nil, 0, driver.ErrOverflow)
		set(t, s, "k", value("5"))
		incr(1, integer("1"), 0, driver.ErrNotInteger)
		want(t, s, "k", "5")
		if _, err := s.Incr(t.Context(), key("x"), 1, value("1")); !errors.Is(err, driver.ErrNotInteger) {
			t.Errorf("initial is no integer: got %v", err)
		}
		// With tags, and a length that changes.
		e := integer("9")
		e.Tags = []string{"a", "b"}
		set(t, s, "k", e)
		incr(1, nil, 10, nil)
		want(t, s, "k", "10")
		invalidate(t, s, nil, []string{"b"})
		incr(1, nil, 0, driver.ErrMiss)
	})
}

// A counter whose bytes changed is absent, and does not look right again after
// it was added to.
func TestIncrOfCorruptInteger(t *testing.T) {
	onServers(t, func(t *testing.T, s *redisstore.Store) {
		set(t, s, "k", integer("41"))
		raw(t, s, "setrange", name(s, "k"), envelope.HeaderLen, "9")
		if _, err := s.Incr(t.Context(), key("k"), 1, nil); !errors.Is(err, driver.ErrMiss) {
			t.Fatalf("got %v, want ErrMiss", err)
		}
		if r, err := s.Incr(t.Context(), key("k"), 1, integer("5")); err != nil || r.Value != 5 || !r.Created {
			t.Fatalf("got %+v, %v, want a new one", r, err)
		}
	})
}

func TestMove(t *testing.T) {
	onServers(t, func(t *testing.T, s *redisstore.Store) {
		move := func(from, to string, done bool) driver.Result {
			t.Helper()
			r, err := s.Move(t.Context(), key(from), key(to))
			if err != nil || r.Done != done {
				t.Fatalf("got %+v, %v, want done %t", r, err, done)
			}
			return r
		}
		move("a", "b", false)
		set(t, s, "a", value("v", "x"))
		set(t, s, "b", value("old"))
		before := get(t, s, "a", 0).Entry
		if r := move("a", "b", true); r.Clock.N != 3 {
			t.Errorf("got clock %+v, want n 3", r.Clock)
		}
		want(t, s, "a", "")
		after := get(t, s, "b", 0).Entry
		if after == nil || after.Stamp != before.Stamp || after.Life != before.Life || after.Token == before.Token || string(after.Payload) != "v" {
			t.Fatalf("got %+v after %+v", after, before)
		}
		if got := raw(t, s, "pttl", name(s, "b")).(int64); got < 3_590_000 || got > 3_600_000 {
			t.Errorf("got %v ms left, want what was left", got)
		}
		move("b", "b", true)
		want(t, s, "b", "v")
		invalidate(t, s, nil, []string{"x"})
		move("b", "c", false)
		forever := integer("1")
		forever.Life = driver.Life{Fresh: driver.Forever, Expires: driver.Forever}
		set(t, s, "n", forever)
		move("n", "m", true)
		if got := raw(t, s, "pttl", name(s, "m")); got != int64(-1) {
			t.Errorf("got %v ms left, want none", got)
		}
		want(t, s, "m", "1")
	})
}

func TestMany(t *testing.T) {
	onServers(t, func(t *testing.T, s *redisstore.Store) {
		const n = 2100 // more than one script takes
		var items []driver.Item
		var keys []driver.Key
		for i := range n {
			e := value("v"+strconv.Itoa(i), "t"+strconv.Itoa(i%3))
			switch i % 7 {
			case 1:
				e.Kind, e.Payload = driver.Integer, []byte(strconv.Itoa(i))
			case 2:
				e.Kind, e.Payload = driver.Negative, nil
			case 3:
				e.Tags = nil
			}
			items = append(items, driver.Item{Key: key(strconv.Itoa(i)), Entry: e})
			keys = append(keys, key(strconv.Itoa(i)))
		}
		items = append(items, driver.Item{Key: key("0"), Entry: value("last wins")})
		for i, r := range s.PutMany(t.Context(), items) {
			if r.Err != nil || !r.Done || r.Clock.Epoch == 0 {
				t.Fatalf("PutMany: item %d: got %+v", i, r)
			}
		}
		if got := get(t, s, "0", 0).Fence.Stamp.N; got != n+1 {
			t.Errorf("got clock %d, want one step for each item", got)
		}
		invalidate(t, s, []string{"5"}, []string{"t1"})
		raw(t, s, "set", name(s, "6"), "foreign")
		raw(t, s, "del", name(s, "7"))
		raw(t, s, "rpush", name(s, "7"), "a list")
		readings, err := s.GetMany(t.Context(), keys, 0)
		if err != nil || len(readings) != n {
			t.Fatalf("GetMany: got %d, %v", len(readings), err)
		}
		for i, r := range readings {
			wantPayload := string(items[i].Entry.Payload)
			if i == 0 {
				wantPayload = "last wins"
			}
			gone := i == 5 || i == 6 || i == 7 || i%3 == 1 && i%7 != 3
			if gone != (r.Entry == nil) || !gone && (string(r.Entry.Payload) != wantPayload || r.Entry.Kind != items[i].Entry.Kind) {
				t.Fatalf("GetMany: key %d: got %+v, %+v", i, r, r.Entry)
			}
		}
		if !errors.Is(readings[6].Odd, driver.ErrForeign) || readings[7].Odd != nil {
			t.Errorf("got %v and %v, want ErrForeign, and a list to be nothing", readings[6].Odd, readings[7].Odd)
		}
		if readings, err = s.GetMany(t.Context(), keys[:8], time.Minute); err != nil {
			t.Fatal(err)
		}
		for i, planted := range []bool{false, true, false, false, true, true, true, true} {
			r := readings[i]
			if r.Planted != planted || r.Fence.Token == 0 {
				t.Errorf("with hold, key %d: got %+v, want planted %t", i, r, planted)
			}
			if planted && !fill(t, s, strconv.Itoa(i), value("filled"), r.Fence) {
				t.Errorf("key %d: Fill was refused", i)
			}
		}
		if got, err := s.GetMany(t.Context(), nil, 0); err != nil || len(got) != 0 {
			t.Errorf("no keys: got %v, %v", got, err)
		}
		if got := s.PutMany(t.Context(), nil); len(got) != 0 {
			t.Errorf("no items: got %v", got)
		}
	})
}

func TestPutManyModes(t *testing.T) {
	onServers(t, func(t *testing.T, s *redisstore.Store) {
		f := get(t, s, "fill", time.Minute).Fence
		filled := value("F")
		filled.Stamp = f.Stamp
		refused := value("R")
		refused.Stamp = f.Stamp
		set(t, s, "added", value("A"))
		set(t, s, "huge", value("H"))
		got := s.PutMany(t.Context(), []driver.Item{
			{Key: key("set"), Entry: value("S")},
			{Key: key("fill"), Entry: filled, Mode: driver.Fill, Token: f.Token},
			{Key: key("set"), Entry: value("S2")},
			{Key: key("added"), Entry: value("B"), Mode: driver.Add},
			{Key: key("refused"), Entry: refused, Mode: driver.SetFenced, Token: f.Token},
			{Key: key("huge"), Entry: value("", make([]string, 5000)...)},
			{Key: key("mode"), Entry: value("x"), Mode: 77},
		})
		for i, want := range []bool{true, true, true, false, false, false, false} {
			if got[i].Done != want {
				t.Errorf("item %d: got %+v, want done %t", i, got[i], want)
			}
		}
		if !errors.Is(got[5].Err, driver.ErrTooLarge) || !errors.Is(got[6].Err, errors.ErrUnsupported) || got[4].Err != nil || got[3].Err != nil {
			t.Errorf("got %+v", got)
		}
		want(t, s, "set", "S2")
		want(t, s, "fill", "F")
		want(t, s, "added", "A")
		want(t, s, "huge", "")
	})
}

func TestTooLarge(t *testing.T) {
	onServers(t, func(t *testing.T, s *redisstore.Store) {
		for mode, left := range map[driver.Mode]string{driver.Set: "", driver.SetFenced: "", driver.Add: "v", driver.Fill: "v"} {
			set(t, s, "k", value("v"))
			_, err := s.Put(t.Context(), key("k"), value("", make([]string, 5000)...), mode, get(t, s, "k", 0).Fence.Token)
			if !errors.Is(err, driver.ErrTooLarge) {
				t.Errorf("mode %d: got %v, want ErrTooLarge", mode, err)
			}
			want(t, s, "k", left)
		}
	})
}

func TestOdd(t *testing.T) {
	onServers(t, func(t *testing.T, s *redisstore.Store) {
		set(t, s, "good", value("v", "t"))
		blob := raw(t, s, "get", name(s, "good")).(string)
		flipped := []byte(blob)
		flipped[len(flipped)-1] ^= 1
		for _, tt := range []struct {
			name, raw string
			odd       error
			token     bool // something stands that fences
		}{
			{"foreign", "some other program's value", driver.ErrForeign, false},
			{"short", "ST", driver.ErrForeign, false},
			{"empty", "", driver.ErrForeign, false},
			{"cut", blob[:40], driver.ErrCorrupt, true},
			{"cut later", blob[:len(blob)-1], driver.ErrCorrupt, false},
			{"flipped", string(flipped), driver.ErrCorrupt, false},
			{"another key's", blob, driver.ErrCorrupt, false},
		} {
			raw(t, s, "set", name(s, "k"), tt.raw)
			if r := get(t, s, "k", 0); r.Entry != nil || !errors.Is(r.Odd, tt.odd) || (r.Fence.Token != 0) != tt.token {
				t.Errorf("%s: got %+v, want %v", tt.name, r, tt.odd)
			}
			raw(t, s, "set", name(s, "k"), tt.raw)
			r := get(t, s, "k", time.Minute)
			if r.Entry != nil || !errors.Is(r.Odd, tt.odd) || !r.Planted || r.Fence.Token == 0 {
				t.Errorf("%s: with hold: got %+v, want %v", tt.name, r, tt.odd)
			}
			if !fill(t, s, "k", value("loaded"), r.Fence) {
				t.Errorf("%s: Fill was refused", tt.name)
			}
			want(t, s, "k", "loaded")
		}
		// A list is foreign as well.
		raw(t, s, "rpush", name(s, "list"), "x")
		if r := get(t, s, "list", 0); !errors.Is(r.Odd, driver.ErrForeign) || r.Fence.Token != 0 {
			t.Errorf("list: got %+v", r)
		}
		if r := invalidate(t, s, []string{"list"}, nil); r.Removed != 0 {
			t.Errorf("list: got %d removed", r.Removed)
		}
		// What is newer is left alone.
		for _, newer := range []string{"ST\x02" + blob[3:], "ST\x01\x07" + blob[4:]} {
			raw(t, s, "set", name(s, "k"), newer)
			r := get(t, s, "k", time.Minute)
			if r.Entry != nil || !errors.Is(r.Odd, driver.ErrNewer) || r.Fence.Token != 0 || r.Planted {
				t.Errorf("newer: got %+v", r)
			}
			if fill(t, s, "k", value("v"), r.Fence) {
				t.Errorf("newer: Fill was done")
			}
			if got := raw(t, s, "get", name(s, "k")); got != newer {
				t.Errorf("newer: got %q, want it as it was", got)
			}
		}
	})
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	test := func(t *testing.T, s *redisstore.Store, pass func(time.Duration)) {
		end := time.Now().Add(50 * time.Millisecond).UnixNano()
		e := value("v")
		e.Life = driver.Life{Fresh: end, Expires: end}
		set(t, s, "k", e)
		gone := value("v")
		gone.Life = driver.Life{Fresh: 1, Expires: 1}
		set(t, s, "gone", gone)
		almost := value("v")
		almost.Life = driver.Life{Fresh: driver.Forever - 1, Expires: driver.Forever - 1}
		set(t, s, "almost", almost)
		get(t, s, "planted", 50*time.Millisecond)
		pass(60 * time.Millisecond)
		want(t, s, "k", "")
		want(t, s, "gone", "")
		want(t, s, "almost", "v")
		if r := get(t, s, "planted", 0); r.Fence.Token != 0 {
			t.Errorf("placeholder: got %+v, want it gone", r)
		}
		if _, err := s.Incr(t.Context(), key("k"), 1, nil); !errors.Is(err, driver.ErrMiss) {
			t.Errorf("Incr: got %v", err)
		}
	}
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		m := mini(t)
		test(t, open(t, m.addr), m.pass)
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		s := open(t, servertest.SharedRedis(t))
		test(t, s, time.Sleep)
	})
}
