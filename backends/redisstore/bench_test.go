package redisstore_test

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/redisstore"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/servertest"
)

// BenchmarkStore measures each step beside the plain commands of go-redis that
// it stands for, on the same server and client.
func BenchmarkStore(b *testing.B) {
	server := servertest.Redis(b)
	rdb := client(b, server.Addr)
	s := over(b, rdb, "bench")
	// As in a server: a context that can end.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, size := range []int{100, 8 << 10} {
		payload := bytes.Repeat([]byte("x"), size)
		entry := func() *driver.Entry { return &driver.Entry{Life: long(), Payload: payload} }
		run := func(name string, f func(b *testing.B, i int) error) {
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) {
				b.ReportAllocs()
				raw(b, s, "config", "resetstat")
				i := 0
				for b.Loop() {
					i++
					if err := f(b, i); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(serverMicros(b, s)/float64(i), "server-µs/op")
			})
		}
		err := rdb.Set(ctx, "raw", payload, time.Hour).Err()
		if err != nil {
			b.Fatal(err)
		}
		set(b, s, "k", entry())
		tagged := entry()
		tagged.Tags = []string{"x", "y"}
		set(b, s, "tagged", tagged)

		run("get/raw", func(*testing.B, int) error { return rdb.Get(ctx, "raw").Err() })
		run("get/hit", func(*testing.B, int) error { _, err := s.Get(ctx, key("k"), time.Minute); return err })
		run("get/hit with 2 tags", func(*testing.B, int) error { _, err := s.Get(ctx, key("tagged"), time.Minute); return err })
		run("get/miss and plant", func(_ *testing.B, i int) error {
			_, err := s.Get(ctx, key("p"+strconv.Itoa(i)), time.Second)
			return err
		})
		run("set/raw", func(*testing.B, int) error { return rdb.Set(ctx, "raw", payload, time.Hour).Err() })
		run("set/set", func(*testing.B, int) error { _, err := s.Put(ctx, key("k"), entry(), driver.Set, 0); return err })
		fence := get(b, s, "k", 0).Fence
		run("set/fill", func(b *testing.B, _ int) error {
			e := entry()
			e.Stamp = fence.Stamp
			r, err := s.Put(ctx, key("k"), e, driver.Fill, fence.Token)
			fence.Token = e.Token // the store gave it one
			if !r.Done {
				b.Fatal("refused")
			}
			return err
		})
		run("set/delete", func(*testing.B, int) error {
			_, err := s.Invalidate(ctx, driver.Invalidation{Keys: []driver.Key{key("k")}})
			return err
		})
		run("set/tag", func(*testing.B, int) error {
			_, err := s.Invalidate(ctx, driver.Invalidation{Tags: []string{"t"}})
			return err
		})
	}
}

// serverMicros is how long the server itself has worked since its statistics
// were reset: a figure with less noise than the time that a client sees.
func serverMicros(b *testing.B, s *redisstore.Store) float64 {
	b.Helper()
	var scripts, all float64
	for line := range strings.Lines(raw(b, s, "info", "commandstats").(string)) {
		name, stats, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok || strings.HasPrefix(name, "cmdstat_config") {
			continue
		}
		_, usec, _ := strings.Cut(stats, "usec=")
		usec, _, _ = strings.Cut(usec, ",")
		n, err := strconv.ParseFloat(usec, 64)
		if err != nil {
			b.Fatal(err)
		}
		if all += n; name == "cmdstat_evalsha" {
			scripts += n
		}
	}
	if scripts > 0 {
		return scripts // what a script calls is counted twice
	}
	return all
}
