package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Stdlib is the source of the Go standard library on this machine. It keeps
// nothing but the names of the packages: everything else is computed anew at
// each call, which is what makes it worth caching.
type Stdlib struct {
	src     string // GOROOT/src
	version string // such as go1.26.0
	paths   []string
	known   map[string]bool
	build   build.Context
}

// Entry is one line of the package list.
type Entry struct {
	Path     string `json:"path"`
	Synopsis string `json:"synopsis"`
}

// OpenStdlib finds the sources and lists the packages that exist for this
// machine's operating system and architecture. With goroot empty it asks the
// toolchain.
func OpenStdlib(ctx context.Context, goroot string) (*Stdlib, error) {
	goroot, err := findGOROOT(ctx, goroot)
	if err != nil {
		return nil, err
	}
	s := &Stdlib{src: filepath.Join(goroot, "src"), known: map[string]bool{}, build: build.Default}
	s.build.GOROOT = goroot
	if b, err := os.ReadFile(filepath.Join(goroot, "VERSION")); err == nil {
		line, _, _ := bytes.Cut(b, []byte("\n"))
		s.version = strings.TrimSpace(string(line))
	}
	if err := filepath.WalkDir(s.src, s.visit); err != nil {
		return nil, fmt.Errorf("list %s: %w", s.src, err)
	}
	slices.Sort(s.paths)
	for _, p := range s.paths {
		s.known[p] = true
	}
	return s, nil
}

// findGOROOT returns a GOROOT that has sources.
func findGOROOT(ctx context.Context, goroot string) (string, error) {
	if goroot != "" {
		if !hasSources(goroot) {
			return "", fmt.Errorf("no Go sources under %s", filepath.Join(goroot, "src"))
		}
		return goroot, nil
	}
	if hasSources(build.Default.GOROOT) {
		return build.Default.GOROOT, nil
	}
	// A program built with -trimpath does not know; the go command does.
	if out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output(); err == nil {
		if goroot = strings.TrimSpace(string(out)); hasSources(goroot) {
			return goroot, nil
		}
	}
	return "", errors.New("the sources of the Go standard library are not on this machine (set GOROOT, or use -goroot)")
}

func hasSources(goroot string) bool {
	if goroot == "" {
		return false
	}
	_, err := os.Stat(filepath.Join(goroot, "src", "errors", "errors.go"))
	return err == nil
}

// visit adds the directory d to the list if it holds a public package.
func (s *Stdlib) visit(dir string, d fs.DirEntry, err error) error {
	if err != nil || !d.IsDir() {
		return err
	}
	if dir == s.src {
		return nil
	}
	switch d.Name() {
	case "cmd", "internal", "vendor", "testdata":
		return fs.SkipDir
	}
	if strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_") {
		return fs.SkipDir
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		if !s.isSource(dir, f.Name()) || isTest(f.Name()) {
			continue
		}
		rel, err := filepath.Rel(s.src, dir)
		if err != nil {
			return err
		}
		s.paths = append(s.paths, filepath.ToSlash(rel))
		break
	}
	return nil
}

// isSource reports whether a file takes part in a build on this machine.
func (s *Stdlib) isSource(dir, name string) bool {
	if path.Ext(name) != ".go" {
		return false
	}
	match, err := s.build.MatchFile(dir, name)
	return match && err == nil
}

func isTest(name string) bool { return strings.HasSuffix(name, "_test.go") }

// Has reports whether path names a package. A visitor's path is used for
// nothing before it has passed here, so it can name no other file.
func (s *Stdlib) Has(path string) bool { return s.known[path] }

// Paths returns all import paths in order. The caller must not change it.
func (s *Stdlib) Paths() []string { return s.paths }

// Version is the Go release of the sources.
func (s *Stdlib) Version() string { return s.version }

// List reads the first sentence of each package's documentation.
func (s *Stdlib) List(ctx context.Context) ([]Entry, error) {
	list := make([]Entry, 0, len(s.paths))
	for _, p := range s.paths {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		synopsis, err := s.synopsis(p)
		if err != nil {
			return nil, err
		}
		list = append(list, Entry{Path: p, Synopsis: synopsis})
	}
	return list, nil
}

func (s *Stdlib) synopsis(importPath string) (string, error) {
	files, err := s.parse(importPath, token.NewFileSet(), parser.ParseComments|parser.PackageClauseOnly, false)
	if err != nil {
		return "", err
	}
	for _, f := range files {
		if text := new(doc.Package).Synopsis(f.Doc.Text()); text != "" {
			return text, nil
		}
	}
	return "", nil
}

// parse parses the files of a package, in order of their names, with or without
// those of its tests.
func (s *Stdlib) parse(importPath string, fset *token.FileSet, mode parser.Mode, tests bool) ([]*ast.File, error) {
	dir := filepath.Join(s.src, filepath.FromSlash(importPath))
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []*ast.File
	for _, e := range entries {
		if !s.isSource(dir, e.Name()) || isTest(e.Name()) && !tests {
			continue
		}
		f, err := parser.ParseFile(fset, filepath.Join(dir, e.Name()), nil, mode|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}
