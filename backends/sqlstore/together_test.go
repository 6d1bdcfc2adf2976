package sqlstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// Values that a server would not take in one packet are stored all the same.
func TestManyLargeValues(t *testing.T) {
	onAll(t, func(t *testing.T, d database) {
		s := d.open(t)
		items := make([]driver.Item, 20)
		keys := make([]driver.Key, len(items))
		for i := range items {
			keys[i] = key(fmt.Sprint(i))
			items[i] = driver.Item{Key: keys[i], Entry: value(strings.Repeat(string(rune('a'+i)), 1<<20))}
		}
		for i, r := range s.PutMany(t.Context(), items) {
			if r.Err != nil || !r.Done {
				t.Fatalf("item %d: %+v, %v", i, r.Result, r.Err)
			}
		}
		rs, err := s.GetMany(t.Context(), keys, 0)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range rs {
			if r.Entry == nil || !bytes.Equal(r.Entry.Payload, bytes.Repeat([]byte{byte('a' + i)}, 1<<20)) {
				t.Errorf("key %d is not what was set", i)
			}
		}
	})
}

// Callers that come at once each get what is theirs: large values and small, keys of
// others and their own, with holds and without.
func TestManyCallers(t *testing.T) {
	onAll(t, func(t *testing.T, d database) {
		s := d.open(t)
		before := get(t, s, "none", 0).Fence.Stamp.N
		const callers, rounds = 24, 8
		var wg sync.WaitGroup
		for g := range callers {
			wg.Go(func() {
				name := fmt.Sprint("key ", g)
				for i := range rounds {
					payload := strings.Repeat(fmt.Sprintf("%d/%d ", g, i), 1+i%2*5000)
					if r, err := s.Put(t.Context(), key(name), value(payload), driver.Set, 0); err != nil || !r.Done {
						t.Errorf("Set: %+v, %v", r, err)
						return
					}
					r, err := s.Get(t.Context(), key(name), time.Duration(i%3)*time.Minute)
					if err != nil || r.Entry == nil || string(r.Entry.Payload) != payload {
						t.Errorf("Get of what %d set: %+v, %v", g, r, err)
						return
					}
					absent := fmt.Sprint("absent ", i)
					if r, err := s.Get(t.Context(), key(absent), time.Duration(g%2)*time.Minute); err != nil || r.Entry != nil {
						t.Errorf("Get of what is not there: %+v, %v", r, err)
						return
					}
				}
			})
		}
		wg.Wait()
		if n := get(t, s, "none", 0).Fence.Stamp.N; n != before+callers*rounds {
			t.Errorf("the clock went from %d to %d, by %d Sets", before, n, callers*rounds)
		}
	})
}

// Who leaves says so as anybody whose context ended.
func TestLeaving(t *testing.T) {
	onAll(t, func(t *testing.T, d database) {
		s := d.open(t)
		set(t, s, "k", value("v"))
		var wg sync.WaitGroup
		for g := range 32 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(g)*100*time.Microsecond)
				defer cancel()
				r, err := s.Get(ctx, key("k"), 0)
				switch {
				case err == nil && (r.Entry == nil || string(r.Entry.Payload) != "v"):
					t.Errorf("Get: %+v", r)
				case err != nil && (!errors.Is(err, context.DeadlineExceeded) || !strings.HasPrefix(err.Error(), "sqlstore: get")):
					t.Errorf("Get: %v", err)
				}
			})
		}
		wg.Wait()
		want(t, s, "k", "v")
	})
}

// Once a caller has left nothing is begun for it: it may have set the key again.
func TestNothingIsBegunForWhoHasLeft(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache.db")
	s := opened(t, path, "")
	defer closeStore(t, s)
	set(t, s, "k", value("before"))
	conn, err := databases[0].handle(t, sqliteFile(path)).Conn(t.Context()) // another process
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for name, patience := range map[string]time.Duration{"a": time.Minute, "b": time.Minute, "c": time.Minute, "k": 100 * time.Millisecond} {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			_, err := s.Put(ctx, key(name), value("after"), driver.Set, 0)
			if name == "k" && !errors.Is(err, context.DeadlineExceeded) || name != "k" && err != nil {
				t.Errorf("Set %s: %v", name, err)
			}
		})
	}
	time.Sleep(250 * time.Millisecond) // longer than the file is waited for at once
	if _, err := conn.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	for _, name := range []string{"a", "b", "c"} {
		want(t, s, name, "after")
	}
	want(t, s, "k", "before")
}

// Invalidations that went together are all told.
func TestLogOfInvalidationsTogether(t *testing.T) {
	d := databases[1]
	s := d.open(t)
	r, err := s.ReadLog(t.Context(), driver.Stamp{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	const callers = 24
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			what := driver.Invalidation{Keys: []driver.Key{key(fmt.Sprint("one ", i)), key(fmt.Sprint("two ", i))}, Tags: []string{fmt.Sprint(i)}}
			if _, err := s.Invalidate(t.Context(), what); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	after := r.Clock
	r, err = s.ReadLog(t.Context(), after, time.Second)
	if err != nil || !r.Complete || r.Clock.N != after.N+callers {
		t.Fatalf("got %+v, %v after %v", r, err, after)
	}
	keys, tags := 0, 0
	for i, c := range r.Changes {
		keys, tags = keys+len(c.Keys), tags+len(c.Tags)
		if c.N != after.N+1+uint64(i) {
			t.Errorf("change %d has the number %d after %d", i, c.N, after.N)
		}
	}
	if keys != 2*callers || tags != callers {
		t.Errorf("%d keys and %d tags are told of %d callers", keys, tags, callers)
	}
}

// A placeholder that was planted is known as such, though another key changed
// meanwhile and all was read again.
func TestPlantedAmongOthers(t *testing.T) {
	s := databases[1].open(t)
	set(t, s, "c", value("v"))
	tx, err := s.DB().Begin()
	if err != nil {
		t.Fatal(err)
	}
	const columns = "token, epoch, stamp, kind, tags, fresh, ends, number, size, expires, body"
	table := s.Table("entry")
	if _, err := tx.Exec("INSERT INTO "+table+" (namespace, name, "+columns+") SELECT namespace, $1, "+columns+" FROM "+table+" WHERE name = $2 AND namespace = $3",
		[]byte(key("b").String()), []byte(key("c").String()), s.Namespace()); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(100*time.Millisecond, func() { _ = tx.Commit() })
	rs, err := s.GetMany(t.Context(), []driver.Key{key("a"), key("b")}, time.Minute)
	if err != nil || !rs[0].Planted {
		t.Errorf("got %+v, %v, want that a is planted", rs, err)
	}
}

// No name is taken for anything else.
func TestEmptyKey(t *testing.T) {
	onAll(t, func(t *testing.T, d database) {
		s := d.open(t)
		put(t, s, "k", value("k"), driver.Set, 0)
		if _, err := s.Put(t.Context(), driver.Key{}, value("empty"), driver.Set, 0); err != nil {
			t.Fatal(err)
		}
		clock := get(t, s, "k", 0).Fence.Stamp
		rs, err := s.GetMany(t.Context(), []driver.Key{{}, key("k"), key("none")}, 0)
		if err != nil || rs[0].Entry == nil || string(rs[0].Entry.Payload) != "empty" || rs[1].Entry == nil || string(rs[1].Entry.Payload) != "k" ||
			rs[0].Fence.Stamp != clock || rs[2].Fence.Stamp != clock {
			t.Errorf("got %+v, %v at %v", rs, err, clock)
		}
	})
}
