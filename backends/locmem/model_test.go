package locmem

import (
	"errors"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/stratacache/strata/cache/driver"
)

// A model is an LRU store of few lines: a slice in the order of use.
type model struct {
	maxEntries int
	maxBytes   int64
	n          uint64 // the clock of the present epoch
	rows       []row  // most recently used first
	fences     map[string]modelFence
	tags       map[string]uint64
}

type row struct {
	name, value string
	kind        driver.Kind
	tags        []string
	ends        time.Time // zero: never
	stamp       uint64    // 0: of an earlier epoch
	token       driver.Token
}

type modelFence struct {
	token driver.Token
	ends  time.Time
}

func (m *model) prune() {
	now := time.Now()
	m.rows = slices.DeleteFunc(m.rows, func(r row) bool { return !r.ends.IsZero() && !now.Before(r.ends) })
	for k, f := range m.fences {
		if !now.Before(f.ends) {
			delete(m.fences, k)
		}
	}
}

func (m *model) at(name string) int {
	return slices.IndexFunc(m.rows, func(r row) bool { return r.name == name })
}

func (m *model) valid(r row) bool {
	return !slices.ContainsFunc(r.tags, func(t string) bool { return m.tags[t] > r.stamp })
}

// live is the index of a valid row that is not negative, or -1.
func (m *model) live(name string) int {
	if i := m.at(name); i >= 0 && m.valid(m.rows[i]) && m.rows[i].kind != driver.Negative {
		return i
	}
	return -1
}

func (m *model) remove(name string) {
	delete(m.fences, name)
	if i := m.at(name); i >= 0 {
		m.rows = slices.Delete(m.rows, i, i+1)
	}
}

func (m *model) use(i int) {
	r := m.rows[i]
	m.rows = slices.Insert(slices.Delete(m.rows, i, i+1), 0, r)
}

func (m *model) store(r row) {
	m.remove(r.name)
	m.rows = slices.Insert(m.rows, 0, r)
	bytes := int64(0)
	for i, r := range m.rows {
		bytes += int64(key(r.name).Len()+len(r.value)) + EntryOverhead
		for _, t := range r.tags {
			bytes += int64(len(t))
		}
		if i >= m.maxEntries && m.maxEntries > 0 || m.maxBytes > 0 && bytes > m.maxBytes {
			m.rows = m.rows[:i]
			break
		}
	}
}

func (r row) entry() *driver.Entry {
	e := entry(r.value, 0, r.tags...)
	e.Kind = r.kind
	if !r.ends.IsZero() {
		e.Life = driver.Life{Fresh: r.ends.UnixNano(), Expires: r.ends.UnixNano()}
	}
	return e
}

func standing(s *Store, name string) driver.Token {
	sh := s.shard(key(name))
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.standing(key(name), s.clock.now())
}

func TestLRUAgainstModel(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"entries": {MaxEntries: 4},
		"bytes":   {MaxBytes: 4*EntryOverhead + 40},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				// Without the Deadline method, which a bubble does not allow.
				rapid.Check(struct{ rapid.TB }{t}, func(rt *rapid.T) { runModel(rt, t, o) })
			})
		})
	}
}

func runModel(t *rapid.T, tt *testing.T, o Options) {
	ctx := tt.Context()
	s := New(&o)
	defer s.Close(ctx)
	m := &model{maxEntries: o.MaxEntries, maxBytes: o.MaxBytes, fences: map[string]modelFence{}, tags: map[string]uint64{}}
	names := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"})
	epoch := func() uint64 { return s.meta.Load().Stamp().Epoch }

	draw := func() row {
		r := row{
			name:  names.Draw(t, "name"),
			kind:  rapid.SampledFrom([]driver.Kind{driver.Bytes, driver.Integer, driver.Negative}).Draw(t, "kind"),
			tags:  rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"x", "yy"}), 0, 2, rapid.ID[string]).Draw(t, "tags"),
			value: strconv.Itoa(rapid.SampledFrom([]int{0, 7, 123456789, 1234567890123456}).Draw(t, "value")),
		}
		if d := rapid.IntRange(0, 3).Draw(t, "seconds"); d > 0 {
			r.ends = time.Now().Add(time.Duration(d) * time.Second)
		}
		return r
	}
	must := func(err error) {
		if err != nil {
			t.Fatalf("got %v, want no error", err)
		}
	}
	same := func(what string, got, want any) {
		t.Helper()
		if got != want {
			t.Fatalf("%s: got %v, want %v", what, got, want)
		}
	}

	t.Repeat(map[string]func(*rapid.T){
		"": func(t *rapid.T) {
			m.prune()
			var want []string
			for _, r := range m.rows {
				want = append(want, r.name)
			}
			var got []string
			sh := &s.shards[0]
			sh.mu.Lock() // against the sweep
			defer sh.mu.Unlock()
			l, now := s.shards[0].table.(*lru), time.Now()
			for n := l.root.next; n != &l.root; n = n.next {
				if !n.entry.Life.Ended(now) {
					got = append(got, n.key.Name)
				}
			}
			if !slices.Equal(got, want) {
				t.Fatalf("kept, latest first: got %q, want %q", got, want)
			}
			if o.MaxEntries > 0 && s.Len() > o.MaxEntries || o.MaxBytes > 0 && s.room.bytes.Load() > o.MaxBytes {
				t.Fatalf("over the bound: %d entries, %d bytes", s.Len(), s.room.bytes.Load())
			}
			for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
				var want driver.Token
				if f, ok := m.fences[name]; ok {
					want = f.token
				} else if i := m.at(name); i >= 0 {
					want = m.rows[i].token
				}
				same("token of "+name, sh.standing(key(name), s.clock.now()), want)
			}
		},
		"get": func(t *rapid.T) {
			name := names.Draw(t, "name")
			hold := time.Duration(rapid.IntRange(0, 3).Draw(t, "hold")) * time.Second
			r, err := s.Get(ctx, key(name), hold)
			must(err)
			same("clock", r.Fence.Stamp, driver.Stamp{Epoch: epoch(), N: m.n})
			i := m.at(name)
			if i >= 0 && m.valid(m.rows[i]) {
				if r.Entry == nil {
					t.Fatalf("got a miss, want %+v", m.rows[i])
				}
				same("value", string(r.Entry.Payload), m.rows[i].value)
				same("stamp", r.Entry.Stamp.N, m.rows[i].stamp)
				m.use(i)
				return
			}
			same("entry", r.Entry, (*driver.Entry)(nil))
			f, standing := m.fences[name]
			same("planted", r.Planted, hold > 0 && !standing)
			if hold == 0 {
				return
			}
			if standing {
				same("token", r.Fence.Token, f.token)
			} else {
				m.remove(name)
			}
			ends := time.Now().Add(hold)
			if f.ends.After(ends) {
				ends = f.ends
			}
			m.fences[name] = modelFence{r.Fence.Token, ends}
		},
		"put": func(t *rapid.T) {
			r := draw()
			mode := rapid.SampledFrom([]driver.Mode{driver.Set, driver.Add, driver.Fill, driver.SetFenced}).Draw(t, "mode")
			back := rapid.Uint64Range(0, 2).Draw(t, "stamp back")
			token := standing(s, r.name)
			if rapid.IntRange(0, 3).Draw(t, "wrong token") == 0 {
				token ^= 5
			}
			e := r.entry()
			r.stamp = m.n - min(back, m.n)
			e.Stamp = driver.Stamp{Epoch: epoch(), N: r.stamp}
			var done bool
			switch mode {
			case driver.Set:
				done = true
			case driver.Add:
				done = m.live(r.name) < 0
			default:
				var stands driver.Token
				if f, ok := m.fences[r.name]; ok {
					stands = f.token
				} else if i := m.at(r.name); i >= 0 {
					stands = m.rows[i].token
				}
				done = stands != 0 && stands == token && m.valid(r) && m.tags[driver.TagAll] <= r.stamp
			}
			got, err := s.Put(ctx, key(r.name), e, mode, token)
			must(err)
			same("done", got.Done, done)
			if mode == driver.Set || mode == driver.Add && done || mode == driver.SetFenced {
				m.n++
			}
			same("clock", got.Clock.N, m.n)
			switch {
			case done:
				if mode == driver.Set || mode == driver.Add {
					r.stamp = m.n
				}
				r.token = e.Token
				m.store(r)
			case mode == driver.SetFenced:
				m.remove(r.name)
			}
		},
		"touch": func(t *rapid.T) {
			r := draw()
			got, err := s.Touch(ctx, key(r.name), r.entry().Life)
			must(err)
			i := m.live(r.name)
			same("touched", got.Done, i >= 0)
			if i >= 0 {
				m.n++
				m.rows[i].ends = r.ends
			}
			same("clock", got.Clock.N, m.n)
		},
		"incr": func(t *rapid.T) {
			r := draw()
			r.kind = driver.Integer
			var initial *driver.Entry
			if rapid.Bool().Draw(t, "initial") {
				initial = r.entry()
			}
			got, err := s.Incr(ctx, key(r.name), 3, initial)
			i := m.live(r.name)
			switch {
			case i >= 0 && m.rows[i].kind != driver.Integer:
				same("error", errors.Is(err, driver.ErrNotInteger), true)
			case i >= 0:
				must(err)
				was, _ := strconv.ParseInt(m.rows[i].value, 10, 64)
				same("sum", got.Value, was+3)
				row := m.rows[i]
				row.value = strconv.FormatInt(was+3, 10)
				row.token = standing(s, r.name)
				m.store(row)
			case initial == nil:
				same("error", errors.Is(err, driver.ErrMiss), true)
			default:
				must(err)
				same("sum", strconv.FormatInt(got.Value, 10), r.value)
				m.n++
				r.stamp, r.token = m.n, initial.Token
				m.store(r)
			}
			same("clock", got.Clock.N, m.n)
		},
		"invalidate": func(t *rapid.T) {
			keys := rapid.SliceOfN(names, 0, 2).Draw(t, "keys")
			tags := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"x", "yy", driver.TagAll}), 0, 2, rapid.ID[string]).Draw(t, "tags")
			var ks []driver.Key
			removed := 0
			for _, k := range keys {
				ks = append(ks, key(k))
				if m.live(k) >= 0 {
					removed++
				}
				m.remove(k)
			}
			got, err := s.Invalidate(ctx, driver.Invalidation{Keys: ks, Tags: tags})
			must(err)
			same("removed", got.Removed, removed)
			m.n++
			same("clock", got.Clock.N, m.n)
			for _, tag := range tags {
				m.tags[tag] = m.n
				if tag == driver.TagAll {
					m.rows = nil
				}
			}
		},
		"move": func(t *rapid.T) {
			from, to := names.Draw(t, "from"), names.Draw(t, "to")
			got, err := s.Move(ctx, key(from), key(to))
			must(err)
			i := m.live(from)
			same("moved", got.Done, i >= 0)
			if i >= 0 {
				row := m.rows[i]
				m.remove(from)
				row.name = to
				row.token = standing(s, to)
				m.store(row)
				m.n++
			}
			same("clock", got.Clock.N, m.n)
		},
		"new epoch": func(t *rapid.T) {
			if rapid.IntRange(0, 9).Draw(t, "often") > 0 {
				return
			}
			s.NewEpoch()
			m.n, m.rows = 0, nil
			clear(m.tags)
		},
		"wait": func(t *rapid.T) {
			time.Sleep(time.Duration(rapid.IntRange(1, 2000).Draw(t, "ms")) * time.Millisecond)
			synctest.Wait() // for the sweep
		},
	})
}
