package memcachedstore_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/servertest"
	"github.com/stratacache/strata/internal/turns"
)

const (
	many     = 100
	valueLen = 100
)

// BenchmarkStore measures each step beside what gomemcache does of it, and
// beside the bytes of the meta protocol written to a socket, on one server. hit/… and
// set/… with a number are by turns, with so many goroutines.
func BenchmarkStore(b *testing.B) {
	server := servertest.Memcached(b)
	s := over(b, "bench", server.Addr)
	mc := memcache.New(server.Addr)
	mc.MaxIdleConns = 16
	b.Cleanup(func() { _ = mc.Close() })
	// As in a server: a context that can end.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	payload := bytes.Repeat([]byte("x"), valueLen)
	entry := func(tags ...string) *driver.Entry { return &driver.Entry{Life: long(), Payload: payload, Tags: tags} }

	keys, names := make([]driver.Key, many), make([]string, many)
	for i := range many {
		keys[i], names[i] = key("m"+strconv.Itoa(i)), "raw"+strconv.Itoa(i)
		if err := mc.Set(&memcache.Item{Key: names[i], Value: payload}); err != nil {
			b.Fatal(err)
		}
	}
	if err := mc.Set(&memcache.Item{Key: "n", Value: []byte("0")}); err != nil {
		b.Fatal(err)
	}
	items := func() []driver.Item {
		items := make([]driver.Item, many)
		for i, k := range keys {
			items[i] = driver.Item{Key: k, Entry: entry()}
		}
		return items
	}
	s.PutMany(ctx, items())
	set(b, s, "k", entry())
	set(b, s, "tagged", entry("x", "y"))

	gomemcacheGet := func(int) error { _, err := mc.Get(names[0]); return err }
	gomemcacheSet := func(int) error { return mc.Set(&memcache.Item{Key: names[0], Value: payload, Expiration: 3600}) }
	for _, x := range []struct {
		name string
		do   func(i int) error
	}{
		{"get/gomemcache", gomemcacheGet},
		{"get/hit", func(int) error { return hit(s.Get(ctx, key("k"), time.Minute)) }},
		{"get/hit with 2 tags", func(int) error { return hit(s.Get(ctx, key("tagged"), time.Minute)) }},
		{"set/gomemcache", gomemcacheSet},
		{"set/set", func(int) error { _, err := s.Put(ctx, key("k"), entry(), driver.Set, 0); return err }},
		{"fill/gomemcache get and set", func(i int) error {
			if _, err := mc.Get("absent" + strconv.Itoa(i)); err != memcache.ErrCacheMiss {
				return err
			}
			return gomemcacheSet(i)
		}},
		{"fill/miss and fill", func(i int) error {
			k := key("f" + strconv.Itoa(i))
			r, err := s.Get(ctx, k, time.Minute)
			if err != nil {
				return err
			}
			e := entry()
			e.Stamp = r.Fence.Stamp
			return stored(s.Put(ctx, k, e, driver.Fill, r.Fence.Token))
		}},
		{"delete/gomemcache", func(int) error { return ignoreMiss(mc.Delete("absent")) }},
		{"delete/key", func(int) error {
			_, err := s.Invalidate(ctx, driver.Invalidation{Keys: []driver.Key{key("absent")}})
			return err
		}},
		{"delete/tag", func(int) error {
			_, err := s.Invalidate(ctx, driver.Invalidation{Tags: []string{"t"}})
			return err
		}},
		{"incr/gomemcache", func(int) error {
			_, err := mc.Increment("n", 1)
			return err
		}},
		{"incr/incr", func(int) error {
			first := entry()
			first.Kind, first.Payload = driver.Integer, []byte("0")
			_, err := s.Incr(ctx, key("n"), 1, first)
			return err
		}},
		{"get 100/pipelined floor", pipelinedFloor(b, server.Addr, names, nil)},
		{"get 100/gomemcache", func(int) error { _, err := mc.GetMulti(names); return err }},
		{"get 100/get", func(int) error {
			r, err := s.GetMany(ctx, keys, time.Minute)
			if err == nil && r[many-1].Entry == nil {
				err = fmt.Errorf("a miss")
			}
			return err
		}},
		{"set 100/pipelined floor", pipelinedFloor(b, server.Addr, names, payload)},
		{"set 100/gomemcache", func(int) error {
			for _, n := range names {
				if err := mc.Set(&memcache.Item{Key: n, Value: payload, Expiration: 3600}); err != nil {
					return err
				}
			}
			return nil
		}},
		{"set 100/put", func(int) error {
			for _, r := range s.PutMany(ctx, items()) {
				if r.Err != nil {
					return r.Err
				}
			}
			return nil
		}},
	} {
		b.Run(x.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := x.do(int(serial.Add(1))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	turns.AtOnce(b, "hit", turns.By("gomemcache", func(g int) error { _, err := mc.Get(names[g]); return err }),
		turns.By("strata", func(g int) error { return hit(s.Get(ctx, keys[g], time.Minute)) }))
	turns.AtOnce(b, "set", turns.By("gomemcache", func(g int) error {
		return mc.Set(&memcache.Item{Key: names[g], Value: payload, Expiration: 3600})
	}), turns.By("strata", func(g int) error { _, err := s.Put(ctx, keys[g], entry(), driver.Set, 0); return err }))
}

var serial atomic.Int64

func hit(r driver.Reading, err error) error {
	if err == nil && r.Entry == nil {
		err = fmt.Errorf("a miss")
	}
	return err
}

func stored(r driver.Result, err error) error {
	if err == nil && !r.Done {
		err = fmt.Errorf("refused")
	}
	return err
}

func ignoreMiss(err error) error {
	if err == memcache.ErrCacheMiss {
		return nil
	}
	return err
}

// pipelinedFloor is the least that a client can do to set many keys, or to get
// them if payload is nil: quiet commands in one write, and one whose answer says
// that all were done.
func pipelinedFloor(b *testing.B, addr string, names []string, payload []byte) func(int) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	var out []byte
	for _, n := range names {
		if payload == nil {
			out = fmt.Appendf(out, "mg %s v q\r\n", n)
		} else {
			out = fmt.Appendf(out, "ms %s %d T3600 q\r\n%s\r\n", n, len(payload), payload)
		}
	}
	out = append(out, "mn\r\n"...)
	r := bufio.NewReader(c)
	return func(int) error {
		if _, err := c.Write(out); err != nil {
			return err
		}
		for {
			line, err := r.ReadSlice('\n')
			if err != nil || string(line) == "MN\r\n" {
				return err
			}
		}
	}
}
