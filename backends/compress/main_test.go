package compress_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/stratacache/strata/backends/compress"
	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/servertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(servertest.Main(m)) }

// over wraps a new store in memory, and returns both. They are closed with the
// test.
func over(t testing.TB, o *compress.Options) (*compress.Store, *locmem.Store) {
	t.Helper()
	inner := locmem.New(nil)
	s := wrap(t, inner, o)
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s, inner
}

func wrap(t testing.TB, inner driver.Store, o *compress.Options) *compress.Store {
	t.Helper()
	s, err := compress.New(inner, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func key(name string) driver.Key { return driver.Key{Scope: "t:", Name: name} }

func life() driver.Life {
	end := time.Now().Add(time.Hour).UnixNano()
	return driver.Life{Fresh: end, Expires: end}
}

func entry(payload []byte) *driver.Entry { return &driver.Entry{Life: life(), Payload: payload} }

// html is about size bytes of a page.
func html(size int) []byte {
	var b strings.Builder
	b.WriteString("<!doctype html><html><head><title>Orders</title></head><body><table class=\"orders\">\n")
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "<tr id=\"order-%d\" class=\"row %s\"><td>%d</td><td><a href=\"/orders/%d?ref=list\">Order %d of customer %x</a></td><td>%d.%02d €</td></tr>\n",
			i, []string{"odd", "even"}[i%2], i, i*7919%10007, i, i*2654435761%99991, i*37%1000, i*53%100)
	}
	return []byte(b.String()[:size])
}

func set(t testing.TB, s driver.Store, k driver.Key, e *driver.Entry) {
	t.Helper()
	if r, err := s.Put(t.Context(), k, e, driver.Set, 0); err != nil || !r.Done {
		t.Fatalf("Put %s: got %+v, %v", k, r, err)
	}
}

func get(t testing.TB, s driver.Store, k driver.Key, hold time.Duration) driver.Reading {
	t.Helper()
	r, err := s.Get(t.Context(), k, hold)
	if err != nil {
		t.Fatalf("Get %s: %v", k, err)
	}
	return r
}
