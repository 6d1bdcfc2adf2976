package fragment

import (
	"errors"
	"fmt"
	"html/template"
	"text/template/parse"
)

// check finds the calls of cache that could never work, so that they fail when
// the program starts and not when a page is asked for.
func check(set *template.Template) error {
	var errs []error
	for _, t := range set.Templates() {
		if t.Tree == nil || t.Tree.Root == nil {
			continue
		}
		walk(t.Tree.Root, func(c *parse.CommandNode) {
			if id, ok := c.Args[0].(*parse.IdentifierNode); !ok || id.Ident != "cache" {
				return
			}
			where, _ := t.Tree.ErrorContext(c)
			if len(c.Args) < 4 {
				errs = append(errs, fmt.Errorf("fragment: %s: cache needs a name, data and a lifetime", where))
				return
			}
			if name, ok := c.Args[1].(*parse.StringNode); ok && set.Lookup(name.Text) == nil {
				errs = append(errs, fmt.Errorf("fragment: %s: no template %q", where, name.Text))
			}
		})
	}
	return errors.Join(errs...)
}

// walk visits every command of a template, also those in parentheses.
func walk(n parse.Node, visit func(*parse.CommandNode)) {
	branch := func(b *parse.BranchNode) {
		walk(b.Pipe, visit)
		walk(b.List, visit)
		if b.ElseList != nil {
			walk(b.ElseList, visit)
		}
	}
	switch n := n.(type) {
	case *parse.ListNode:
		for _, c := range n.Nodes {
			walk(c, visit)
		}
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
	}
}
