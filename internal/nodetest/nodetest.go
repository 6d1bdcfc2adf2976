// Package nodetest runs four processes, each with memory in front of one store
// that they share, and looks for what must not be: that one of them reads again
// what it knows to be outdated, or another does after the bound.
package nodetest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

const (
	nodes = 4
	rows  = 4
	// bound is the processes' Options.Staleness.
	bound = 300 * time.Millisecond
	// writes come before each disturbance, and after the last.
	writes = 48

	dirVar, serverVar = "STRATA_NODE", "STRATA_NODE_SERVER"
)

// Run starts a server, which says where it is and how it is to be disturbed, and
// four processes that open a store on it. It is called by a test of its own, which
// each of the processes runs too.
func Run(t *testing.T, start func() (server string, disturb []func()), open func(server string) driver.Store) {
	t.Helper()
	if dir := os.Getenv(dirVar); dir != "" {
		runNode(t, dir, open(os.Getenv(serverVar)))
		return
	}
	t.Parallel()
	server, disturb := start()
	truth := &truth{dir: t.TempDir()}
	var all [nodes]*process
	for i := range all {
		all[i] = startProcess(t, dirVar+"="+truth.dir, serverVar+"="+server)
	}
	for i := range len(disturb) + 1 {
		for n := range writes {
			truth.commit(t, n%rows)
			all[n/rows%nodes].do(t, [...]string{"drop", "set", "drop", "delete"}[n%rows], n%rows)
			truth.acknowledge(t, n%rows)
			time.Sleep(10 * time.Millisecond) // so that there is something to read from memory
		}
		if i < len(disturb) {
			disturb[i]()
		}
	}
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
	versions [rows]int
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
func floors(dir string) (out [rows]int) {
	text, _ := os.ReadFile(filepath.Join(dir, "floors"))
	now := time.Now()
	for line := range strings.Lines(string(text)) {
		var row, version int
		var at int64
		if n, _ := fmt.Sscanln(line, &row, &version, &at); n == 3 && now.Sub(time.Unix(0, at)) > bound {
			out[row] = max(out[row], version)
		}
	}
	return out
}

// do has the process do something, until that is acknowledged.
func (n *process) do(t *testing.T, verb string, row int) {
	t.Helper()
	if _, err := fmt.Fprintln(n.in, verb, row); err != nil {
		t.Fatal(err)
	}
	if !n.lines.Scan() || n.lines.Text() != "done" {
		t.Fatalf("%s %d: the process says %q", verb, row, n.lines.Text())
	}
}

func (n *process) end(t *testing.T) (reads, near int) {
	t.Helper()
	_ = n.in.Close()
	for n.lines.Scan() {
		if _, err := fmt.Sscanf(n.lines.Text(), "reads: %d, near: %d", &reads, &near); err == nil {
			break
		}
		t.Error(n.lines.Text())
	}
	for n.lines.Scan() {
		if n.lines.Text() != "PASS" {
			t.Log(n.lines.Text())
		}
	}
	if err := n.cmd.Wait(); err != nil {
		t.Errorf("a process: %v", err)
	}
	return reads, near
}
