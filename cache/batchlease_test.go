package cache_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratacache/strata/cache"
)

// called are the calls of a batch loader: how long after the test began, and with
// which keys.
type called struct {
	mu    sync.Mutex
	began time.Time
	takes time.Duration
	err   error
	calls []string
}

func (l *called) load(_ context.Context, missing []string) (map[string]string, error) {
	l.mu.Lock()
	slices.Sort(missing)
	l.calls = append(l.calls, fmt.Sprintf("%v %s", time.Since(l.began).Round(time.Second), strings.Join(missing, "")))
	l.mu.Unlock()
	time.Sleep(l.takes)
	out := make(map[string]string)
	for _, k := range missing {
		out[k] = "of " + k
	}
	return out, l.err
}

// get is a GetOrSetMany that must get all keys, each of which is a letter.
func (l *called) get(t *testing.T, c *cache.Client, keys string, opts ...cache.Option) {
	t.Helper()
	got, err := cache.For[string](c).GetOrSetMany(t.Context(), strings.Split(keys, ""), l.load, opts...)
	if err != nil {
		t.Error(err)
	}
	for _, k := range strings.Split(keys, "") {
		if got[k] != "of "+k {
			t.Errorf("%s: got %q", k, got[k])
		}
	}
}

func (l *called) want(t *testing.T, calls ...string) {
	t.Helper()
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	slices.Sort(l.calls)
	if !slices.Equal(l.calls, calls) {
		t.Errorf("calls of the loader: got %q, want %q", l.calls, calls)
	}
	l.calls = nil
}

// wantOnce wants these keys to have been loaded, each once.
func (l *called) wantOnce(t *testing.T, keys string) {
	t.Helper()
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	var loaded []string
	for _, call := range l.calls {
		_, some, _ := strings.Cut(call, " ")
		loaded = append(loaded, strings.Split(some, "")...)
	}
	if slices.Sort(loaded); strings.Join(loaded, "") != keys {
		t.Errorf("calls of the loader: got %q, want each key of %s once", l.calls, keys)
	}
}

// What another process loads is waited for; the rest is loaded at once, in one
// call; and what does not come is loaded then, in another.
func TestABatchWaitsForAnotherProcess(t *testing.T) {
	for name, tt := range map[string]struct {
		takes time.Duration // of the other process's loads of a and b
		err   error
		want  []string
		took  time.Duration
	}{
		"it comes": {time.Second, nil, []string{"0s cd"}, time.Second},
		"it fails": {time.Second, errSource, []string{"0s cd", "1s ab"}, time.Second},
		"it dies":  {10 * time.Second, nil, []string{"0s cd", "3s ab"}, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inProcesses(t, 2, nil, func(t *testing.T, c []*cache.Client) {
				other := called{takes: tt.takes, err: tt.err}
				var wg sync.WaitGroup
				wg.Go(func() {
					_, _ = cache.For[string](c[0]).GetOrSetMany(t.Context(), []string{"a", "b"}, other.load)
				})
				synctest.Wait()
				l := called{began: time.Now()}
				l.get(t, c[1], "abcd")
				if took := time.Since(l.began); took < tt.took || took > tt.took+200*time.Millisecond {
					t.Errorf("took %v, want %v", took, tt.took)
				}
				l.want(t, tt.want...)
				wg.Wait()
			})
		})
	}
}

// Batches of four processes that overlap load each key once.
func TestBatchesOfProcesses(t *testing.T) {
	inProcesses(t, 4, nil, func(t *testing.T, c []*cache.Client) {
		l := called{began: time.Now(), takes: time.Second}
		var wg sync.WaitGroup
		for i, keys := range []string{"abcdef", "defghi", "ghijkl", "aeijkm"} {
			for range 5 {
				wg.Go(func() { l.get(t, c[i], keys) })
			}
		}
		wg.Wait()
		l.wantOnce(t, "abcdefghijklm")
	})
}

func TestBatchSizeOfWhatIsWaitedFor(t *testing.T) {
	inProcesses(t, 2, nil, func(t *testing.T, c []*cache.Client) {
		for _, k := range []string{"a", "b", "c", "d"} {
			if _, err := c[0].Fence(t.Context(), k); err != nil { // and is heard of no more
				t.Fatal(err)
			}
		}
		l := called{began: time.Now()}
		l.get(t, c[1], "abcdef", cache.BatchSize(2))
		l.want(t, "0s ef", "3s ab", "3s cd")
	})
}

// Whoever does not wait any longer leaves nothing behind.
func TestABatchThatLeavesWhileItWaits(t *testing.T) {
	inProcesses(t, 2, nil, func(t *testing.T, c []*cache.Client) {
		if _, err := c[0].Fence(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		l := called{began: time.Now()}
		if _, err := cache.For[string](c[1]).GetOrSetMany(ctx, []string{"a", "b"}, l.load); err == nil {
			t.Error("no error")
		}
		if took := time.Since(l.began); took != time.Second {
			t.Errorf("left after %v", took)
		}
	})
}

// The stale entries of a batch are refreshed by one process, while the others
// return them.
func TestProcessesRefreshABatchOnce(t *testing.T) {
	inProcesses(t, 4, minuteAndHour(), func(t *testing.T, c []*cache.Client) {
		l := called{began: time.Now()}
		l.get(t, c[0], "abc")
		l.want(t, "0s abc")
		time.Sleep(2 * time.Minute)
		l.began, l.takes = time.Now(), time.Second
		for range 300 {
			for i, keys := range []string{"abc", "bcd", "abcd", "ad"} {
				if got, err := cache.For[string](c[i]).GetOrSetMany(t.Context(), strings.Split(keys, ""), l.load, cache.SoftTimeout(0)); err != nil || len(got) != len(keys) {
					t.Fatalf("got %v, %v", got, err)
				}
			}
			time.Sleep(10 * time.Millisecond)
		}
		l.wantOnce(t, "abcd")
	})
}

// A batch that waits a while for fresh values gets those of another process.
func TestASoftTimeoutOfABatch(t *testing.T) {
	inProcesses(t, 2, minuteAndHour(), func(t *testing.T, c []*cache.Client) {
		l := called{began: time.Now()}
		l.get(t, c[0], "ab")
		time.Sleep(2 * time.Minute)
		l.began, l.takes, l.calls = time.Now(), time.Second, nil
		var wg sync.WaitGroup
		wg.Go(func() { l.get(t, c[0], "ab", cache.SoftTimeout(2*time.Second)) })
		synctest.Wait()
		l.get(t, c[1], "abc", cache.SoftTimeout(2*time.Second))
		wg.Wait()
		l.want(t, "0s ab", "0s c")
		for _, c := range c {
			l.get(t, c, "ab")
		}
		l.want(t)
	})
}
