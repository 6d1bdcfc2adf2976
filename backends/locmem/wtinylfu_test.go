package locmem

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

func TestWTinyLFUBounds(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"entries": {MaxEntries: 100, Policy: WTinyLFU},
		"bytes":   {MaxBytes: 100 * (EntryOverhead + 110), Policy: WTinyLFU},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t, &o)
			for i := range 1000 {
				put(t, s, keyN(i), entry(strings.Repeat("x", 100), 0), driver.Set, 0)
				if i%10 == 0 && get(t, s, keyN(i), 0).Entry == nil && s.Len() < 50 {
					t.Errorf("key %d was not to be seen in a store with room", i)
				}
			}
			if n := s.Len(); n > 100 || n < 50 {
				t.Errorf("Len: got %d, want about 100", n)
			}
			st := s.Stats()
			if st.Entries+int(st.Evicted) != 1000 {
				t.Errorf("got %+v, want entries and evicted to make 1000", st)
			}
			want := int64(0)
			for _, r := range s.otter.cache.All() {
				want += sizeOf(keyN(100), r.entry) // names of three digits
			}
			if d := st.Bytes - want; d < -200 || d > 200 {
				t.Errorf("bytes: got %d, want about %d", st.Bytes, want)
			}
		})
	}
}

func TestWTinyLFUKeepsWhatIsHot(t *testing.T) {
	t.Parallel()
	s := newStore(t, &Options{MaxEntries: 100, Policy: WTinyLFU})
	for i := range 5000 {
		hot := keyN(i % 20)
		if get(t, s, hot, 0).Entry == nil {
			put(t, s, hot, entry("hot", 0), driver.Set, 0)
		}
		put(t, s, keyN(1000+i), entry("once", 0), driver.Set, 0)
	}
	kept := 0
	for i := range 20 {
		if get(t, s, keyN(i), 0).Entry != nil {
			kept++
		}
	}
	if kept < 15 {
		t.Errorf("of 20 hot keys %d were kept, want nearly all", kept)
	}
}

func TestWTinyLFUGivesMemoryBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStore(t, &Options{Policy: WTinyLFU})
		for i := range 100 {
			put(t, s, keyN(i), entry("v", time.Minute), driver.Set, 0)
		}
		put(t, s, key("for ever"), entry("v", 0), driver.Set, 0)
		time.Sleep(time.Minute - 1)
		if get(t, s, keyN(1), 0).Entry == nil {
			t.Error("gone before its end")
		}
		time.Sleep(time.Nanosecond)
		if get(t, s, keyN(1), 0).Entry != nil {
			t.Error("returned at its end")
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if n := s.otter.cache.EstimatedSize(); n != 1 {
			t.Errorf("kept: got %d, want 1", n)
		}
		if got, want := s.Stats().Bytes, sizeOf(key("for ever"), entry("v", 0)); got != want {
			t.Errorf("bytes: got %d, want %d", got, want)
		}
	})
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]Options{
		"MaxEntries": {MaxEntries: -1},
		"MaxBytes":   {MaxBytes: -1},
		"Policy":     {Policy: 7},
		"WTinyLFU":   {Policy: WTinyLFU, MaxEntries: 1, MaxBytes: 1},
	} {
		func() {
			defer func() {
				if got, _ := recover().(string); !strings.Contains(got, want) {
					t.Errorf("New(%+v): got panic %q, want one about %s", o, got, want)
				}
			}()
			_ = New(&o).Close(t.Context())
		}()
	}
}
