package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"time"

	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

// errNoNote is the answer to a note that does not exist or is another's.
var errNoNote = errors.New("no such note of yours")

// Note is what a visitor wrote on a package.
type Note struct {
	ID      int64
	Package string
	Author  string // may be empty
	Text    string
	Owner   string // the visitor, see visitor.go
	Created time.Time
}

// Notes is the repository of notes. It knows nothing of caching: what a write
// invalidates is said where it is made (see leave.go).
type Notes struct {
	db *sql.DB
	id string
}

const notesSchema = `
CREATE TABLE IF NOT EXISTS about (id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS notes (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	package TEXT NOT NULL,
	author  TEXT NOT NULL,
	text    TEXT NOT NULL,
	owner   TEXT NOT NULL,
	created INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS notes_package ON notes (package, id);
CREATE INDEX IF NOT EXISTS notes_owner ON notes (owner, id);`

// OpenNotes opens or makes the database in file. With an empty name it lives in
// memory, and ends with the program.
func OpenNotes(ctx context.Context, file string) (*Notes, error) {
	dsn := ":memory:"
	if file != "" {
		u := url.URL{Path: file}
		dsn = "file:" + u.EscapedPath() + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)"
	}
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	// In memory each connection would be a database of its own; for a file, one
	// connection spares the queue that SQLite has anyway.
	db.SetMaxOpenConns(1)
	n := &Notes{db: db}
	if err := n.prepare(ctx); err != nil {
		db.Close()
		return nil, fmt.Errorf("open the notes in %q: %w", file, err)
	}
	return n, nil
}

func (n *Notes) prepare(ctx context.Context) error {
	if _, err := n.db.ExecContext(ctx, notesSchema); err != nil {
		return err
	}
	err := n.db.QueryRowContext(ctx, `SELECT id FROM about`).Scan(&n.id)
	if errors.Is(err, sql.ErrNoRows) {
		n.id = rand.Text()[:12]
		_, err = n.db.ExecContext(ctx, `INSERT INTO about (id) VALUES (?)`, n.id)
	}
	return err
}

// ID names this database, and no other. What is cached of its contents is kept
// apart by it: a new database behind an old Redis starts with no pages.
func (n *Notes) ID() string { return n.id }

// Close closes the database.
func (n *Notes) Close() error { return n.db.Close() }

// conn is the database, or a transaction of it.
type conn interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Create stores a note and returns it with its ID.
func (n *Notes) Create(ctx context.Context, on conn, note Note) (Note, error) {
	defer measure(ctx, "db")()
	note.Created = time.Now()
	res, err := on.ExecContext(ctx, `INSERT INTO notes (package, author, text, owner, created) VALUES (?, ?, ?, ?, ?)`,
		note.Package, note.Author, note.Text, note.Owner, note.Created.UnixMilli())
	if err != nil {
		return Note{}, err
	}
	note.ID, err = res.LastInsertId()
	return note, err
}

// Delete removes owner's note, and returns what it was.
func (n *Notes) Delete(ctx context.Context, on conn, id int64, owner string) (Note, error) {
	notes, err := query(ctx, on, `DELETE FROM notes WHERE id = ? AND owner = ? RETURNING id, package, author, text, owner, created`, id, owner)
	if err != nil {
		return Note{}, err
	}
	if len(notes) == 0 {
		return Note{}, errNoNote
	}
	return notes[0], nil
}

// On returns the newest notes on a package, newest first.
func (n *Notes) On(ctx context.Context, pkg string, most int) ([]Note, error) {
	return query(ctx, n.db, `SELECT id, package, author, text, owner, created FROM notes WHERE package = ? ORDER BY id DESC LIMIT ?`, pkg, most)
}

// Of returns the newest notes of one visitor, newest first.
func (n *Notes) Of(ctx context.Context, owner string, most int) ([]Note, error) {
	return query(ctx, n.db, `SELECT id, package, author, text, owner, created FROM notes WHERE owner = ? ORDER BY id DESC LIMIT ?`, owner, most)
}

// Latest returns the newest notes of all, newest first.
func (n *Notes) Latest(ctx context.Context, most int) ([]Note, error) {
	return query(ctx, n.db, `SELECT id, package, author, text, owner, created FROM notes ORDER BY id DESC LIMIT ?`, most)
}

func query(ctx context.Context, on conn, query string, args ...any) ([]Note, error) {
	defer measure(ctx, "db")()
	rows, err := on.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var notes []Note
	for rows.Next() {
		var note Note
		var created int64
		if err := rows.Scan(&note.ID, &note.Package, &note.Author, &note.Text, &note.Owner, &created); err != nil {
			return nil, err
		}
		note.Created = time.UnixMilli(created)
		notes = append(notes, note)
	}
	return notes, rows.Err()
}
