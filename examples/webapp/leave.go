package main

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/stratacache/strata/invalidate"
)

// What a visitor may send.
const (
	maxForm   = 16 << 10 // bytes
	maxText   = 2000     // characters
	maxAuthor = 40
)

// leaveNote stores a note and sends the visitor back to the page, which shows
// it: when change returns, no later read finds a page without it.
//
// Forms of other sites are refused before they get here, see routes.
func (s *site) leaveNote(w http.ResponseWriter, r *http.Request) {
	path := r.PathValue("path")
	if !s.std.Has(path) {
		s.fail(w, r, http.StatusNotFound, "There is no such package.")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			s.fail(w, r, http.StatusRequestEntityTooLarge, "That is too long for a note.")
			return
		}
		s.fail(w, r, http.StatusBadRequest, "The form cannot be read.")
		return
	}
	text, textOK := clean(r.PostForm.Get("text"), maxText)
	author, authorOK := clean(strings.Join(strings.Fields(r.PostForm.Get("author")), " "), maxAuthor)
	if text == "" || !textOK || !authorOK {
		s.fail(w, r, http.StatusUnprocessableEntity,
			"A note has 1 to 2000 characters of text, and a name of at most 40.")
		return
	}
	note := Note{Package: path, Author: author, Text: text, Owner: visitorOf(r.Context()).ID}
	err := s.change(r.Context(), func(ctx context.Context, on conn) (change invalidate.Change[Note], err error) {
		if note, err = s.notes.Create(ctx, on, note); err != nil {
			return change, err
		}
		return invalidate.Created(note), nil
	})
	s.written(w, r, path, err)
}

// change runs a write of one note in a transaction. What the note affects is
// dropped after the commit, and before change returns.
func (s *site) change(ctx context.Context, write func(context.Context, conn) (invalidate.Change[Note], error)) error {
	return s.writes.InTx(ctx, nil, func(ctx context.Context, tx *invalidate.Tx) error {
		return s.noteWrites.Write(ctx, func(ctx context.Context) (invalidate.Change[Note], error) { return write(ctx, tx) })
	})
}

// clean returns text as it may be stored, and whether it may be.
func clean(text string, most int) (string, bool) {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	bad := func(c rune) bool { return unicode.IsControl(c) && c != '\n' && c != '\t' }
	return text, utf8.ValidString(text) && !strings.ContainsFunc(text, bad) && utf8.RuneCountInString(text) <= most
}

// deleteNote removes a note of the visitor's own. Which page showed it is known
// from its old state.
func (s *site) deleteNote(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		s.fail(w, r, http.StatusNotFound, "There is no such note.")
		return
	}
	var old Note
	err = s.change(r.Context(), func(ctx context.Context, on conn) (change invalidate.Change[Note], err error) {
		if old, err = s.notes.Delete(ctx, on, id, visitorOf(ctx).ID); err != nil {
			return change, err
		}
		return invalidate.Deleted(old), nil
	})
	if errors.Is(err, errNoNote) {
		s.fail(w, r, http.StatusNotFound, "There is no such note of yours.")
		return
	}
	s.written(w, r, old.Package, err)
}

// written answers a write: by a redirect, so that reloading does not repeat it.
func (s *site) written(w http.ResponseWriter, r *http.Request, path string, err error) {
	if pending, ok := errors.AsType[*invalidate.PendingError](err); ok && pending.Recorded {
		// The note stands; only the cache does not know. The outbox does, and tells it
		// as soon as it is back, even if this process is not.
		s.log.Warn("a note was written while the cache was down", "package", path, "error", err)
		err = nil
	}
	if err != nil {
		s.broken(w, r, err)
		return
	}
	http.Redirect(w, r, "/pkg/"+path+"#notes", http.StatusSeeOther)
}
