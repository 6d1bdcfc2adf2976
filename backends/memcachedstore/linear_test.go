package memcachedstore_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/stratacache/strata/backends/memcachedstore"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/servertest"
)

// asked is one call on a counter, and told its answer: a value, and whether there
// was one, or whether it was done.
type (
	asked struct {
		what  string
		value int64
	}
	told struct {
		value int64
		ok    bool
	}
)

// counter is what one key is: a number, or nothing.
var counter = porcupine.Model{
	Init: func() any { return told{} },
	Step: func(state, input, output any) (bool, any) {
		s, in, out := state.(told), input.(asked), output.(told)
		switch in.what {
		case "get":
			return out == s, s
		case "set":
			return true, told{in.value, true}
		case "add":
			if s.ok {
				return !out.ok, s
			}
			return out.ok, told{in.value, true}
		case "incr":
			if !s.ok {
				return !out.ok, s
			}
			s.value += in.value
			return out == s, s
		default: // delete
			return true, told{} // what it counts is as it was a moment before
		}
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v → %+v", input, output) },
}

// R3: Get, Set, Add, Incr and Invalidate of one key are linearizable.
func TestLinearizable(t *testing.T) {
	t.Parallel()
	two := servertest.SharedMemcached(t)
	for name, servers := range map[string][]string{"one server": two[:1], "two servers": two[:]} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for round := range 8 {
				linearizable(t, uint64(round), servers)
			}
		})
	}
}

func linearizable(t *testing.T, seed uint64, servers []string) {
	const clients, each = 6, 60
	first := open(t, servers...)
	stores := []*memcachedstore.Store{first, over(t, first.Namespace(), servers...)}
	if seed%2 == 1 {
		for _, s := range stores {
			s.Narrow()
		}
	}
	var mu sync.Mutex
	var history []porcupine.Operation
	began := time.Now()
	var wg sync.WaitGroup
	for client := range clients {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(client)))
			for range each {
				in := asked{[]string{"get", "get", "set", "add", "incr", "incr", "delete"}[rng.IntN(7)], rng.Int64N(1000)}
				call := time.Since(began)
				out, err := in.of(t, stores[client%2])
				if err != nil {
					t.Errorf("%s: %v", in.what, err)
					return
				}
				mu.Lock()
				history = append(history, porcupine.Operation{
					ClientId: client, Input: in, Call: int64(call), Output: out, Return: int64(time.Since(began)),
				})
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if got := porcupine.CheckOperationsTimeout(counter, history, 20*time.Second); got == porcupine.Illegal {
		t.Errorf("%d calls of %d clients, seed %d: no order of them explains the answers", len(history), clients, seed)
	}
}

func (in asked) of(t *testing.T, s *memcachedstore.Store) (told, error) {
	ctx, k := t.Context(), key("k")
	e := value(strconv.FormatInt(in.value, 10))
	e.Kind = driver.Integer
	switch in.what {
	case "get":
		r, err := s.Get(ctx, k, 0)
		if err != nil || r.Entry == nil {
			return told{}, err
		}
		n, err := strconv.ParseInt(string(r.Entry.Payload), 10, 64)
		return told{n, true}, err
	case "set":
		_, err := s.Put(ctx, k, e, driver.Set, 0)
		return told{}, err
	case "add":
		r, err := s.Put(ctx, k, e, driver.Add, 0)
		return told{ok: r.Done}, err
	case "incr":
		r, err := s.Incr(ctx, k, in.value, nil)
		if errors.Is(err, driver.ErrMiss) {
			return told{}, nil
		}
		return told{r.Value, true}, err
	}
	_, err := s.Invalidate(ctx, driver.Invalidation{Keys: []driver.Key{k}})
	return told{}, err
}
