package sqlstore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/sqlstore"
	"github.com/stratacache/strata/cache/driver"
)

// rows counts the rows of a namespace.
func rows(t testing.TB, s *sqlstore.Store, table string) (n int) {
	t.Helper()
	err := s.DB().QueryRowContext(t.Context(), "SELECT count(*) FROM "+s.Table(table)+" WHERE namespace = "+s.Mark(1),
		s.Namespace()).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func living(payload string, d time.Duration) *driver.Entry {
	end := time.Now().Add(d).UnixNano()
	return &driver.Entry{Payload: []byte(payload), Life: driver.Life{Fresh: end, Expires: end}}
}

func sweep(t testing.TB, s *sqlstore.Store) {
	t.Helper()
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// DB-028, DB-029: what has ended goes first, then what ends soonest.
func TestEviction(t *testing.T) {
	onAll(t, func(t *testing.T, d database) {
		const limit = 30
		s := d.open(t, sqlstore.Options{MaxEntries: limit, SweepEvery: 1_000_000})
		for i := range limit + 10 { // z first: never by the alphabet
			set(t, s, fmt.Sprintf("%c-%02d", 'z'-i%26, i), living("v", time.Duration(i+1)*time.Hour))
		}
		for i := range 10 {
			set(t, s, fmt.Sprint("ended-", i), living("v", time.Millisecond))
		}
		time.Sleep(5 * time.Millisecond)
		sweep(t, s)
		if got := rows(t, s, "entry"); got != limit {
			t.Errorf("got %d rows, want %d", got, limit)
		}
		for i := range limit + 10 {
			stands := map[bool]string{true: "v", false: ""}[i >= 10]
			want(t, s, fmt.Sprintf("%c-%02d", 'z'-i%26, i), stands)
		}
		set(t, s, "one more", living("v", 100*time.Hour))
		sweep(t, s)
		want(t, s, "one more", "v")
	})
}

func TestEvictionByBytes(t *testing.T) {
	onAll(t, func(t *testing.T, d database) {
		s := d.open(t, sqlstore.Options{MaxBytes: 50_000, SweepEvery: 1_000_000})
		for i := range 100 {
			set(t, s, fmt.Sprint("k-", i), living(string(make([]byte, 1000)), time.Duration(i+1)*time.Hour))
		}
		sweep(t, s)
		if got := rows(t, s, "entry"); got < 35 || got > 50 {
			t.Errorf("got %d rows of 1.1 kB, want less than 50", got)
		}
	})
}

// DB-032: what has ended and is never read goes, too, in the background.
func TestSweepInTheBackground(t *testing.T) {
	onAll(t, func(t *testing.T, d database) {
		s := d.open(t, sqlstore.Options{SweepEvery: 10, MaxEntries: 20})
		for i := range 200 {
			set(t, s, fmt.Sprint("k-", i), living("v", time.Hour))
		}
		for deadline := time.Now().Add(20 * time.Second); rows(t, s, "entry") > 40; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("there are still %d rows", rows(t, s, "entry"))
			}
			set(t, s, "k", living("v", time.Hour))
		}
	})
}

// What a Clear has made invalid is removed in batches, and so are the stamps
// that it has made needless; of what came after it nothing is.
func TestSweepAfterClear(t *testing.T) {
	onAll(t, func(t *testing.T, d database) {
		s := d.open(t)
		var items []driver.Item
		for i := range 600 {
			items = append(items, driver.Item{Key: key(fmt.Sprint("k-", i)), Entry: value("v", "a")})
		}
		s.PutMany(t.Context(), items)
		invalidate(t, s, nil, []string{"a", "b"})
		invalidate(t, s, nil, []string{driver.TagAll})
		set(t, s, "new", value("w", "c", "d"))
		invalidate(t, s, nil, []string{"d"})
		set(t, s, "tagged", value("w", "c"))
		f := get(t, s, "loading", time.Minute).Fence
		sweep(t, s)
		if got := rows(t, s, "entry"); got != 3 {
			t.Errorf("got %d rows, want the 3 that were stored since", got)
		}
		if got := rows(t, s, "tag"); got != 1 {
			t.Errorf("got %d tags, want the one that was invalidated since", got)
		}
		want(t, s, "new", "")
		want(t, s, "tagged", "w")
		e := value("loaded")
		e.Stamp = f.Stamp
		if !put(t, s, "loading", e, driver.Fill, f.Token).Done {
			t.Error("the sweep has removed a placeholder")
		}
	})
}

func TestTooManyTagsStartAnew(t *testing.T) {
	onAll(t, func(t *testing.T, d database) {
		s := d.open(t)
		s.BoundTags(3)
		set(t, s, "k", value("v"))
		invalidate(t, s, nil, []string{"a", "b", "c"})
		sweep(t, s)
		want(t, s, "k", "v")
		invalidate(t, s, nil, []string{"d"})
		sweep(t, s)
		want(t, s, "k", "")
		sweep(t, s)
		if got := rows(t, s, "tag"); got != 0 {
			t.Errorf("got %d tags that nothing needs", got)
		}
	})
}

// Close waits for a sweep, which ends with it.
func TestCloseEndsTheSweep(t *testing.T) {
	onAll(t, func(t *testing.T, d database) {
		s := d.open(t, sqlstore.Options{SweepEvery: 1})
		for i := range 20 {
			set(t, s, fmt.Sprint(i), value("v"))
		}
		closeStore(t, s)
		closeStore(t, s)
		if _, err := s.Get(t.Context(), key("k"), 0); err != driver.ErrClosed {
			t.Errorf("got %v, want ErrClosed", err)
		}
		if err := s.Sweep(t.Context()); err != driver.ErrClosed {
			t.Errorf("Sweep: got %v, want ErrClosed", err)
		}
	})
}
