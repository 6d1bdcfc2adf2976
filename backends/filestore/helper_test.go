//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package filestore_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/filestore"
	"github.com/stratacache/strata/cache/driver"
)

// The test binary runs itself as other processes of a namespace: with a helper's
// name in this variable, and the directory in another one.
const (
	helperVariable = "STRATA_FILESTORE_HELPER"
	dirVariable    = "STRATA_FILESTORE_DIR"
)

var helpers = map[string]func(context.Context, *filestore.Store, string) error{
	"count": countHelper, "add": addHelper, "write": writeHelper, "read": readHelper, "modes": modesHelper, "full": fullHelper,
}

func runHelper(name string) int {
	dir := os.Getenv(dirVariable)
	switch name {
	case "modes":
		syscall.Umask(0o777) // before anything is made
	case "full":
		limitFiles()
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s, err := filestore.New(filepath.Join(dir, "cache"), nil)
	if err == nil {
		err = helpers[name](ctx, s, dir)
	}
	if err == nil {
		err = s.Close(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, name+":", err)
		return 1
	}
	return 0
}

// helper is another process.
type helper struct {
	t   testing.TB
	cmd *exec.Cmd
	out *bufio.Scanner
	err strings.Builder
}

func startHelper(t testing.TB, name, dir string) *helper {
	t.Helper()
	h := &helper{t: t, cmd: exec.CommandContext(t.Context(), os.Args[0])}
	h.cmd.Env = append(os.Environ(), helperVariable+"="+name, dirVariable+"="+dir, "GORACE=atexit_sleep_ms=0")
	h.cmd.Stderr = &h.err
	pipe, err := h.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	h.out = bufio.NewScanner(pipe)
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return h
}

// wait reads the lines that the process prints, until it ends in order.
func (h *helper) wait() (lines []string) {
	h.t.Helper()
	lines = h.lines()
	if err := h.cmd.Wait(); err != nil {
		h.t.Errorf("helper: %v: %s", err, h.err.String())
	}
	return lines
}

// killed is wait for a process that is killed in d.
func (h *helper) killed(d time.Duration) (lines []string) {
	h.t.Helper()
	timer := time.AfterFunc(d, func() { _ = h.cmd.Process.Kill() })
	defer timer.Stop()
	lines = h.lines()
	err := h.cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.Exited()) {
		h.t.Errorf("helper: %v: %s", err, h.err.String())
	}
	return lines
}

func (h *helper) lines() (lines []string) {
	for h.out.Scan() {
		lines = append(lines, h.out.Text())
	}
	return lines
}

const (
	counters   = 4
	countsEach = 400
	adds       = 150
)

// countHelper counts, and prints a line for each count that was acknowledged.
func countHelper(ctx context.Context, s *filestore.Store, _ string) error {
	for i := range countsEach {
		name := fmt.Sprint("n", i%counters)
		if _, err := s.Incr(ctx, key(name), 1, integer("1")); err != nil {
			return err
		}
		fmt.Println(name)
	}
	return nil
}

// addHelper prints the names for which its Add was the one that stored.
func addHelper(ctx context.Context, s *filestore.Store, _ string) error {
	for i := range adds {
		name := fmt.Sprint("a", i)
		r, err := s.Put(ctx, key(name), value(strconv.Itoa(os.Getpid())), driver.Add, 0)
		if err != nil {
			return err
		}
		if r.Done {
			fmt.Println(name)
		}
	}
	return nil
}

// number is a version that is kept in a file: the database, and what was
// acknowledged.
func number(dir, name string) (n uint64) {
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err == nil && len(b) == 8 {
		n = binary.BigEndian.Uint64(b)
	}
	return n
}

func setNumber(dir, name string, n uint64) error {
	path := filepath.Join(dir, name)
	temp := fmt.Sprint(path, ".", os.Getpid())
	if err := os.WriteFile(temp, binary.BigEndian.AppendUint64(nil, n), 0o600); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// writeHelper commits new versions to the database and invalidates, in each way
// there is, and then notes what was acknowledged.
func writeHelper(ctx context.Context, s *filestore.Store, dir string) error {
	for v := number(dir, "database") + 1; ; v++ {
		f := driver.Fence{}
		if v%4 == 3 {
			r, err := s.Get(ctx, key("row"), time.Minute)
			if err != nil {
				return err
			}
			f = r.Fence
		}
		if err := setNumber(dir, "database", v); err != nil {
			return err
		}
		var err error
		switch v % 4 {
		case 0:
			_, err = s.Invalidate(ctx, driver.Invalidation{Keys: []driver.Key{key("row")}})
		case 1:
			_, err = s.Invalidate(ctx, driver.Invalidation{Tags: []string{"row"}})
		case 2:
			_, err = s.Invalidate(ctx, driver.Invalidation{Tags: []string{driver.TagAll}})
		case 3:
			e := value(strconv.FormatUint(v, 10), "row")
			e.Stamp = f.Stamp
			_, err = s.Put(ctx, key("row"), e, driver.SetFenced, f.Token)
		}
		if err != nil {
			return err
		}
		if err := setNumber(dir, "acknowledged", v); err != nil {
			return err
		}
		fmt.Println(v)
		time.Sleep(rand.N(3 * time.Millisecond))
		if exists, _ := isThere(filepath.Join(dir, "stop")); exists {
			return nil
		}
	}
}

func isThere(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// readHelper reads and loads the row, and fails when it gets a version that is
// older than what was acknowledged before it asked.
func readHelper(ctx context.Context, s *filestore.Store, dir string) error {
	hits, stored := 0, 0
	for {
		if exists, _ := isThere(filepath.Join(dir, "stop")); exists {
			fmt.Println("hits", hits)
			fmt.Println("stored", stored)
			return nil
		}
		since := number(dir, "acknowledged")
		r, err := s.Get(ctx, key("row"), time.Minute)
		if err != nil {
			return err
		}
		if r.Entry != nil {
			hits++
			got, err := strconv.ParseUint(string(r.Entry.Payload), 10, 64)
			if err != nil || got < since {
				return fmt.Errorf("read version %d (%v) after %d was acknowledged", got, err, since)
			}
			time.Sleep(rand.N(200 * time.Microsecond))
			continue
		}
		v := number(dir, "database")
		time.Sleep(rand.N(500 * time.Microsecond))
		e := value(strconv.FormatUint(v, 10), "row")
		e.Stamp = r.Fence.Stamp
		put, err := s.Put(ctx, key("row"), e, driver.Fill, r.Fence.Token)
		if err != nil {
			return err
		}
		if put.Done {
			stored++
		}
	}
}

// modesHelper makes every kind of file and folder.
func modesHelper(ctx context.Context, s *filestore.Store, _ string) error {
	if _, err := s.Put(ctx, key("k"), value("v"), driver.Set, 0); err != nil {
		return err
	}
	if _, err := s.Get(ctx, key("placeholder"), time.Hour); err != nil {
		return err
	}
	if _, err := s.Incr(ctx, key("n"), 1, integer("1")); err != nil {
		return err
	}
	for range filestore.RoomyJournal/20 + 1 { // until the meta file is made anew
		if _, err := s.Invalidate(ctx, driver.Invalidation{Tags: []string{"t"}}); err != nil {
			return err
		}
	}
	s.SweepNow(ctx)
	return nil
}
