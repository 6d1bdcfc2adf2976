package main

import (
	"bytes"
	"context"
	"errors"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/invalidate"
)

// library is what the site reads, through the cache: each value on the level
// that fits it, and each in a view with a prefix of its own.
type library struct {
	std    *Stdlib
	work   *work
	client *cache.Client

	// What is computed from the sources. The prefix has the Go release in it, and
	// so it never needs to be invalidated.
	list     cache.Typed[[]Entry]
	packages cache.Typed[*Package]
	docs     cache.Cache // bytes: the documentation as HTML

	// What exists only here. If the cache forgets it, nobody is hurt.
	reads  cache.Cache           // counters
	counts cache.Typed[int64]    // the same counters, for reading them
	recent cache.Typed[[]string] // by visitor
}

const (
	sourcesTTL = 24 * time.Hour
	recentTTL  = 30 * 24 * time.Hour
	countTTL   = 30 * 24 * time.Hour // a counter begins anew after a month
	recentMost = 8
	rankMost   = 8

	readsPrefix  = "reads"
	recentPrefix = "recent"
)

func newLibrary(std *Stdlib, w *work, client *cache.Client) *library {
	sources := client.WithPrefix(std.Version() + "." + fingerprint)
	reads := client.WithPrefix(readsPrefix)
	return &library{
		std: std, work: w, client: client,
		// Nobody changes a list or a package after it was read: all may share one.
		list:     cache.For[[]Entry](sources.WithPrefix("list"), cache.Immutable()),
		packages: cache.For[*Package](sources.WithPrefix("package"), cache.Immutable()),
		docs:     sources.WithPrefix("doc"),
		reads:    reads,
		counts:   cache.For[int64](reads),
		recent:   cache.For[[]string](client.WithPrefix(recentPrefix)),
	}
}

// List returns all packages.
func (l *library) List(ctx context.Context) ([]Entry, error) {
	return l.list.GetOrSet(ctx, "all", func(ctx context.Context) ([]Entry, error) {
		defer l.work.does(ctx, workList, "all packages", "parse")()
		return l.std.List(ctx)
	}, cache.TTL(sourcesTTL))
}

// Package returns the parsed documentation of one package. A typed view: in a
// memory tier a hit is the very value, and decodes nothing.
func (l *library) Package(ctx context.Context, path string) (*Package, error) {
	return l.packages.GetOrSet(ctx, path, func(ctx context.Context) (*Package, error) {
		defer l.work.does(ctx, workParse, path, "parse")()
		return l.std.Parse(ctx, path)
	}, cache.TTL(sourcesTTL))
}

// Doc returns the documentation of one package as HTML. It is the greater part
// of its page, and no note changes it: a page that a note has dropped is put
// together again from this.
func (l *library) Doc(ctx context.Context, path string) ([]byte, error) {
	return l.docs.GetOrSet(ctx, path, func(ctx context.Context) ([]byte, error) {
		pkg, err := l.Package(ctx, path)
		if err != nil {
			return nil, err
		}
		defer l.work.does(ctx, workDoc, path, "render")()
		var b bytes.Buffer
		err = docTemplate.ExecuteTemplate(&b, "doc", pkg)
		return b.Bytes(), err
	}, cache.TTL(sourcesTTL))
}

// docTemplate renders a Package. It asks nothing of the cache.
var docTemplate = template.Must(template.New("").Funcs(functions).ParseFS(assets, "templates/doc.html"))

// Count counts a reader of a package.
func (l *library) Count(ctx context.Context, path string) error {
	_, err := l.reads.Incr(ctx, path, 1, cache.Initial(0), cache.TTL(countTTL))
	return err
}

// Remember puts a package in front of those that a visitor opened last.
func (l *library) Remember(ctx context.Context, path string, v visitor) error {
	recent, err := l.Recent(ctx, v)
	if err != nil || len(recent) > 0 && recent[0] == path {
		return err
	}
	recent = slices.DeleteFunc(slices.Clone(recent), func(p string) bool { return p == path })
	recent = slices.Insert(recent, 0, path)
	recent = recent[:min(len(recent), recentMost)]
	// A visitor's own list depends on nothing else, so a plain Set will do; what
	// shows it is dropped afterwards.
	if err := l.recent.Set(ctx, v.ID, recent, cache.TTL(recentTTL)); err != nil {
		return err
	}
	return l.client.Invalidate(ctx, visitorTag(v.ID))
}

// Recent returns the packages that a visitor opened last, latest first.
func (l *library) Recent(ctx context.Context, v visitor) ([]string, error) {
	recent, err := l.recent.Get(ctx, v.ID)
	if errors.Is(err, cache.ErrMiss) {
		return nil, nil
	}
	return recent, err
}

// Rank is a package and how often it was read.
type Rank struct {
	Path  string
	Reads int64
}

// MostRead returns the packages that were read most. It reads all counters, in
// one round trip.
func (l *library) MostRead(ctx context.Context) ([]Rank, error) {
	counts, err := l.counts.GetMany(ctx, l.std.Paths()...)
	if err != nil {
		return nil, err
	}
	ranks := make([]Rank, 0, len(counts))
	for path, n := range counts {
		ranks = append(ranks, Rank{path, n})
	}
	slices.SortFunc(ranks, func(a, b Rank) int {
		if a.Reads != b.Reads {
			return int(b.Reads - a.Reads)
		}
		return strings.Compare(a.Path, b.Path)
	})
	return ranks[:min(len(ranks), rankMost)], nil
}

// What a cached page or fragment shows is said in tags.

func notesTag(path string) string { return invalidate.Tag("notes", path) } // the notes on a package
func visitorTag(id string) string { return invalidate.Tag("visitor", id) } // what is the visitor's own

const allNotesTag = "notes" // the latest notes of all packages

// noteAffects is what depends on a note: the hook on the repository's writes
// drops it, and nothing else.
func noteAffects(n Note) invalidate.Names {
	return invalidate.Names{Tags: []string{notesTag(n.Package), allNotesTag, visitorTag(n.Owner)}}
}

// keyLabel names a key in the footer, by the last prefix of its view.
func keyLabel(prefix string) string { return prefix[strings.LastIndexByte(prefix, '/')+1:] }
