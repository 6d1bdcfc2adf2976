package fragment

import (
	"fmt"
	"html/template"
	"slices"
	"text/template/parse"
)

// rewrite makes the cached blocks of a set executable. The author writes
//
//	{{if cache "name" "5m" …}} body {{end}}
//
// whose end the parser demands, and which becomes
//
//	{{if _cache "name" "5m" …}} body {{if _end}}{{end}}{{end}}
//
// so that a function is called where the body ends. To html/template it is an if
// like any other: the body is escaped for the place where it stands, and must
// end in the context in which it began, as if it were left out. The second if
// prints nothing, and so is right in every context.
//
// It returns the template that holds each block.
func rewrite(set *template.Template) (blocks map[string]string, errs []error) {
	blocks = map[string]string{}
	for _, t := range templatesOf(set) {
		refuse := func(n parse.Node, format string, args ...any) {
			where, _ := t.Tree.ErrorContext(n)
			errs = append(errs, fmt.Errorf("fragment: %s: "+format, append([]any{where}, args...)...))
		}
		walk(t.Tree.Root, func(n parse.Node) {
			b, ok := n.(*parse.IfNode)
			if !ok || len(b.Pipe.Cmds) != 1 || !isCall(b.Pipe.Cmds[0], "cache") {
				return
			}
			call := b.Pipe.Cmds[0]
			name, ok := literal(call, 1)
			switch _, twice := blocks[name]; {
			case !ok || len(call.Args) < 3:
				refuse(b, "a cached block needs a name in quotes, and a lifetime")
				return
			case twice:
				refuse(b, "there is another block %q: its output would be taken for this one's", name)
			case b.ElseList != nil:
				refuse(b, "the block %q has an else, which would never be executed", name)
			case len(b.Pipe.Decl) > 0:
				refuse(b, "the block %q declares a variable", name)
			}
			blocks[name] = t.Name()
			body := body{refuse: func(n parse.Node, format string, args ...any) {
				refuse(n, "the block %q "+format, append([]any{name}, args...)...)
			}}
			body.list(b.List, nil, 0)
			call.Args[0].(*parse.IdentifierNode).Ident = openFunc
			b.List.Nodes = append(b.List.Nodes, endOf(b))
		})
	}
	return blocks, errs
}

// endOf is {{if _end}}{{end}} at the place of b.
func endOf(b *parse.IfNode) parse.Node {
	pos := b.Pos
	return &parse.IfNode{BranchNode: parse.BranchNode{
		NodeType: parse.NodeIf, Pos: pos, Line: b.Line,
		Pipe: &parse.PipeNode{NodeType: parse.NodePipe, Pos: pos, Line: b.Line, Cmds: []*parse.CommandNode{{
			NodeType: parse.NodeCommand, Pos: pos, Args: []parse.Node{parse.NewIdentifier(closeFunc).SetPos(pos)},
		}}},
		List: &parse.ListNode{NodeType: parse.NodeList, Pos: pos},
	}}
}

// body looks in a block for what would be lost when the block comes from the
// cache, or would leave it without passing its end.
type body struct {
	refuse func(n parse.Node, format string, args ...any)
}

// list is given the variables that were declared in the block so far, and how
// many loops of the block are around it.
func (b body) list(l *parse.ListNode, vars []string, loops int) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		switch n := n.(type) {
		case *parse.ActionNode:
			vars = b.pipe(n.Pipe, vars)
		case *parse.IfNode:
			b.branch(&n.BranchNode, vars, loops, loops)
		case *parse.WithNode:
			b.branch(&n.BranchNode, vars, loops, loops)
		case *parse.RangeNode:
			b.branch(&n.BranchNode, vars, loops+1, loops)
		case *parse.BreakNode, *parse.ContinueNode:
			if loops == 0 {
				b.refuse(n, "is left by %s", n)
			}
		}
	}
}

func (b body) branch(n *parse.BranchNode, vars []string, inList, inElse int) {
	vars = b.pipe(n.Pipe, slices.Clip(vars))
	b.list(n.List, vars, inList)
	b.list(n.ElseList, vars, inElse)
}

// pipe returns vars with those that p declares.
func (b body) pipe(p *parse.PipeNode, vars []string) []string {
	for _, v := range p.Decl {
		if p.IsAssign && !slices.Contains(vars, v.Ident[0]) {
			b.refuse(v, "sets %s, which is declared outside of it", v)
		}
		vars = append(vars, v.Ident[0])
	}
	return vars
}
