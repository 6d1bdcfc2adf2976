package sessionstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/httpcache/sessionstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"

// The method set of scs' CtxStore.
var _ interface {
	Delete(token string) error
	Find(token string) ([]byte, bool, error)
	Commit(token string, b []byte, expiry time.Time) error
	DeleteCtx(ctx context.Context, token string) error
	FindCtx(ctx context.Context, token string) ([]byte, bool, error)
	CommitCtx(ctx context.Context, token string, b []byte, expiry time.Time) error
} = (*sessionstore.Store)(nil)

func open(t *testing.T, store driver.Store) *sessionstore.Store {
	t.Helper()
	c, err := cache.New(store, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	s, err := sessionstore.New(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func want(t *testing.T, s *sessionstore.Store, token, value string) {
	t.Helper()
	b, found, err := s.FindCtx(t.Context(), token)
	if err != nil || found != (value != "") || string(b) != value {
		t.Errorf("got %q, %v, %v, want %q", b, found, err, value)
	}
}

// TestSession: what is saved is found until it ends.
func TestSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, locmem.New(nil))
		in := func(d time.Duration) time.Time { return time.Now().Add(d) }
		commit := func(value string, d time.Duration) {
			t.Helper()
			if err := s.CommitCtx(t.Context(), token, []byte(value), in(d)); err != nil {
				t.Fatal(err)
			}
		}
		want(t, s, token, "")
		commit("one", time.Hour)
		want(t, s, token, "one")
		commit("two", 2*time.Hour)
		time.Sleep(time.Hour + time.Minute)
		want(t, s, token, "two") // SESS-002: the last expiry counts
		time.Sleep(time.Hour)
		want(t, s, token, "")
		commit("three", 14*24*time.Hour) // longer than the cache's own TTL
		time.Sleep(13 * 24 * time.Hour)
		want(t, s, token, "three")
		commit("four", -time.Second) // SESS-004
		want(t, s, token, "")
	})
}

// TestPlainMethods: those without a context do the same.
func TestPlainMethods(t *testing.T) {
	t.Parallel()
	s := open(t, locmem.New(nil))
	if err := s.Commit(token, []byte("x"), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if b, found, err := s.Find(token); string(b) != "x" || !found || err != nil {
		t.Errorf("got %q, %v, %v", b, found, err)
	}
	if err := s.Delete(token); err != nil {
		t.Fatal(err)
	}
	want(t, s, token, "")
}

// TestTokens (SESS-007, SESS-008, SESS-009): what cannot be a token is no session,
// and no error.
func TestTokens(t *testing.T) {
	t.Parallel()
	s := open(t, locmem.New(nil))
	for _, bad := range []string{"", "short", strings.Repeat("x", 300)} {
		want(t, s, bad, "")
		if err := s.DeleteCtx(t.Context(), bad); err != nil {
			t.Errorf("%q: %v", bad, err)
		}
		if s.CommitCtx(t.Context(), bad, nil, time.Now().Add(time.Hour)) == nil {
			t.Errorf("%q was saved", bad)
		}
	}
}

// TestDeleted (SESS-011, SESS-012): a logout wins over a slow request that saves
// the session later.
func TestDeleted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, locmem.New(nil))
		soon := time.Now().Add(24 * time.Hour)
		if err := s.CommitCtx(t.Context(), token, []byte("x"), soon); err != nil {
			t.Fatal(err)
		}
		if err := s.DeleteCtx(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		if err := s.CommitCtx(t.Context(), token, []byte("y"), soon); !errors.Is(err, sessionstore.ErrDeleted) {
			t.Errorf("got %v, want ErrDeleted", err)
		}
		want(t, s, token, "")
	})
}

// TestDeletedBetween: the logout comes between the look and the write of a
// commit.
func TestDeletedBetween(t *testing.T) {
	t.Parallel()
	store := &intruder{Store: locmem.New(nil)}
	s := open(t, store)
	soon := time.Now().Add(time.Hour)
	if err := s.CommitCtx(t.Context(), token, []byte("x"), soon); err != nil {
		t.Fatal(err)
	}
	store.between = func() { _ = s.DeleteCtx(context.Background(), token) }
	if err := s.CommitCtx(t.Context(), token, []byte("y"), soon); !errors.Is(err, sessionstore.ErrDeleted) {
		t.Errorf("got %v, want ErrDeleted", err)
	}
	want(t, s, token, "")
}

// intruder does something before the next write.
type intruder struct {
	driver.Store
	between func()
}

func (i *intruder) Put(ctx context.Context, key driver.Key, e *driver.Entry, mode driver.Mode, token driver.Token) (driver.Result, error) {
	if between := i.between; between != nil {
		i.between = nil
		between()
	}
	return i.Store.Put(ctx, key, e, mode, token)
}

// TestConcurrentCommits: two tabs that save the same session do not log it out.
func TestConcurrentCommits(t *testing.T) {
	t.Parallel()
	s := open(t, locmem.New(nil))
	var wg sync.WaitGroup
	var refused atomic.Int64
	for i := range 4 {
		wg.Go(func() {
			for n := range 200 {
				if err := s.CommitCtx(t.Context(), token, fmt.Append(nil, i, n), time.Now().Add(time.Hour)); err != nil {
					refused.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if b, found, err := s.FindCtx(t.Context(), token); !found || err != nil {
		t.Errorf("got %q, %v, %v", b, found, err)
	}
	if refused.Load() > 0 {
		t.Errorf("%d of 800 commits were refused", refused.Load())
	}
}

// TestOutage (SESS-006): it is an error, and no logout.
func TestOutage(t *testing.T) {
	t.Parallel()
	c, err := cache.New(locmem.New(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := sessionstore.New(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close(t.Context())
	if _, found, err := s.FindCtx(t.Context(), token); err == nil || found {
		t.Errorf("Find: got %v, %v", found, err)
	}
	if s.CommitCtx(t.Context(), token, nil, time.Now().Add(time.Hour)) == nil || s.DeleteCtx(t.Context(), token) == nil {
		t.Error("a write that was lost is no error")
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	c, err := cache.New(locmem.New(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	for want, o := range map[string]*sessionstore.Options{"Timeout": {Timeout: -1}, "Grave": {Grave: -1}} {
		if _, err := sessionstore.New(c, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want one that names %s", err, want)
		}
	}
	if _, err := sessionstore.New(nil, nil); err == nil {
		t.Error("no error for a nil cache")
	}
}

func ExampleNew() {
	ctx := context.Background()
	client, err := cache.New(locmem.New(nil), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)
	sessions, err := sessionstore.New(client, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	// With scs: manager.Store = sessions.
	fmt.Println(sessions.CommitCtx(ctx, token, []byte("data"), time.Now().Add(time.Hour)))
	b, found, err := sessions.FindCtx(ctx, token)
	fmt.Printf("%s %v %v\n", b, found, err)
	// Output:
	// <nil>
	// data true <nil>
}

// TestInATransaction: a session is found, saved and deleted in a request that runs
// in a transaction, whatever that does to other values.
func TestInATransaction(t *testing.T) {
	t.Parallel()
	s := open(t, locmem.New(nil))
	ctx := cache.WithAccess(t.Context(), func() cache.Access { return cache.NoAccess })
	if err := s.CommitCtx(ctx, token, []byte("v"), time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if b, found, err := s.FindCtx(ctx, token); string(b) != "v" || !found || err != nil {
		t.Errorf("got %q, %v, %v", b, found, err)
	}
	if err := s.DeleteCtx(ctx, token); err != nil {
		t.Fatal(err)
	}
	want(t, s, token, "")
}
