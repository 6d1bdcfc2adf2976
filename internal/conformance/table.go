package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stratacache/strata/cache/drivertest"
)

// columns are groups of stories.
var columns = []struct {
	title   string
	stories []string
}{
	{"read, write, delete", []string{"reading", "writing", "deleting", "values", "keys", "model"}},
	{"fences, stamps", []string{"fences", "stamps", "loading", "concurrency"}},
	{"lifetimes, touch", []string{"lifetimes", "touch"}},
	{"incr", []string{"counting"}},
	{"versions, bulk", []string{"versions", "bulk"}},
	{"outage, close", []string{"outage", "closing"}},
	{"log", []string{"log"}},
}

// table is Markdown: a row for each backend, and its limits below.
func table(reports []drivertest.Report) string {
	var b strings.Builder
	notes := new(footnotes)
	b.WriteString("| backend | rules kept |")
	for _, c := range columns {
		fmt.Fprintf(&b, " %s |", c.title)
	}
	b.WriteString(" get many | set many | move | decoded values |\n|---|---|")
	b.WriteString(strings.Repeat("---|", len(columns)+4) + "\n")
	for _, r := range reports {
		kept, all, unchecked := count(r)
		fmt.Fprintf(&b, "| %s | %d of %d", r.Name, kept, all)
		if unchecked > 0 {
			fmt.Fprintf(&b, ", %d n/a", unchecked)
		}
		b.WriteString(" |")
		for _, c := range columns {
			fmt.Fprintf(&b, " %s |", cell(r, c.stories, notes))
		}
		fmt.Fprintf(&b, " %s | %s | %s | %s |\n", one(r.GetsMany, "one step", "one by one"), one(r.PutsMany, "one step", "one by one"),
			one(r.Moves, "one step", "in steps"), one(r.KeepsEntries, "kept", "–"))
	}
	b.WriteString(notes.text())
	return b.String()
}

// count counts the rules of the suite: those that the backend was seen to keep,
// all that concern it, and those that do not.
func count(r drivertest.Report) (kept, all, unchecked int) {
	for _, s := range r.Stories {
		kept += s.Passed + len(s.Skipped)
		all += s.Passed + len(s.Skipped) + len(s.Limited)
		unchecked += len(s.Unchecked)
	}
	return kept, all, unchecked
}

// cell is "yes", the numbers of the limits, or "–" where nothing was to be
// checked.
func cell(r drivertest.Report, stories []string, notes *footnotes) string {
	kept := 0
	var limits []string
	for _, s := range r.Stories {
		if !slices.Contains(stories, s.Name) {
			continue
		}
		kept += s.Passed + len(s.Skipped)
		for _, rule := range slices.Sorted(maps.Keys(s.Limited)) {
			if n := notes.number(s.Limited[rule]); !slices.Contains(limits, n) {
				limits = append(limits, n)
			}
		}
	}
	if kept == 0 && limits == nil {
		return "–"
	}
	answer := one(kept > 0, "yes", "no")
	if len(limits) > 0 {
		answer += ", but " + strings.Join(limits, " ")
	}
	return answer
}

func one(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

// footnotes are the sentences of limits, numbered as they are met.
type footnotes struct{ sentences []string }

func (f *footnotes) number(sentence string) string {
	i := slices.Index(f.sentences, sentence)
	if i < 0 {
		f.sentences = append(f.sentences, sentence)
		i = len(f.sentences) - 1
	}
	return fmt.Sprintf("(%d)", i+1)
}

func (f *footnotes) text() string {
	var b strings.Builder
	for i, s := range f.sentences {
		fmt.Fprintf(&b, "\n(%d) %s", i+1, strings.TrimSpace(s))
		if i < len(f.sentences)-1 {
			b.WriteString("\\")
		}
	}
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	return b.String()
}
