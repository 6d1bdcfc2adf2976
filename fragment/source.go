package fragment

import (
	"errors"
	"fmt"
	"html/template"
	"text/template/parse"
)

// source is a set of templates as it was parsed, with its cached blocks made
// executable.
type source struct {
	pristine *template.Template // never executed, so that it can be copied

	// How the keys of each fragment begin, by name.
	templates map[string]string
	blocks    map[string]string
}

// newSource copies set, and refuses what could never work.
func newSource(set *template.Template, o *Options) (*source, error) {
	pristine, err := set.Clone()
	if err != nil {
		return nil, fmt.Errorf("fragment: %w", err)
	}
	pristine.Funcs(template.FuncMap{openFunc: neverOpen, closeFunc: neverClose})
	s := &source{pristine: pristine, templates: map[string]string{}, blocks: map[string]string{}}

	// The digests are those of the text as its author wrote it.
	digests := newDigests(pristine)
	for _, t := range templatesOf(pristine) {
		digest := ""
		if !o.ByName {
			digest = digests.of(t.Name())
		}
		s.templates[t.Name()] = head(nameOfTemplate, t.Name(), digest)
	}
	blocks, errs := rewrite(pristine)
	for name, holder := range blocks {
		s.blocks[name] = head(nameOfBlock, name, digests.of(holder))
	}
	fragments, err := check(pristine, o)
	if errs = append(errs, err); errors.Join(errs...) == nil {
		errs = append(errs, escape(pristine, fragments, blocks))
	}
	return s, errors.Join(errs...)
}

// The functions that take the place of cache in a rewritten block.
const (
	openFunc  = "_cache"
	closeFunc = "_end"
)

var errNoExecution = errors.New("fragment: a block outside of an execution")

func neverOpen(string, any, ...any) (bool, error) { return false, errNoExecution }
func neverClose() (bool, error)                   { return false, errNoExecution }

// templatesOf returns the templates of a set that have a body.
func templatesOf(set *template.Template) []*template.Template {
	var out []*template.Template
	for _, t := range set.Templates() {
		if t.Tree != nil && t.Tree.Root != nil {
			out = append(out, t)
		}
	}
	return out
}

// isCall reports whether c calls the function of that name.
func isCall(c *parse.CommandNode, name string) bool {
	id, ok := c.Args[0].(*parse.IdentifierNode)
	return ok && id.Ident == name
}

// literal is the argument i of c if that is a string constant.
func literal(c *parse.CommandNode, i int) (string, bool) {
	if i >= len(c.Args) {
		return "", false
	}
	s, ok := c.Args[i].(*parse.StringNode)
	if !ok {
		return "", false
	}
	return s.Text, true
}

// walk visits every node of a template, also the commands in parentheses.
func walk(n parse.Node, visit func(parse.Node)) {
	list := func(l *parse.ListNode) {
		if l != nil {
			for _, c := range l.Nodes {
				walk(c, visit)
			}
		}
	}
	branch := func(b *parse.BranchNode) {
		walk(b.Pipe, visit)
		list(b.List)
		list(b.ElseList)
	}
	visit(n)
	switch n := n.(type) {
	case *parse.ListNode:
		list(n)
	case *parse.ActionNode:
		walk(n.Pipe, visit)
	case *parse.TemplateNode:
		if n.Pipe != nil {
			walk(n.Pipe, visit)
		}
	case *parse.IfNode:
		branch(&n.BranchNode)
	case *parse.RangeNode:
		branch(&n.BranchNode)
	case *parse.WithNode:
		branch(&n.BranchNode)
	case *parse.PipeNode:
		for _, c := range n.Cmds {
			visit(c)
			for _, a := range c.Args {
				walk(a, visit)
			}
		}
	case *parse.ChainNode:
		walk(n.Node, visit)
	}
}
