package main

import (
	"strings"
	"testing"
	"time"
)

// A page that shows what another program has changed in the database is dropped,
// once the relay has found what that left in the outbox: as does a process that
// died after its commit.
func TestOutbox(t *testing.T) {
	t.Parallel()
	p := start(t, "locmem://").person(t)
	p.get("/pkg/errors")
	p.get("/pkg/cmp")
	for _, statement := range []string{
		`INSERT INTO notes (package, author, text, owner, created) VALUES ('errors', '', 'written by hand', 'x', 0)`,
		`INSERT INTO strata_outbox (cache, names) VALUES ('test', '{"tags": ["notes:errors", "notes"]}')`,
	} {
		if _, err := p.site.notes.db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	for end := time.Now().Add(20 * time.Second); !strings.Contains(p.get("/pkg/errors").body, "written by hand"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the note does not appear")
		}
	}
	if a := p.get("/pkg/cmp"); !a.cached() {
		t.Errorf("an unrelated page: got Cache-Status %q, want a hit", a.header.Get("Cache-Status"))
	}
}
