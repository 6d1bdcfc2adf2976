package sqlstore_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stratacache/strata/backends/sqlstore"
)

func TestTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turn := sqlstore.NewTurn()
		held, most, times := 0, 0, 0
		var mu sync.Mutex
		count := func(by int) {
			mu.Lock()
			defer mu.Unlock()
			held += by
			most = max(most, held)
			times++
		}
		if err := turn.Take(t.Context()); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				for range 20 {
					if err := turn.Take(t.Context()); err != nil {
						t.Error(err)
						return
					}
					count(1)
					count(-1)
					turn.Give()
				}
			})
		}
		synctest.Wait() // all wait, and one of them no longer
		ctx, cancel := context.WithCancel(t.Context())
		var ended error
		all.Go(func() { ended = turn.Take(ctx) })
		synctest.Wait()
		cancel()
		synctest.Wait()
		turn.Give()
		all.Wait()
		if !errors.Is(ended, context.Canceled) {
			t.Errorf("Take with a context that ended: got %v", ended)
		}
		if most != 1 || times != 800 {
			t.Errorf("%d had it at once, in %d changes", most, times)
		}
		if err := turn.Take(t.Context()); err != nil { // nobody has it now
			t.Error(err)
		}
	})
}
