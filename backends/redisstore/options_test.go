package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/stratacache/strata/backends/redisstore"
	"github.com/stratacache/strata/internal/servertest"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	cluster := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}, ReadOnly: true})
	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": "127.0.0.1:1"}})
	t.Cleanup(func() {
		_ = cluster.Close()
		_ = ring.Close()
	})
	for _, rdb := range []redis.UniversalClient{cluster, ring, nil} {
		if s, err := redisstore.New(rdb, nil); !errors.Is(err, errors.ErrUnsupported) || s != nil {
			t.Errorf("New(%T): got %v, want ErrUnsupported", rdb, err)
		}
	}
	if _, err := redisstore.New((*redis.Client)(nil), nil); err == nil {
		t.Error("New(nil client): got no error")
	}
	for _, ns := range []string{"a:b", "a b", "a!", "\x00", "ü", strings.Repeat("x", 65)} {
		if _, err := redisstore.New(client(t, "127.0.0.1:1"), &redisstore.Options{Namespace: ns}); err == nil {
			t.Errorf("namespace %q: got no error", ns)
		}
	}
	if _, err := redisstore.New(client(t, "127.0.0.1:1"), &redisstore.Options{PinAfterWrite: time.Second}); err == nil {
		t.Error("PinAfterWrite without Replicas: got no error")
	}
	s, err := redisstore.New(client(t, "127.0.0.1:1"), nil)
	if err != nil || s.Prefix() != "strata:" || s.MetaKey() != "strata!meta" {
		t.Errorf("no options: got %v, %v", s, err)
	}
}

// Namespaces of one database do not see each other.
func TestNamespacesAreApart(t *testing.T) {
	t.Parallel()
	rdb := client(t, mini(t).addr)
	a, b := over(t, rdb, "a"), over(t, rdb, "b")
	set(t, a, "k", value("A", "t"))
	set(t, b, "k", value("B", "t"))
	invalidate(t, a, nil, []string{"t", "\x00"})
	want(t, a, "k", "")
	want(t, b, "k", "B")
}

// Whatever is wrong with a URL, no part of its password is in the error.
func TestOpenErrorsHideThePassword(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		"redis://:hunter@host:port/0", "redis://:hun%ter@host", "redis://:hun/ter@host", "redis://:hun#ter@host",
		"redis://:hun?ter@host", "redis://:12?hunter@host", "redis://:12/hunter@host", "redis://user:12#hunter@host", "redis://:hunter@",
		"redis://:hunter@host/0/1", "redis://:hunter@host/x", "redis://:hunter@host/-1", "redis://:hunter@host?namespace=a:b",
		"redis://:hunter@host?pool_size=3", "redis://:hunter@host/1?db=2", "rediss://:hunter@",
		"redis+cluster://:hunter@host/1", "redis+sentinel://:hunter@host", "redis+sentinel://:hunter@host/name/x", "redis://:hunter@a,", "unix://:hunter@host/run/x.sock",
		"unix://:hunter@", "rediss://:hunter@host?ca=/no/such", "redis://:hunter@host?pin_after_write=2", "redis+tls://:hunter@host", "redis://:hunter@host?%zz",
		"http://:hunter@host", "redis:hunter", ":hunter", "",
	} {
		s, err := redisstore.Open(raw)
		if err == nil {
			t.Errorf("Open(%q): got no error", raw)
			closeStore(t, s)
			continue
		}
		if text := err.Error(); strings.Contains(text, "hun") || strings.Contains(text, "ter@") {
			t.Errorf("Open(%q): the error shows the password: %v", raw, err)
		}
	}
	_, err := redisstore.Open("redis://host?pool_size=3")
	if err == nil || !strings.Contains(err.Error(), `"pool_size"`) {
		t.Errorf("an unknown parameter: got %v, want its name", err)
	}
}

func TestWrongPassword(t *testing.T) {
	t.Parallel()
	server := servertest.Redis(t, "--requirepass", "right")
	s, err := redisstore.Open("redis://:hunter@" + server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, s)
	_, err = s.Get(t.Context(), key("k"), time.Minute)
	if err == nil || strings.Contains(fmt.Sprintf("%v %+v", err, err), "hunter") {
		t.Errorf("got %v, want an error without the password", err)
	}
}

// An old server answers HELLO with the password that it was sent.
func TestUnknownCommandIsCut(t *testing.T) {
	t.Parallel()
	s := open(t, servertest.SharedRedis(t))
	s.Client().AddHook(failing{errors.New("ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'default' 'hunter'")})
	_, err := s.Get(t.Context(), key("k"), 0)
	if err == nil || strings.Contains(err.Error(), "hunter") || !strings.Contains(err.Error(), "HELLO") {
		t.Errorf("got %v, want it without the arguments", err)
	}
}

// failing is a hook that answers every command with an error.
type failing struct{ err error }

func (f failing) DialHook(next redis.DialHook) redis.DialHook { return next }

func (f failing) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(context.Context, redis.Cmder) error { return f.err }
}

func (f failing) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(context.Context, []redis.Cmder) error { return f.err }
}
