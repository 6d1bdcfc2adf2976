package sqlstore_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/stratacache/strata/backends/sqlstore"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/servertest"
)

// A step of a client, and what it was told. A step whose reply was lost may have
// happened at any time, or never.
type (
	step struct {
		key    int
		op     string
		number int64
	}
	answer struct {
		lost bool
		ok   bool // added, removed, found
		n    int64
	}
	register struct {
		stands bool
		n      int64
	}
)

// after is what one key holds after a step, and what its client must be told.
func (s step) after(r register) (register, answer) {
	switch {
	case s.op == "incr" && r.stands:
		r.n++
		return r, answer{ok: true, n: r.n}
	case s.op == "incr", s.op == "add" && !r.stands:
		return register{true, s.number}, answer{ok: true, n: s.number}
	case s.op == "delete":
		return register{}, answer{ok: r.stands}
	case s.op == "get" && r.stands:
		return r, answer{ok: true, n: r.n}
	}
	return r, answer{}
}

// Counting, adding and deleting are linearizable while replies are lost: nothing
// is done twice, and nothing half.
func TestLinearizable(t *testing.T) {
	onAll(t, func(t *testing.T, d database) {
		var proxy *servertest.ProxyServer
		source := d.source(t)
		switch d.dialect {
		case sqlstore.PostgreSQL:
			proxy = servertest.Proxy(t, hostOf(source))
			source = servertest.PostgresURL(proxy.Addr)
		case sqlstore.MySQL:
			proxy = servertest.Proxy(t, hostOf(source))
			source = servertest.MariaDBName(proxy.Addr)
		}
		opts := &sqlstore.Options{Namespace: fmt.Sprintf("linear-%d", namespaces.Add(1))}
		const clients, steps, keys = 4, 150, 6
		stores := []*sqlstore.Store{
			over(t, d.handle(t, source), d.dialect, opts), over(t, d.handle(t, source), d.dialect, opts),
		}
		var mu sync.Mutex
		var history []porcupine.Operation
		began := time.Now()
		var wg sync.WaitGroup
		for c := range clients {
			wg.Go(func() {
				random := rand.New(rand.NewPCG(7, uint64(c)))
				for i := range steps {
					if proxy != nil && c == 0 && i%20 == 10 {
						proxy.LoseReplies(1)
					}
					in := step{
						key: random.IntN(keys), op: []string{"incr", "incr", "incr", "add", "delete", "get"}[random.IntN(6)],
						number: random.Int64N(1000),
					}
					op := porcupine.Operation{ClientId: c, Input: in, Call: int64(time.Since(began))}
					out := do(t.Context(), stores[c%2], in)
					op.Output, op.Return = out, int64(time.Since(began))
					if out.lost {
						op.Return = math.MaxInt64
					}
					mu.Lock()
					history = append(history, op)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if proxy != nil && proxy.Lost() == 0 {
			t.Error("no reply was lost")
		}
		model := porcupine.NondeterministicModel{
			Partition: func(all []porcupine.Operation) [][]porcupine.Operation {
				out := make([][]porcupine.Operation, keys)
				for _, op := range all {
					k := op.Input.(step).key
					out[k] = append(out[k], op)
				}
				return out
			},
			Init: func() []any { return []any{register{}} },
			Step: func(state, input, output any) []any {
				next, told := input.(step).after(state.(register))
				out := output.(answer)
				switch {
				case out.lost && next != state:
					return []any{state, next}
				case out.lost:
					return []any{state}
				case told != out:
					return nil
				}
				return []any{next}
			},
		}
		if got := porcupine.CheckOperationsTimeout(model.ToModel(), history, 20*time.Second); got == porcupine.Illegal {
			t.Errorf("%d steps are not linearizable", len(history))
		}
	})
}

// do does one step.
func do(ctx context.Context, s *sqlstore.Store, in step) answer {
	k := key(fmt.Sprint("register-", in.key))
	entry := integer(strconv.FormatInt(in.number, 10))
	switch in.op {
	case "incr":
		sum, err := s.Incr(ctx, k, 1, entry)
		return answer{lost: err != nil, ok: true, n: sum.Value}
	case "add":
		r, err := s.Put(ctx, k, entry, driver.Add, 0)
		if err != nil || !r.Done {
			return answer{lost: err != nil}
		}
		return answer{ok: true, n: in.number}
	case "delete":
		r, err := s.Invalidate(ctx, driver.Invalidation{Keys: []driver.Key{k}})
		return answer{lost: err != nil, ok: r.Removed == 1}
	default:
		r, err := s.Get(ctx, k, 0)
		if err != nil || r.Entry == nil {
			return answer{lost: err != nil}
		}
		n, _ := strconv.ParseInt(string(r.Entry.Payload), 10, 64)
		return answer{ok: true, n: n}
	}
}
