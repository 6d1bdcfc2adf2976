package breaker_test

import (
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/backends/breaker"
	"github.com/stratacache/strata/backends/redisstore"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/servertest"
)

// A server that is frozen costs a few calls their Timeout and the others
// nothing, and is asked again once it is back. The client's own timeouts are so
// long that the test would not end with them.
func TestFrozenRedis(t *testing.T) {
	t.Parallel()
	server := servertest.Redis(t)
	long := time.Hour
	rdb := redis.NewClient(&redis.Options{
		Addr: server.Addr, DialTimeout: long, ReadTimeout: long, WriteTimeout: long, PoolTimeout: long, ContextTimeoutEnabled: true,
	})
	t.Cleanup(func() { _ = rdb.Close() })
	redisStore, err := redisstore.New(rdb, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := over(t, redisStore, &breaker.Options{Failures: 3, OpenFor: 50 * time.Millisecond, Timeout: 500 * time.Millisecond})
	ctx := t.Context()
	if _, err := s.Put(ctx, key("k"), value("v"), driver.Set, 0); err != nil {
		t.Fatal(err)
	}

	server.Freeze()
	waited, refused := 0, 0
	for range 1000 {
		switch err := get(ctx, s); {
		case errors.Is(err, breaker.ErrOpen):
			refused++
		case errors.Is(err, breaker.ErrTimeout):
			waited++
		default:
			t.Fatalf("Get of a frozen server: got error %v", err)
		}
	}
	// Here and there a probe waits as well, the more the slower this machine is.
	if waited < 3 || refused < 900 {
		t.Errorf("of 1000 calls %d waited and %d were refused, want 3 and nearly all others", waited, refused)
	}
	if _, err := s.Invalidate(ctx, driver.Invalidation{Keys: []driver.Key{key("k")}}); !errors.Is(err, breaker.ErrTimeout) {
		t.Errorf("Invalidate: got error %v, want %v: it is not refused", err, breaker.ErrTimeout)
	}

	server.Thaw()
	for {
		err := get(ctx, s)
		if err == nil {
			break
		}
		if !errors.Is(err, breaker.ErrOpen) && !errors.Is(err, breaker.ErrTimeout) {
			t.Fatalf("Get of a server that is back: got error %v", err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	wantState(t, s, breaker.Closed)
	if _, err := s.Put(ctx, key("k"), value("new"), driver.Set, 0); err != nil {
		t.Errorf("Put: got error %v", err)
	}
}
