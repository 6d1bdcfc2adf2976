// Command mutants takes one rule after another out of the protocol and tells
// after how many seeds the simulation has found it:
//
//	go run ./internal/sim/mutants
//
// What the engine keeps is taken out of its source, in an overlay that only the
// compiler of that one binary sees. What a store or a writer keeps, the
// simulation leaves out itself. It fails if a rule is not found (but those that
// are known to be rare), if one that only saves work is, and if what is to be
// replaced is not in the source.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

var (
	seeds = flag.Int("seeds", 10_000, "how many to try at most")
	only  = flag.String("run", "", "only rules whose name this expression matches")
	free  = flag.Int("free", 2_000, "how many seeds what only saves work must pass")
)

func main() {
	flag.Parse()
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	wanted, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return fmt.Errorf("go list: %w", err)
	}
	w := workshop{dir: dir, root: strings.TrimSpace(string(root))}
	fmt.Println("| rule | without it | found by seed | as |\n|---|---|---|---|")
	var failed []error
	for _, m := range mutants {
		if !wanted.MatchString(m.rule + ": " + m.without) {
			continue
		}
		if err := w.try(ctx, m); err != nil {
			failed = append(failed, fmt.Errorf("%s: %s: %w", m.rule, m.without, err))
			fmt.Printf("| %s | %s | **%v** | |\n", m.rule, m.without, err)
		}
	}
	return errors.Join(failed...)
}

// workshop is where the binaries are made.
type workshop struct{ dir, root string }

// try runs seeds without a rule, and prints its line of the table.
func (w *workshop) try(ctx context.Context, m mutant) error {
	binary, err := w.build(ctx, m)
	if err != nil {
		return err
	}
	most := *seeds
	if m.free {
		most = *free
	}
	cmd := exec.CommandContext(ctx, binary, "-test.run=^TestSeeds$", "-test.timeout=1h", "-seeds", strconv.Itoa(most), "-without", m.world)
	out, err := cmd.CombinedOutput()
	found := finding.FindSubmatch(out)
	switch {
	case found == nil && err != nil:
		return fmt.Errorf("%w:\n%s", err, out[:min(len(out), 2000)])
	case found == nil && m.rare != "":
		fmt.Printf("| %s | %s | none of %d | %s |\n", m.rule, m.without, most, m.rare)
	case found == nil && !m.free:
		return fmt.Errorf("not found in %d seeds", most)
	case found == nil:
		fmt.Printf("| %s | %s | none of %d | it only saves work |\n", m.rule, m.without, most)
	case m.free:
		return fmt.Errorf("found by seed %s: %s", found[1], found[2])
	default:
		fmt.Printf("| %s | %s | %s | %s |\n", m.rule, m.without, found[1], found[2])
	}
	return nil
}

// finding is how the simulation says what it found.
var finding = regexp.MustCompile(`(?m)seed (\d+): (.*)$`)

// build makes the simulation's test binary without the mutant's rule.
func (w *workshop) build(ctx context.Context, m mutant) (string, error) {
	binary := filepath.Join(w.dir, "sim.test")
	if m.file != "" {
		binary = filepath.Join(w.dir, "mutant.test")
	} else if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}
	args := []string{"test", "-c", "-vet=off", "-o", binary}
	if m.file != "" {
		overlay, err := w.overlay(m)
		if err != nil {
			return "", err
		}
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "./internal/sim")...)
	cmd.Dir = w.root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go test -c: %w\n%s", err, out)
	}
	return binary, nil
}

// overlay writes the mutant's source beside the true one.
func (w *workshop) overlay(m mutant) (string, error) {
	replaced := make(map[string]string)
	for i, c := range append([]change{{m.file, m.old, m.new}}, m.more...) {
		name := filepath.Join(w.root, c.file)
		source := name
		if at, ok := replaced[name]; ok {
			source = at
		}
		text, err := os.ReadFile(source)
		if err != nil {
			return "", err
		}
		if n := strings.Count(string(text), c.old); n != 1 {
			return "", fmt.Errorf("%s has %d times %q, want once", c.file, n, c.old)
		}
		at := filepath.Join(w.dir, fmt.Sprintf("%d.go", i))
		if err := os.WriteFile(at, []byte(strings.Replace(string(text), c.old, c.new, 1)), 0o600); err != nil {
			return "", err
		}
		replaced[name] = at
	}
	list, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		return "", err
	}
	at := filepath.Join(w.dir, "overlay.json")
	return at, os.WriteFile(at, list, 0o600)
}
