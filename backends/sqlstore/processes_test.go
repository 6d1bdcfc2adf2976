package sqlstore_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/backends/sqlstore"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/internal/servertest"
)

const (
	nodes    = 4
	nodeRows = 4
	// nodeBound is the nodes' Options.Staleness.
	nodeBound = 300 * time.Millisecond
)

// Four processes with memory in front of one PostgreSQL follow its log. What one
// of them acknowledges as invalidated, or written, it never reads again itself, and
// the others do not after the bound; also while the server's processes are killed,
// all together or one.
func TestFourProcessesFollowTheLog(t *testing.T) {
	if dir := os.Getenv("STRATA_NODE"); dir != "" {
		runNode(t, dir)
		return
	}
	t.Parallel()
	server := servertest.Postgres(t)
	url := servertest.PostgresURL(server.Addr)
	store := over(t, postgres.handle(t, url), sqlstore.PostgreSQL, nil) // makes the tables
	truth := &truth{dir: t.TempDir()}
	var all [nodes]*node
	for i := range all {
		all[i] = startNode(t, truth.dir, url)
	}
	write := func(rounds int) {
		for n := range rounds {
			truth.commit(t, n%nodeRows)
			all[n/nodeRows%nodes].do(t, [...]string{"drop", "set", "drop", "delete"}[n%nodeRows], n%nodeRows)
			truth.acknowledge(t, n%nodeRows)
			time.Sleep(10 * time.Millisecond) // so that there is something to read from memory
		}
	}
	write(48)
	// One of the server's processes, at which it ends all the others.
	var pid int
	if err := store.DB().QueryRow("SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%' LIMIT 1").Scan(&pid); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	write(48)
	server.Restart()
	write(48)
	for i, n := range all {
		reads, near := n.end(t)
		t.Logf("process %d: %d reads, %d from memory", i, reads, near)
		if near == 0 {
			t.Errorf("process %d: nothing was read from memory: the log was not followed", i)
		}
	}
}

// truth is the database that the processes cache: files with a version in each.
// A file of floors says which versions were acknowledged, and when.
type truth struct {
	dir      string
	versions [nodeRows]int
}

func rowFile(dir string, row int) string { return filepath.Join(dir, fmt.Sprint("row-", row)) }

func (d *truth) commit(t *testing.T, row int) {
	d.versions[row]++
	file := rowFile(d.dir, row)
	if err := os.WriteFile(file+".new", fmt.Append(nil, d.versions[row]), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

func (d *truth) acknowledge(t *testing.T, row int) {
	f, err := os.OpenFile(filepath.Join(d.dir, "floors"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := fmt.Fprintln(f, row, d.versions[row], time.Now().UnixNano()); err != nil {
		t.Fatal(err)
	}
}

// floors are the versions that nobody may see less than who begins to read now.
func floors(dir string) (out [nodeRows]int) {
	text, _ := os.ReadFile(filepath.Join(dir, "floors"))
	now := time.Now()
	for line := range strings.Lines(string(text)) {
		var row, version int
		var at int64
		if n, _ := fmt.Sscanln(line, &row, &version, &at); n == 3 && now.Sub(time.Unix(0, at)) > nodeBound {
			out[row] = max(out[row], version)
		}
	}
	return out
}

// node is one of the processes, as the test sees it.
type node struct {
	in    io.WriteCloser
	lines *bufio.Scanner
	cmd   *osexec.Cmd
}

func startNode(t *testing.T, dir, url string) *node {
	t.Helper()
	cmd := osexec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFourProcessesFollowTheLog$", "-test.v=false")
	cmd.Env = append(os.Environ(), "STRATA_NODE="+dir, "STRATA_URL="+url)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return &node{in: in, lines: bufio.NewScanner(out), cmd: cmd}
}

// do has the process do something, until that is acknowledged.
func (n *node) do(t *testing.T, verb string, row int) {
	t.Helper()
	if _, err := fmt.Fprintln(n.in, verb, row); err != nil {
		t.Fatal(err)
	}
	if !n.lines.Scan() || n.lines.Text() != "done" {
		t.Fatalf("%s %d: the process says %q", verb, row, n.lines.Text())
	}
}

func (n *node) end(t *testing.T) (reads, near int) {
	t.Helper()
	_ = n.in.Close()
	for n.lines.Scan() {
		if _, err := fmt.Sscanf(n.lines.Text(), "reads: %d, near: %d", &reads, &near); err == nil {
			break
		}
		t.Error(n.lines.Text())
	}
	for n.lines.Scan() {
		t.Log(n.lines.Text())
	}
	if err := n.cmd.Wait(); err != nil {
		t.Errorf("a process: %v", err)
	}
	return reads, near
}

// runNode is one of the processes.
func runNode(t *testing.T, dir string) {
	s := over(t, postgres.handle(t, os.Getenv("STRATA_URL")), sqlstore.PostgreSQL, nil)
	c, err := cache.New(s, &cache.Options{Near: []cache.Tier{{Store: locmem.New(nil)}}, Staleness: nodeBound})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.WithoutCancel(t.Context()))
	r := &nodeRun{dir: dir, cache: c, values: cache.For[nodeRow](c)}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { r.read(ctx) })
	}
	for commands := bufio.NewScanner(os.Stdin); commands.Scan(); {
		var verb string
		var row int
		if _, err := fmt.Sscan(commands.Text(), &verb, &row); err != nil {
			t.Fatal(err)
		}
		for err := r.write(ctx, verb, row); err != nil; err = r.write(ctx, verb, row) {
			time.Sleep(5 * time.Millisecond) // the server is down
		}
		r.check(ctx, row)
		fmt.Println("done")
	}
	stop()
	wg.Wait()
	for _, wrong := range r.wrong {
		fmt.Println(wrong)
	}
	fmt.Printf("reads: %d, near: %d\n", r.reads, c.Stats().NearHits)
}

// nodeRow is no number: those are not copied into memory.
type nodeRow struct{ Version int }

// nodeRun is what a process knows.
type nodeRun struct {
	dir    string
	cache  cache.Cache
	values cache.Typed[nodeRow]

	mu    sync.Mutex
	own   [nodeRows]int // acknowledged to this process
	reads int
	wrong []string
}

func (r *nodeRun) version(row int) (int, error) {
	text, err := os.ReadFile(rowFile(r.dir, row))
	if os.IsNotExist(err) {
		return 0, nil
	}
	var version int
	_, err = fmt.Sscan(string(text), &version)
	return version, err
}

func (r *nodeRun) write(ctx context.Context, verb string, row int) error {
	key := fmt.Sprint("row-", row)
	version, err := r.version(row)
	switch {
	case err != nil:
		return err
	case verb == "set":
		err = r.values.Set(ctx, key, nodeRow{version}, cache.TTL(time.Minute))
	case verb == "delete":
		_, err = r.values.Delete(ctx, key)
	default:
		err = r.cache.Invalidate(ctx, "tag of "+key)
	}
	if err == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.own[row] = max(r.own[row], version)
	}
	return err
}

func (r *nodeRun) read(ctx context.Context) {
	for row := 0; ctx.Err() == nil; row = (row + 1) % nodeRows {
		r.check(ctx, row)
		time.Sleep(time.Millisecond)
	}
}

// check reads a row.
func (r *nodeRun) check(ctx context.Context, row int) {
	all := floors(r.dir)[row]
	r.mu.Lock()
	own := r.own[row]
	r.mu.Unlock()
	key := fmt.Sprint("row-", row)
	load := func(context.Context) (nodeRow, error) {
		v, err := r.version(row)
		return nodeRow{v}, err
	}
	v, err := r.values.GetOrSet(ctx, key, load, cache.TTL(time.Minute), cache.Tags("tag of "+key))
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		return // it says nothing
	}
	r.reads++
	if v.Version < all || v.Version < own {
		r.wrong = append(r.wrong, fmt.Sprintf("row %d: got version %d, but %d was acknowledged here and %d longer ago than the bound", row, v.Version, own, all))
	}
}
