package drivertest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stratacache/strata/cache/drivertest"
)

func TestLimitsNameRules(t *testing.T) {
	t.Parallel()
	h := drivertest.Harness{Limits: map[string]string{
		"LL-074":                             "a number",
		"fences":                             "a story",
		"LL-999":                             "no such number",
		"each and all":                       "no such rule",
		"LL-073 incr by 0 returns the value": "a whole name",
	}}
	if got, want := drivertest.IdleLimits(h), []string{"LL-999", "each and all"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRulesAreNamedOnce(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, name := range drivertest.RuleNames() {
		if seen[name] {
			t.Errorf("there are two rules %q", name)
		}
		seen[name] = true
		if _, rule, _ := strings.Cut(name, "/"); strings.Contains(rule, "/") {
			t.Errorf("%q: a rule's name has a slash, which -run takes for a level", name)
		}
	}
}
