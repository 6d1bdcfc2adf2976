package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stratacache/strata/cache/drivertest"
)

func reports() []drivertest.Report {
	return []drivertest.Report{
		{Name: "memory", KeepsEntries: true, GetsMany: true, Stories: []drivertest.StoryReport{
			{Name: "reading", Passed: 3}, {Name: "fences", Passed: 2}, {Name: "outage", Unchecked: map[string]string{"a": "no server"}},
		}},
		{Name: "server", Moves: true, Stories: []drivertest.StoryReport{
			{Name: "reading", Passed: 2, Limited: map[string]string{"x": "It forgets."}},
			{Name: "fences", Limited: map[string]string{"y": "It forgets.", "z": "It lies."}},
			{Name: "outage", Passed: 1},
		}},
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	got := table(reports())
	for _, want := range []string{
		"| memory | 5 of 5, 1 n/a | yes | yes |",
		"| server | 3 of 6 | yes, but (1) | no, but (1) (2) |",
		"| one step | one by one | in steps | kept |",
		"(1) It forgets.\\\n(2) It lies.\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got\n%s\nwant %q in it", got, want)
		}
	}
}

// A README that says something else is found, and -write makes it right.
func TestCheckFindsADifference(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	readme := filepath.Join(dir, "README.md")
	put := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(readme, "before\n"+begin+"old\n"+end+"after\n")
	if err := run(readme, dir, false); err == nil || !strings.Contains(err.Error(), "no reports") {
		t.Errorf("without reports: got %v", err)
	}
	put(filepath.Join(dir, "a.json"), `{"Name": "memory", "Stories": [{"Name": "reading", "Passed": 1}]}`)
	if err := run(readme, dir, false); err == nil || !strings.Contains(err.Error(), "| memory | 1 of 1 |") {
		t.Errorf("an old table: got %v, want an error with the right one", err)
	}
	if err := run(readme, dir, true); err != nil {
		t.Fatal(err)
	}
	if err := run(readme, dir, false); err != nil {
		t.Errorf("after -write: %v", err)
	}
	raw, err := os.ReadFile(readme)
	if text := string(raw); err != nil || !strings.HasPrefix(text, "before\n") || !strings.HasSuffix(text, "after\n") {
		t.Errorf("got %q, %v", text, err)
	}
	put(readme, "no marks")
	if err := run(readme, dir, true); err == nil {
		t.Error("a README without marks: got no error")
	}
}
