package redisstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/backends/redisstore"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
	"github.com/stratacache/strata/internal/servertest"
	"github.com/stratacache/strata/internal/turns"
)

// BenchmarkMany measures a hundred entries at once beside the plain commands of
// go-redis for a hundred raw values, on the same server and client. A second floor
// is the same bytes: names and values as long as ours, and beside them the one
// command without which there is no clock. A store that is followed also writes
// what was set to its log.
func BenchmarkMany(b *testing.B) {
	for _, size := range []int{100, 8 << 10} {
		b.Run(fmt.Sprintf("%d B", size), func(b *testing.B) { benchMany(b, size) })
	}
}

func benchMany(b *testing.B, size int) {
	rdb := client(b, servertest.Redis(b).Addr)
	s, followed := over(b, rdb, "bench"), over(b, rdb, "followed")
	// As in a server: a context that can end.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	const many = 100
	payload := bytes.Repeat([]byte("x"), size)
	value := bytes.Repeat([]byte("x"), envelope.HeaderLen+size)
	keys, raw, names := make([]driver.Key, many), make([]string, many), make([]string, many)
	for i := range many {
		keys[i], raw[i] = key("m"+strconv.Itoa(i)), "raw"+strconv.Itoa(i)
		names[i] = "floor:" + keys[i].String()
	}
	setAll := func(names []string, value []byte, more ...redis.Cmder) error {
		_, err := rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, n := range names {
				p.Set(ctx, n, value, time.Hour)
			}
			return p.BatchProcess(ctx, more...)
		})
		return err
	}
	putTo := func(s *redisstore.Store) error {
		items, entries := make([]driver.Item, many), make([]driver.Entry, many) // which are the store's then
		life := long()
		for i, k := range keys {
			entries[i].Life, entries[i].Payload = life, payload
			items[i] = driver.Item{Key: k, Entry: &entries[i]}
		}
		for _, r := range s.PutMany(ctx, items) {
			if r.Err != nil {
				return r.Err
			}
		}
		return nil
	}
	put := func(int) error { return putTo(s) }
	if err := errors.Join(setAll(raw, payload), setAll(names, value), put(0)); err != nil {
		b.Fatal(err)
	}
	if _, err := followed.ReadLog(ctx, driver.Stamp{}, 0); err != nil { // from now on it has a log
		b.Fatal(err)
	}
	turns.AtOnce(b, "set 100",
		turns.By("raw", func(int) error { return setAll(raw, payload) }),
		turns.By("bytes", func(int) error { return setAll(names, value, redis.NewIntCmd(ctx, "hincrby", "floor", "n", many)) }),
		turns.By("strata", put),
		turns.By("followed", func(int) error { return putTo(followed) }))
	turns.AtOnce(b, "get 100",
		turns.By("raw", func(int) error { return rdb.MGet(ctx, raw...).Err() }),
		turns.By("bytes", func(int) error {
			_, err := rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
				p.HMGet(ctx, "floor", "n")
				p.MGet(ctx, names...)
				return nil
			})
			return err
		}),
		turns.By("strata", func(int) error {
			r, err := s.GetMany(ctx, keys, 0)
			if err == nil && r[many-1].Entry == nil {
				err = errors.New("a miss")
			}
			return err
		}))
}
