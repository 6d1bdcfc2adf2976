// Conformance makes the README's table of what each backend can do from what the
// conformance suite ran, or checks that it is still that table.
//
//	STRATA_CONFORMANCE=dir go test ./...
//	go run ./internal/conformance -reports dir README.md         # fails if it differs
//	go run ./internal/conformance -reports dir -write README.md
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/stratacache/strata/cache/drivertest"
)

const (
	begin = "<!-- conformance: made by make table -->\n"
	end   = "<!-- end of conformance -->\n"
)

func main() {
	reports := flag.String("reports", "", "the `folder` that the suite left its reports in")
	write := flag.Bool("write", false, "write the table, and do not check it")
	flag.Parse()
	if flag.NArg() != 1 || *reports == "" {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *reports, *write); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

func run(readme, dir string, write bool) error {
	reports, err := read(dir)
	if err != nil {
		return err
	}
	for _, r := range reports {
		for _, s := range r.Stories {
			for _, rule := range s.Skipped {
				fmt.Fprintf(os.Stderr, "conformance: %s: %s: this machine was too slow to check %q\n", r.Name, s.Name, rule)
			}
		}
	}
	raw, err := os.ReadFile(readme)
	if err != nil {
		return err
	}
	changed, err := replace(string(raw), table(reports))
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", readme, err)
	case changed == string(raw):
		return nil
	case write:
		return os.WriteFile(readme, []byte(changed), 0o644)
	}
	return fmt.Errorf("%s: its table is not what the suite ran. `make table` makes this one:\n%s", readme, table(reports))
}

// read returns the reports in dir, by name.
func read(dir string) ([]drivertest.Report, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json")) // sorted
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, errors.New("no reports in " + dir)
	}
	reports := make([]drivertest.Report, len(files))
	for i, f := range files {
		raw, err := os.ReadFile(f)
		if err == nil {
			err = json.Unmarshal(raw, &reports[i])
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
	}
	return reports, nil
}

// replace puts made between the marks of text.
func replace(text, made string) (string, error) {
	before, rest, found := strings.Cut(text, begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		return "", fmt.Errorf("it has no lines %q and %q", strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return before + begin + made + end + after, nil
}
