package drivertest_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// mutants are smallest with one rule taken out, or logged where the story is the
// log: old is replaced by new, and then the rule, of that story, must fail.
var mutants = []struct{ without, old, new, fails string }{
	// Fences.
	{"the fence", "token != 0 && s.standing(key).token == token && s.valid(e)", "token != 0 && s.valid(e)", "fences/a fill of a key that was deleted meanwhile is refused"},
	{"absent is refused", "token != 0 && s.standing(key).token == token", "token != 0 && (s.standing(key).token|token) == token", "fences/a fill of an absent key is refused"},
	{"exactly its token", "token != 0 && s.standing(key).token == token", "token != 0 && s.standing(key).token != 0", "fences/a fill of a key that was deleted and planted again is refused"},
	{"token 0 never fences", "token != 0 && s.standing", "s.standing", "fences/token 0 never fences"},
	{"a new token for each entry", "	e.Token = newToken()\n", "	if old := s.standing(key).token; old != 0 {\n		e.Token = old\n	} else {\n		e.Token = newToken()\n	}\n", "fences/a fill of a key that was set meanwhile is refused"},
	{"the store chooses tokens", "	e.Token = newToken()\n", "	if e.Token == 0 {\n		e.Token = newToken()\n	}\n", "writing/a stored entry gets a token of its own, whatever the caller's says"},
	{"random tokens", "driver.Token(rand.Uint64() | 1)", "driver.Token(7 | rand.Uint64()&0)", "fences/one key's token is no other's"},
	{"delete removes placeholders", "		delete(s.slots, k)\n	}\n	s.clock.N++", "		if s.standing(k).entry != nil {\n			delete(s.slots, k)\n		}\n	}\n	s.clock.N++", "fences/a fill of a key that was deleted meanwhile is refused"},
	{"a placeholder stays for later loaders", "hold > 0 && (at.token == 0 || at.entry != nil)", "hold > 0", "fences/a miss with a hold plants a token, which every later reader sees"},
	{"a hold is extended", "case hold > 0 && at.until < until:", "case false:", "fences/a loader that needs longer makes the placeholder stand longer"},
	{"a hold is not shortened", "case hold > 0 && at.until < until:", "case hold > 0:", "fences/a loader that needs longer makes the placeholder stand longer"},
	{"a hold ends", "until: until}\n		s.slots", "until: driver.Forever}\n		s.slots", "fences/a placeholder's hold ends"},
	{"no hold, no placeholder", "case hold > 0 && (at.token", "case (at.token", "reading/a read without a hold leaves nothing behind"},
	{"touch keeps the token", "slot{token: e.Token, until: life.Expires, entry: e}", "slot{until: life.Expires, entry: e}\n		s.store(key, e)", "fences/touch keeps the token: a load in flight is still stored"},
	{"a refused fenced Set removes", "		delete(s.slots, key)\n", "", "fences/a fenced Set whose token no longer stands removes what does"},

	// Stamps.
	{"Set and Add advance", "mode == driver.SetFenced || mode != driver.Fill && done", "mode == driver.SetFenced", "stamps/each invalidation and explicit write advances the clock by one"},
	{"a fenced Set advances", "mode == driver.SetFenced || mode != driver.Fill && done", "mode < driver.Fill && done", "fences/a fenced Set stores while its token stands"},
	{"an Add that does not store does not advance", "mode == driver.SetFenced || mode != driver.Fill && done", "mode != driver.Fill", "stamps/each invalidation and explicit write advances the clock by one"},
	{"Fill does not advance", "mode == driver.SetFenced || mode != driver.Fill && done", "mode == driver.SetFenced || done", "stamps/each invalidation and explicit write advances the clock by one"},
	{"Touch advances", "	if e != nil {\n		s.clock.N++", "	if e != nil {", "stamps/each invalidation and explicit write advances the clock by one"},
	{"Incr advances if it creates", "	if created {\n		s.clock.N++", "	if created {", "counting/incr says whether it created, and advances the clock only then"},
	{"Invalidate advances", "	s.clock.N++\n	for", "	for", "stamps/a load that began before its tag was invalidated is refused, though only the loader knew the tag"},
	{"a tag gets the new number", "= s.clock.N\n	}", "= s.clock.N - 1\n	}", "stamps/a load that began before its tag was invalidated is refused, though only the loader knew the tag"},
	{"the stamp of a load is its beginning's", "	if mode == driver.Set || mode == driver.Add {", "	if done {", "stamps/no step revives an entry: tags count from its own stamp"},
	{"a Set is stamped with the clock it advanced", "		e.Stamp = s.clock\n	}\n	if done", "		e.Stamp = s.clock\n		e.Stamp.N--\n	}\n	if done", "reading/all that an entry holds comes back"},
	{"Touch keeps the stamp", "		e.Life = life\n", "		e.Life, e.Stamp = life, s.clock\n", "stamps/no step revives an entry: tags count from its own stamp"},
	{"Incr keeps the stamp", "	if created {\n		s.clock.N++\n		e.Stamp = s.clock\n	}", "	if created {\n		s.clock.N++\n	}\n	e.Stamp = s.clock", "stamps/no step revives an entry: tags count from its own stamp"},
	{"Incr takes Add's stamp", "		s.clock.N++\n		e.Stamp = s.clock\n	}\n	e.Payload", "		s.clock.N++\n	}\n	e.Payload", "counting/an integer that incr stored is valid, and cleared like all others"},
	{"a fill checks tags", "token == token && s.valid(e)", "token == token && e.Stamp.Epoch == s.clock.Epoch", "stamps/a load that began before its tag was invalidated is refused, though only the loader knew the tag"},
	{"a fill checks the epoch", "token == token && s.valid(e)", "token == token && (e.Stamp.Epoch != s.clock.Epoch || s.valid(e))", "stamps/a load that began before the meta record was lost is refused"},
	{"a read checks validity", "verdict != driver.Invalid", "at.entry != nil", "stamps/an entry is invalid once one of its tags is invalidated"},
	{"a read checks the epoch", "e.Stamp.Epoch != s.clock.Epoch || s.tags", "s.tags", "stamps/a lost meta record begins an epoch in which all older entries are invalid"},
	{"TagAll is every entry's tag", " || s.tags[driver.TagAll] > e.Stamp.N", "", "stamps/a load that began before all was cleared is refused"},
	{"every tag counts", "for _, t := range e.Tags {", "for _, t := range e.Tags[:min(1, len(e.Tags))] {", "stamps/an entry is invalid once one of its tags is invalidated"},
	{"equal is valid", "if s.tags[t] > e.Stamp.N {", "if s.tags[t] >= e.Stamp.N && s.tags[t] > 0 {", "stamps/what is stored after an invalidation is valid: equal is after"},
	{"equal is valid for TagAll", "s.tags[driver.TagAll] > e.Stamp.N", "s.tags[driver.TagAll] > 0 && s.tags[driver.TagAll] >= e.Stamp.N", "stamps/what is stored after an invalidation is valid: equal is after"},
	{"invalid counts as absent", " || !s.valid(e)", "", "stamps/every way of reading checks every tag"},
	{"an expired entry is returned", "verdict != driver.Invalid", "verdict == driver.Valid", "stamps/an entry with twins of its tags is only expired by a tag"},
	{"an expired entry is marked", "verdict == driver.Expired", "false", "stamps/an entry with twins of its tags is only expired by a tag"},
	{"twins remove", " || t[0] == driver.TagAll[0]", "", "stamps/an entry with twins of its tags is only expired by a tag"},
	{"only what has twins expires", "!twins || ", "!twins && false || ", "stamps/an entry is invalid once one of its tags is invalidated"},
	{"an expired entry is absent for all else", "{ return s.judge(e) == driver.Valid }", "{ return s.judge(e) != driver.Invalid }", "stamps/an entry with twins of its tags is only expired by a tag"},
	{"a new record has a new epoch", "s.clock, s.tags = driver.Stamp{Epoch: rand.Uint64() | 1}, ", "s.clock, s.tags = driver.Stamp{Epoch: 7 | rand.Uint64()&0}, ", "stamps/a lost meta record begins an epoch in which all older entries are invalid"},
	{"tags die with their epoch", "s.clock, s.tags = driver.Stamp{Epoch: rand.Uint64() | 1}, make(map[string]uint64)", "s.clock = driver.Stamp{Epoch: rand.Uint64() | 1}\n	if s.tags == nil {\n		s.tags = make(map[string]uint64)\n	}", "stamps/a lost meta record begins an epoch in which all older entries are invalid"},

	{"the clock is read with or before the key", "	r.Fence = driver.Fence{Token: at.token, Stamp: s.clock}\n", "	s.mu.Unlock()\n	time.Sleep(time.Microsecond)\n	s.mu.Lock()\n	r.Fence = driver.Fence{Token: at.token, Stamp: s.clock}\n", "concurrency/a reading reflects all up to its clock"},

	// The rest.
	{"a negative entry is absent", "e == nil || e.Kind == driver.Negative || ", "e == nil || ", "writing/Add over a placeholder or a remembered not found stores"},
	{"an ended entry is absent", "if (driver.Life{Expires: at.until}).Ended(time.Now()) {", "if at.until < 0 {", "touch/LL-052 touch of an expired entry is false"},
	{"at its end an entry is gone", "Ended(time.Now())", "Ended(time.Now().Add(-1))", "lifetimes/LL-043 at the instant of its end an entry is gone"},
	{"Add looks first", "done = s.live(key) == nil", "", "concurrency/LL-025 exactly one of 16 adders wins"},
	{"only live entries are counted", "if s.live(k) != nil {", "if s.standing(k).token != 0 {", "deleting/delete counts no placeholder, no remembered not found and nothing invalid"},
	{"overflow is refused", "(sum < n) != (delta < 0)", "false", "counting/LL-076 an overflow is an error and changes nothing"},
	{"only integers are counted", "e.Kind != driver.Integer", "false", "counting/LL-070 incr of what is no integer is refused and changes nothing"},
	{"an unknown mode is refused", "errors.ErrUnsupported", "nil", "writing/a mode that the store does not know is unsupported and changes nothing"},
	{"closed is closed", "case s.closed:", "case false:", "closing/after Close every call of the store is ErrClosed"},
	{"an advance is logged", "	if after.N == before.N {", "	if after.N == before.N || after.N%2 == 0 {", "log/every advance of the clock is in the log, under its number"},
	{"nothing else is", "		return\n	}\n	c :=", "		after.N++\n	}\n	c :=", "log/what does not advance the clock is not in the log"},
	{"a change has its number", "driver.Change{N: after.N, ", "driver.Change{N: before.N, ", "log/every advance of the clock is in the log, under its number"},
	{"a change names keys", "		c.Keys = append(c.Keys, k.String())\n", "		_ = k\n", "log/every advance of the clock is in the log, under its number"},
	{"a change names tags", "Tags: slices.Clone(tags)}", "Tags: slices.Clone(tags[:0])}", "log/every advance of the clock is in the log, under its number"},
	{"both names of a move", "what.Keys, what.Tags)", "nil, what.Tags)", "log/what moves is in the log under both names"},
	{"a change is in the log before its call returns", "	s.log = append(s.log, c)\n	s.tell()", "	time.AfterFunc(time.Millisecond, func() {\n		s.steps.Lock()\n		defer s.steps.Unlock()\n		s.log = append(s.log, c)\n		s.tell()\n	})", "log/a reading goes on where the last one ended"},
	{"no position is not the beginning", "after.Epoch != r.Clock.Epoch || ", "after.Epoch != r.Clock.Epoch && after.Epoch != 0 || ", "log/from no position the log tells the clock alone"},
	{"an epoch's log is its own", "after.Epoch != r.Clock.Epoch || ", "after.Epoch == 0 || ", "log/after a lost meta record the log is not complete"},
	{"a reading begins after its position", "		if c.N > after.N {", "		if c.N > after.N-1 {", "log/a reading goes on where the last one ended"},
	{"a reading waits", "		select {\n		case <-more:", "		if r.Complete {\n			return r, nil\n		}\n		select {\n		case <-more:", "log/a reading that waits is told of the first change"},
	{"who waits is woken", "	s.log = append(s.log, c)\n	s.tell()\n", "	s.log = append(s.log, c)\n", "log/a reading that waits is told of the first change"},
	{"a reading ends", "		case <-ctx.Done():", "		case <-make(chan int):", "log/a reading ends with its context"},
	{"more is told", "r.More, r.Changes = true, ", "r.Changes = ", "log/a reading that is not all there is says so"},
	{"who planted is told", "r.Planted = true", "", "fences/a miss with a hold plants a token, which every later reader sees"},
	{"entries are immutable", "e = e.Clone() // readers may have the old one\n		e.Life", "e.Life", "values/an entry that a reader holds does not change"},
}

// TestMutants holds the suite to its promise: for each rule that is taken out of
// a store, the subtest that names it fails.
func TestMutants(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT RUN: building the mutants takes long; leave out -short to run it")
	}
	t.Parallel()
	binary := buildMutants(t)
	for i, m := range mutants {
		t.Run(m.without, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), binary, fmt.Sprintf("-test.run=^TestMutant%d$", i), "-test.timeout=60s", "-rapid.nofailfile", "-rapid.shrinktime=0s")
			out, _ := cmd.CombinedOutput()
			want := fmt.Sprintf("--- FAIL: TestMutant%d/%s ", i, strings.ReplaceAll(m.fails, " ", "_"))
			if !strings.Contains(string(out), want) {
				t.Errorf("without the rule that %s: got no line %q in\n%s", m.without, want, out)
			}
		})
	}
}

// buildMutants compiles this package's tests with each mutant beside what it is
// of, under names of its own.
func buildMutants(t *testing.T) string {
	dir := t.TempDir()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	smallest := regexp.MustCompile(`\b(smallest|newSmallest|slot|newToken|TestSmallest)\b`)
	logged := regexp.MustCompile(`\b(logged|newLogged|TestLogged)\b`)
	overlay := map[string]string{}
	for i, m := range mutants {
		file, own := "smallest_test.go", smallest
		if strings.HasPrefix(m.fails, "log/") {
			file, own = "logged_test.go", logged
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source := string(text)
		if n := strings.Count(source, m.old); n != 1 {
			t.Fatalf("without the rule that %s: %s has %d times %q, want once", m.without, file, n, m.old)
		}
		mutant := own.ReplaceAllStringFunc(strings.Replace(source, m.old, m.new, 1), func(name string) string {
			if strings.HasPrefix(name, "Test") {
				return fmt.Sprintf("TestMutant%d", i)
			}
			return fmt.Sprintf("%s%d", name, i)
		})
		if file == "smallest_test.go" {
			mutant += "\nvar _ = errors.New\n"
		}
		file = filepath.Join(dir, fmt.Sprintf("mutant%d_test.go", i))
		if err := os.WriteFile(file, []byte(mutant), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay[filepath.Join(here, filepath.Base(file))] = file
	}
	list, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		t.Fatal(err)
	}
	listed := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(listed, list, 0o600); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "mutants.test")
	if out, err := exec.CommandContext(t.Context(), "go", "test", "-c", "-vet=off", "-overlay", listed, "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go test -c: %v\n%s", err, out)
	}
	return binary
}
