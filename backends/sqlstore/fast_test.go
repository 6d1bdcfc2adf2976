package sqlstore_test

import (
	"testing"

	"github.com/stratacache/strata/backends/sqlstore"
	"github.com/stratacache/strata/cache/driver"
)

// TestPlainReadings: a reading that does not look at tags must notice those that it meets,
// alone and among others.
func TestPlainReadings(t *testing.T) {
	onAll(t, func(t *testing.T, d database) {
		s := d.open(t)
		set(t, s, "plain", value("p"))
		set(t, s, "tagged", value("t", "red", "blue"))
		forget := func() {
			for range 65 { // enough for it to be plain again
				want(t, s, "plain", "p")
			}
			if s.ReadsFully() {
				t.Fatal("readings are full, but need not be")
			}
		}
		many := func(wants ...string) {
			t.Helper()
			rs, err := s.GetMany(t.Context(), []driver.Key{key("plain"), key("tagged"), key("none")}, 0)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range wants {
				got := ""
				if e := rs[i].Entry; e != nil {
					got = string(e.Payload)
				}
				if got != want {
					t.Errorf("GetMany: of key %d got %q, want %q", i, got, want)
				}
			}
		}
		forget()
		want(t, s, "tagged", "t")
		if !s.ReadsFully() {
			t.Error("readings are plain, but have just met tags")
		}
		want(t, s, "tagged", "t")
		forget()
		many("p", "t", "")
		many("p", "t", "")
		invalidate(t, s, nil, []string{"blue"})
		want(t, s, "tagged", "")
		many("p", "", "")
		forget()
		many("p", "", "")
		forget()
		want(t, s, "tagged", "")

		// So are a number and a life that was touched.
		if _, err := s.Incr(t.Context(), key("count"), 7, integer("1")); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Incr(t.Context(), key("count"), 7, nil); err != nil {
			t.Fatal(err)
		}
		life := long()
		life.Fresh -= 1000
		set(t, s, "touched", value("v"))
		if r, err := s.Touch(t.Context(), key("touched"), life); err != nil || !r.Done {
			t.Fatal(r, err)
		}
		for range 2 {
			forget()
			if r := get(t, s, "touched", 0); r.Entry == nil || r.Entry.Life != life {
				t.Errorf("of what was touched got %+v, want the life %+v", r.Entry, life)
			}
			forget()
			want(t, s, "count", "8")
			forget()
			rs, err := s.GetMany(t.Context(), []driver.Key{key("plain"), key("touched"), key("count")}, 0)
			if err != nil || rs[1].Entry == nil || rs[1].Entry.Life != life || rs[2].Entry == nil || string(rs[2].Entry.Payload) != "8" {
				t.Errorf("GetMany: %+v, %v", rs, err)
			}
		}
	})
}

// TestSetOfMySQL is of the way in which MySQL sets one entry, which is not that of
// MariaDB.
func TestSetOfMySQL(t *testing.T) {
	t.Parallel()
	for _, d := range databases {
		if d.dialect != sqlstore.MySQL {
			continue
		}
		t.Run(d.dialect.String(), func(t *testing.T) {
			s := d.open(t)
			for _, mariadb := range []bool{true, false, true, false} {
				clock := get(t, s, "k", 0).Fence.Stamp // a connection has asked for the version
				s.IsMariaDB(mariadb)
				for _, payload := range []string{"absent", "present"} {
					r := put(t, s, "k", value(payload), driver.Set, 0)
					if !r.Done || r.Clock.Epoch != clock.Epoch || r.Clock.N != clock.N+1 {
						t.Errorf("MariaDB %v: Set: got %+v after %v", mariadb, r, clock)
					}
					clock = r.Clock
					got := get(t, s, "k", 0)
					if got.Entry == nil || string(got.Entry.Payload) != payload || got.Entry.Stamp != clock || got.Fence.Stamp != clock {
						t.Errorf("MariaDB %v: Get: got %+v, want %q at %v", mariadb, got, payload, clock)
					}
				}
				invalidate(t, s, []string{"k"}, nil)
			}
		})
	}
}
