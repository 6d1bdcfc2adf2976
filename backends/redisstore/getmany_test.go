package redisstore_test

import (
	"testing"
	"time"

	"github.com/stratacache/strata/backends/redisstore"
	"github.com/stratacache/strata/cache/driver"
)

// An empty value of somebody else is nothing, and a load replaces it.
func TestEmptyValueInGetMany(t *testing.T) {
	onServers(t, func(t *testing.T, s *redisstore.Store) {
		if err := s.Primary().Set(t.Context(), name(s, "k"), "", 0).Err(); err != nil {
			t.Fatal(err)
		}
		if r := many(t, s, "k")[0]; r.Entry != nil || r.Fence.Token != 0 {
			t.Errorf("got %+v, want nothing", r)
		}
		r, err := s.GetMany(t.Context(), []driver.Key{key("k")}, time.Minute)
		if err != nil || !r[0].Planted || !fill(t, s, "k", value("v"), r[0].Fence) {
			t.Fatalf("with hold: got %+v, %v, want what can be filled", r, err)
		}
		want(t, s, "k", "v")
	})
}
