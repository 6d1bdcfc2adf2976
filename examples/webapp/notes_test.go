package main

import (
	"errors"
	"path/filepath"
	"testing"
)

func TestNotesFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "odd ?#% name.db")
	n, err := OpenNotes(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	id := n.ID()
	first, err := n.Create(t.Context(), n.db, Note{Package: "fmt", Text: "one", Owner: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Create(t.Context(), n.db, Note{Package: "os", Text: "two", Owner: "bob"}); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}

	if n, err = OpenNotes(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if n.ID() != id {
		t.Errorf("the database has another name: got %s, want %s", n.ID(), id)
	}
	on, err := n.On(t.Context(), "fmt", 5)
	if err != nil || len(on) != 1 || on[0].Text != "one" || on[0].Created.UnixMilli() != first.Created.UnixMilli() {
		t.Errorf("notes on fmt: got %v, %v", on, err)
	}
	if latest, err := n.Latest(t.Context(), 1); err != nil || len(latest) != 1 || latest[0].Text != "two" {
		t.Errorf("latest: got %v, %v", latest, err)
	}
	if _, err := n.Delete(t.Context(), n.db, first.ID, "bob"); !errors.Is(err, errNoNote) {
		t.Errorf("deleting another's note: got %v", err)
	}
	if old, err := n.Delete(t.Context(), n.db, first.ID, "ada"); err != nil || old.Package != "fmt" {
		t.Errorf("deleting: got %v, %v", old, err)
	}
	if of, err := n.Of(t.Context(), "ada", 5); err != nil || len(of) != 0 {
		t.Errorf("notes of ada: got %v, %v", of, err)
	}
}

func TestNotesInMemoryAreApart(t *testing.T) {
	t.Parallel()
	a, err := OpenNotes(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := OpenNotes(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := a.Create(t.Context(), a.db, Note{Package: "fmt"}); err != nil {
		t.Fatal(err)
	}
	if notes, err := b.Latest(t.Context(), 5); err != nil || len(notes) != 0 || a.ID() == b.ID() {
		t.Errorf("got %v, %v and names %s, %s", notes, err, a.ID(), b.ID())
	}
}
