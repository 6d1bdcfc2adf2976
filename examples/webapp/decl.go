package main

import (
	"go/ast"
	"go/doc"
	"go/printer"
	"go/scanner"
	"go/token"
	"html"
	"html/template"
	"path"
	"regexp"
	"slices"
	"strings"
)

var (
	majorVersion  = regexp.MustCompile(`^v[0-9]+$`)
	outputComment = regexp.MustCompile(`(?im)^\s*//\s*(unordered )?output:`)
)

// packageName is what a package of the standard library calls itself.
func packageName(importPath string) string {
	if base := path.Base(importPath); !majorVersion.MatchString(base) {
		return base
	}
	return path.Base(path.Dir(importPath))
}

// print is the source text of a declaration without its comment.
func (w *writer) print(node any) string {
	switch d := node.(type) {
	case *ast.FuncDecl:
		c := *d
		c.Doc = nil
		node = &c
	case *ast.GenDecl:
		c := *d
		c.Doc = nil
		node = &c
	}
	var b strings.Builder
	// The tree comes from the parser: printing it can only fail if b does.
	_ = (&printer.Config{Mode: printer.UseSpaces, Tabwidth: 4}).Fprint(&b, w.fset, node)
	return b.String()
}

// decl is a declaration as HTML: names in declared become anchors, types link to
// where they are declared.
func (w *writer) decl(node ast.Decl, declared []string) template.HTML {
	return w.highlight(w.print(node), declared)
}

// exampleCode is the body of an example without its braces and output.
func (w *writer) exampleCode(e *doc.Example) template.HTML {
	text := w.print(&printer.CommentedNode{Node: e.Code, Comments: e.Comments})
	if inner, ok := strings.CutPrefix(text, "{"); ok {
		text = strings.ReplaceAll(strings.TrimSuffix(inner, "}"), "\n    ", "\n")
	}
	if e.Output != "" || e.EmptyOutput {
		if at := outputComment.FindStringIndex(text); at != nil {
			text = text[:at[0]]
		}
	}
	return w.highlight(strings.TrimSpace(text), nil)
}

// word is one token of Go source.
type word struct {
	tok   token.Token
	text  string
	start int // byte offset
}

func (t word) end() int { return t.start + len(t.text) }

// highlight marks comments and links names. It works on tokens rather than on
// the tree, because only the printed text has its final form.
func (w *writer) highlight(src string, declared []string) template.HTML {
	words := scan(src)
	anchored := map[string]bool{}
	var b strings.Builder
	at := 0
	for i, t := range words {
		b.WriteString(html.EscapeString(src[at:t.start]))
		at = t.end()
		text := html.EscapeString(t.text)
		switch {
		case t.tok == token.COMMENT:
			b.WriteString(`<span class="comment">` + text + `</span>`)
		case t.tok.IsKeyword():
			b.WriteString(`<b>` + text + `</b>`)
		case t.tok != token.IDENT:
			b.WriteString(text)
		case slices.Contains(declared, t.text) && !anchored[t.text]:
			anchored[t.text] = true
			b.WriteString(`<span id="` + text + `">` + text + `</span>`)
		default:
			if url := w.nameLink(src, words, i); url != "" {
				text = `<a href="` + html.EscapeString(url) + `">` + text + `</a>`
			}
			b.WriteString(text)
		}
	}
	b.WriteString(html.EscapeString(src[at:]))
	return template.HTML(b.String())
}

// scan splits src into tokens, without the semicolons that the scanner adds at
// the ends of lines.
func scan(src string) []word {
	file := token.NewFileSet().AddFile("", -1, len(src))
	var s scanner.Scanner
	s.Init(file, []byte(src), nil, scanner.ScanComments)
	var words []word
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF {
			return words
		}
		if tok == token.SEMICOLON && lit == "\n" {
			continue
		}
		if lit == "" {
			lit = tok.String()
		}
		words = append(words, word{tok, lit, file.Offset(pos)})
	}
}

// nameLink is where the identifier words[i] leads, or "".
func (w *writer) nameLink(src string, words []word, i int) string {
	name := words[i].text
	if i > 0 && words[i-1].tok == token.PERIOD {
		if i > 1 && words[i-2].tok == token.IDENT && ast.IsExported(name) {
			if p := w.imports[words[i-2].text]; w.std.Has(p) {
				return "/pkg/" + p + "#" + name
			}
		}
		return ""
	}
	if !w.types[name] || i > 0 && words[i-1].tok == token.TYPE {
		return ""
	}
	// The first word of a line in a struct or interface is a field or a method,
	// unless it stands alone: then it is an embedded type.
	lineStart := strings.TrimSpace(src[strings.LastIndexByte(src[:words[i].start], '\n')+1:words[i].start]) == ""
	alone := i+1 == len(words) || strings.Contains(src[words[i].end():words[i+1].start], "\n")
	if lineStart && !alone && words[i].start > 0 {
		return ""
	}
	return "#" + name
}
