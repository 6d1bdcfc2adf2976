package main

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/doc"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"html/template"
	"strings"
)

// errNoPackage is the answer to a path that is not in the list.
var errNoPackage = errors.New("no such package")

// Package is the documentation of one package: plain data without pointers into
// the syntax tree, so that it can be stored anywhere. The HTML in it was made
// here and by go/doc/comment, which escape what comes from the sources.
type Package struct {
	Path     string        `json:"path"`
	Name     string        `json:"name"`
	Synopsis string        `json:"synopsis"`
	Doc      template.HTML `json:"doc"`
	Consts   []Value       `json:"consts,omitempty"`
	Vars     []Value       `json:"vars,omitempty"`
	Funcs    []Func        `json:"funcs,omitempty"`
	Types    []Type        `json:"types,omitempty"`
	Examples []Example     `json:"examples,omitempty"`
}

// Value is one declaration of constants or variables.
type Value struct {
	Decl template.HTML `json:"decl"`
	Doc  template.HTML `json:"doc"`
}

// Func is a function or a method.
type Func struct {
	Anchor    string        `json:"anchor"` // Name or Type.Name
	Name      string        `json:"name"`
	Signature string        `json:"signature"` // on one line
	Decl      template.HTML `json:"decl"`
	Doc       template.HTML `json:"doc"`
	Examples  []Example     `json:"examples,omitempty"`
}

// Type is a type with what belongs to it.
type Type struct {
	Name     string        `json:"name"`
	Decl     template.HTML `json:"decl"`
	Doc      template.HTML `json:"doc"`
	Consts   []Value       `json:"consts,omitempty"`
	Vars     []Value       `json:"vars,omitempty"`
	Funcs    []Func        `json:"funcs,omitempty"` // those that return it
	Methods  []Func        `json:"methods,omitempty"`
	Examples []Example     `json:"examples,omitempty"`
}

// Example is a runnable example of the package's tests.
type Example struct {
	Name   string        `json:"name"` // what is in parentheses, or empty
	Doc    template.HTML `json:"doc"`
	Code   template.HTML `json:"code"`
	Output string        `json:"output"`
}

// Parse computes the documentation of one package from its sources. This is the
// expensive step of the program: net/http takes some 100 ms.
func (s *Stdlib) Parse(ctx context.Context, importPath string) (*Package, error) {
	if !s.Has(importPath) {
		return nil, fmt.Errorf("%w: %q", errNoPackage, importPath)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	files, err := s.parse(importPath, fset, parser.ParseComments, true)
	if err != nil {
		return nil, err
	}
	links := importNames(files)
	var mode doc.Mode
	if importPath == "builtin" {
		mode = doc.AllDecls // its names are lower case, and what it is about
	}
	pkg, err := doc.NewFromFiles(fset, files, importPath, mode)
	if err != nil {
		return nil, err
	}
	w := &writer{std: s, fset: fset, pkg: pkg, imports: links, types: map[string]bool{}}
	w.comments = pkg.Printer()
	w.comments.HeadingLevel = 4
	w.comments.DocLinkURL = w.docLink
	for _, t := range pkg.Types {
		w.types[t.Name] = true
	}
	return w.document(), nil
}

// writer turns the parts of a go/doc package into ours.
type writer struct {
	std      *Stdlib
	fset     *token.FileSet
	pkg      *doc.Package
	comments *comment.Printer
	imports  map[string]string // name in the sources → import path
	types    map[string]bool   // declared here
}

func (w *writer) document() *Package {
	return &Package{
		Path:     w.pkg.ImportPath,
		Name:     w.pkg.Name,
		Synopsis: w.pkg.Synopsis(w.pkg.Doc),
		Doc:      w.doc(w.pkg.Doc),
		Consts:   w.values(w.pkg.Consts),
		Vars:     w.values(w.pkg.Vars),
		Funcs:    w.funcs(w.pkg.Funcs, ""),
		Types:    w.typeDecls(w.pkg.Types),
		Examples: w.examples(w.pkg.Examples),
	}
}

func (w *writer) values(values []*doc.Value) []Value {
	out := make([]Value, 0, len(values))
	for _, v := range values {
		out = append(out, Value{Decl: w.decl(v.Decl, v.Names), Doc: w.doc(v.Doc)})
	}
	return out
}

func (w *writer) funcs(funcs []*doc.Func, owner string) []Func {
	out := make([]Func, 0, len(funcs))
	for _, f := range funcs {
		anchor := f.Name
		if owner != "" {
			anchor = owner + "." + f.Name
		}
		out = append(out, Func{
			Anchor:    anchor,
			Name:      f.Name,
			Signature: strings.Join(strings.Fields(w.print(f.Decl)), " "),
			Decl:      w.decl(f.Decl, nil),
			Doc:       w.doc(f.Doc),
			Examples:  w.examples(f.Examples),
		})
	}
	return out
}

func (w *writer) typeDecls(types []*doc.Type) []Type {
	out := make([]Type, 0, len(types))
	for _, t := range types {
		out = append(out, Type{
			Name:     t.Name,
			Decl:     w.decl(t.Decl, nil),
			Doc:      w.doc(t.Doc),
			Consts:   w.values(t.Consts),
			Vars:     w.values(t.Vars),
			Funcs:    w.funcs(t.Funcs, ""),
			Methods:  w.funcs(t.Methods, t.Name),
			Examples: w.examples(t.Examples),
		})
	}
	return out
}

func (w *writer) examples(examples []*doc.Example) []Example {
	out := make([]Example, 0, len(examples))
	for _, e := range examples {
		out = append(out, Example{
			Name:   strings.ReplaceAll(e.Suffix, "_", " "),
			Doc:    w.doc(e.Doc),
			Code:   w.exampleCode(e),
			Output: e.Output,
		})
	}
	return out
}

func (w *writer) doc(text string) template.HTML {
	return template.HTML(w.comments.HTML(w.pkg.Parser().Parse(text)))
}

// docLink is where [Name] and [path.Name] in a comment lead; nowhere, if we have
// no such page.
func (w *writer) docLink(link *comment.DocLink) string {
	if link.ImportPath != "" && !w.std.Has(link.ImportPath) {
		return ""
	}
	return link.DefaultURL("/pkg")
}

// importNames maps the names under which files import packages to their paths.
// A name that means two packages is left out.
func importNames(files []*ast.File) map[string]string {
	names := map[string]string{}
	for _, f := range files {
		for _, spec := range f.Imports {
			p := strings.Trim(spec.Path.Value, "\"`")
			name := packageName(p)
			if spec.Name != nil {
				name = spec.Name.Name
			}
			if old, ok := names[name]; ok && old != p {
				p = ""
			}
			names[name] = p
		}
	}
	return names
}
