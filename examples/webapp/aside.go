package main

import (
	"bytes"
	"context"
	"errors"
	"html/template"

	"github.com/stratacache/strata/cache"
)

// aside is the data of the aside's fragments. Each is a method, so that nothing
// is asked of the database or the counters for a fragment that is cached.
type aside struct {
	Visitor visitor
	site    *site
	// A fragment that several requests wait for may be rendered after the one
	// that began it has gone, so this context does not end with its request.
	ctx context.Context
}

func (s *site) aside(ctx context.Context) template.HTML {
	var b bytes.Buffer
	data := &aside{Visitor: visitorOf(ctx), site: s, ctx: context.WithoutCancel(ctx)}
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
func (a *aside) MostRead() ([]Rank, error) {
	defer a.site.work.does(a.ctx, workFragment, "sidebar", "")()
	ranks, err := a.site.library.MostRead(a.ctx)
	if errors.Is(err, cache.ErrUnavailable) {
		return nil, nil // the counters are out of reach; the notes are not
	}
	return ranks, err
}

// LatestNotes are the newest notes of everyone.
func (a *aside) LatestNotes() ([]Note, error) {
	return a.site.notes.Latest(a.ctx, 5)
}

// Recent are the packages that this visitor opened.
func (a *aside) Recent() ([]string, error) {
	defer a.site.work.does(a.ctx, workFragment, "a visitor's own", "")()
	return a.site.library.Recent(a.ctx, a.Visitor)
}

// YourNotes are this visitor's notes.
func (a *aside) YourNotes() ([]Note, error) { return a.site.notes.Of(a.ctx, a.Visitor.ID, 5) }
