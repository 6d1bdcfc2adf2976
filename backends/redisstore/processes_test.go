package redisstore_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/backends/redisstore"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/internal/servertest"
)

// A thousand callers of one cold key, in four processes that share a server,
// make one load.
func TestFourProcessesMakeOneLoad(t *testing.T) {
	if addr := os.Getenv("STRATA_LOADER"); addr != "" {
		loader(t, addr)
		return
	}
	t.Parallel()
	addr := servertest.SharedRedis(t)
	const processes = 4
	namespace := fmt.Sprintf("processes-%d", namespaces.Add(1))
	var ready, done sync.WaitGroup
	start := make([]io.WriteCloser, processes)
	said := make([]string, processes)
	for i := range processes {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFourProcessesMakeOneLoad$")
		cmd.Env = append(os.Environ(), "STRATA_LOADER="+addr, "STRATA_NAMESPACE="+namespace)
		cmd.Stderr = os.Stderr
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		start[i] = in
		ready.Add(1)
		done.Go(func() {
			lines := bufio.NewScanner(out)
			lines.Scan() // "ready"
			ready.Done()
			for lines.Scan() {
				if loads, ok := strings.CutPrefix(lines.Text(), "loads: "); ok {
					said[i] = loads
				}
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("process %d: %v", i, err)
			}
		})
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
	}
	ready.Wait()
	for _, in := range start {
		_ = in.Close() // go
	}
	done.Wait()
	sum := 0
	for i, s := range said {
		var n int
		if _, err := fmt.Sscan(s, &n); err != nil {
			t.Fatalf("process %d said %q", i, s)
		}
		sum += n
	}
	if sum != 1 {
		t.Errorf("loads of the processes: got %q, want one in all", said)
	}
}

// loader is one of the processes.
func loader(t *testing.T, addr string) {
	s, err := redisstore.New(client(t, addr), &redisstore.Options{Namespace: os.Getenv("STRATA_NAMESPACE")})
	if err != nil {
		t.Fatal(err)
	}
	c, err := cache.New(s, &cache.Options{Near: []cache.Tier{{Store: locmem.New(nil)}}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.WithoutCancel(t.Context()))
	if err := c.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	fmt.Println("ready")
	_, _ = io.ReadAll(os.Stdin)
	var loads atomic.Int64
	var wg sync.WaitGroup
	for range 250 {
		wg.Go(func() {
			v, err := c.GetOrSet(t.Context(), "cold", func(context.Context) ([]byte, error) {
				loads.Add(1)
				time.Sleep(50 * time.Millisecond)
				return []byte("v"), nil
			})
			if string(v) != "v" || err != nil {
				t.Errorf("got %q, %v", v, err)
			}
		})
	}
	wg.Wait()
	fmt.Println("loads:", loads.Load())
}
