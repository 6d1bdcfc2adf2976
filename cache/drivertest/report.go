package drivertest

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stratacache/strata/cache/driver"
)

// ReportDir is the environment variable that names a folder in which [Run]
// leaves a [Report] of each harness that has a name, as <name>.json.
const ReportDir = "STRATA_CONFORMANCE"

// Report is what a run of the suite came to: what a table of backends may say.
type Report struct {
	Name    string
	Stories []StoryReport

	// What the store does in one step, and need not be emulated.
	GetsMany, PutsMany, Moves bool
	// It returns the very entries that it was given.
	KeepsEntries bool
}

// StoryReport is one group of rules.
type StoryReport struct {
	Name   string
	Passed int
	// Limited rules are excused by the backend, with the sentence of its
	// documentation.
	Limited map[string]string
	// Unchecked rules have no meaning for the backend: the harness lacks what they
	// need, and the reason says what.
	Unchecked map[string]string
	// Skipped rules could not be checked this time, on a machine that was too slow.
	Skipped []string
}

// reporter collects what becomes of the rules. A nil one collects nothing.
type reporter struct {
	dir    string
	mu     sync.Mutex
	report Report
}

func newReporter(t *testing.T, h *Harness) *reporter {
	dir := os.Getenv(ReportDir)
	if dir == "" || h.Name == "" {
		return nil
	}
	r := &reporter{dir: dir, report: Report{Name: h.Name}}
	for _, s := range stories() {
		r.report.Stories = append(r.report.Stories, StoryReport{
			Name: s.name, Limited: map[string]string{}, Unchecked: map[string]string{},
		})
	}
	s := h.Open(t)
	_, r.report.GetsMany = s.(driver.ManyGetter)
	_, r.report.PutsMany = s.(driver.ManyPutter)
	_, r.report.Moves = s.(driver.Mover)
	if k, ok := driver.As[driver.EntryKeeper](s); ok {
		r.report.KeepsEntries = k.KeepsEntries()
	}
	if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Errorf("Close: %v", err)
	}
	t.Cleanup(func() { r.write(t) }) // after all rules
	return r
}

// note keeps what became of a rule.
func (r *reporter) note(story string, add func(*StoryReport)) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.report.Stories {
		if r.report.Stories[i].Name == story {
			add(&r.report.Stories[i])
		}
	}
}

// ran is why a rule was not checked to its end, if it was not.
type ran struct {
	slow      bool
	pointless string
}

// passed has the rule of t counted if it holds.
func (r *reporter) passed(t *testing.T, story, rule string, ran *ran) {
	if r == nil {
		return
	}
	t.Cleanup(func() {
		switch {
		case t.Failed():
		case ran.slow:
			r.note(story, func(s *StoryReport) { s.Skipped = append(s.Skipped, rule) })
		case ran.pointless != "":
			r.note(story, func(s *StoryReport) { s.Unchecked[rule] = ran.pointless })
		default:
			r.note(story, func(s *StoryReport) { s.Passed++ })
		}
	})
}

func (r *reporter) write(t *testing.T) {
	if t.Failed() {
		return
	}
	raw, err := json.MarshalIndent(r.report, "", "\t")
	if err != nil {
		t.Error(err)
		return
	}
	file := strings.NewReplacer(" ", "-", ",", "", "/", "-").Replace(r.report.Name) + ".json"
	if err := os.WriteFile(filepath.Join(r.dir, file), raw, 0o600); err != nil {
		t.Error(err)
	}
}
