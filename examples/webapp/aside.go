package main

import (
	"bytes"
	"context"
	"errors"
	"html/template"

	"github.com/stratacache/strata/cache"
)

// aside is the data of the aside's fragments. Each is a method, so that nothing
// is asked of the database or the counters for a fragment that is cached. The
// templates give it the context, which in a fragment does not end with the
// request: others may wait for it too.
type aside struct {
	Visitor visitor
	site    *site
}

func (s *site) aside(ctx context.Context) template.HTML {
	var b bytes.Buffer
	data := &aside{Visitor: visitorOf(ctx), site: s}
	defer measure(ctx, "render")()
	if err := s.templates.Execute(ctx, &b, "aside", data); err != nil {
		s.log.Error("render", "template", "aside", "error", err)
		return "" // the page is worth more than what stands beside it
	}
	return template.HTML(b.String())
}

// NotesTag and VisitorTag are the tags of what the fragments show.
func (a *aside) NotesTag() string   { return allNotesTag }
func (a *aside) VisitorTag() string { return visitorTag(a.Visitor.ID) }

// MostRead is the ranking of packages.
func (a *aside) MostRead(ctx context.Context) ([]Rank, error) {
	defer a.site.work.does(ctx, workFragment, "sidebar", "")()
	ranks, err := a.site.library.MostRead(ctx)
	if errors.Is(err, cache.ErrUnavailable) {
		return nil, nil // the counters are out of reach; the notes are not
	}
	return ranks, err
}

// LatestNotes are the newest notes of everyone.
func (a *aside) LatestNotes(ctx context.Context) ([]Note, error) {
	return a.site.notes.Latest(ctx, 5)
}

// Recent are the packages that this visitor opened.
func (a *aside) Recent(ctx context.Context) ([]string, error) {
	defer a.site.work.does(ctx, workFragment, "a visitor's own", "")()
	return a.site.library.Recent(ctx, a.Visitor)
}

// YourNotes are this visitor's notes.
func (a *aside) YourNotes(ctx context.Context) ([]Note, error) {
	return a.site.notes.Of(ctx, a.Visitor.ID, 5)
}
