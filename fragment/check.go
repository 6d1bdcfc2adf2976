package fragment

import (
	"errors"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"text/template/parse"
)

// check finds the calls of cache that could never work, so that they fail when
// the program starts and not when a page is asked for. It returns the templates
// that are called by name.
func check(set *template.Template, o *Options) (fragments map[string]bool, _ error) {
	fragments = map[string]bool{}
	var errs []error
	for _, t := range templatesOf(set) {
		walk(t.Tree.Root, func(n parse.Node) {
			c, ok := n.(*parse.CommandNode)
			if !ok {
				return
			}
			refuse := func(format string, args ...any) {
				where, _ := t.Tree.ErrorContext(c)
				errs = append(errs, fmt.Errorf("fragment: %s: "+format, append([]any{where}, args...)...))
			}
			name, constant := literal(c, 1)
			switch {
			case isCall(c, "using") && constant && o.Using[name] == nil:
				refuse("Options.Using has no %q", name)
			case !isCall(c, "cache"):
			case len(c.Args) < 4:
				refuse("cache needs a name, data and a lifetime; a block is {{if cache …}} alone")
			case constant && set.Lookup(name) == nil:
				refuse("no template %q", name)
			case constant:
				fragments[name] = true
			}
		})
	}
	return fragments, errors.Join(errs...)
}

// errStop ends an execution before it has begun.
var errStop = errors.New("stop")

// escape has html/template escape all templates, without executing any, and
// returns what it refuses in fragments and in the templates that hold blocks.
//
// It also refuses a block in a template that is called from within a tag, a
// script or the like. html/template escapes such a template once for each kind
// of place, and a block would have one output for all of them.
func escape(pristine *template.Template, fragments map[string]bool, blocks map[string]string) error {
	set, err := pristine.Clone()
	if err != nil {
		return fmt.Errorf("fragment: %w", err)
	}
	set.Funcs(template.FuncMap{"_stop": func() (string, error) { return "", errStop }})
	holders := map[string]string{}
	for name, holder := range blocks {
		holders[holder] = name
	}
	calls := map[*parse.TemplateNode]string{} // by name, before they are changed
	entries := map[string]string{}
	graph := newDigests(set)
	for i, t := range templatesOf(set) {
		walk(t.Tree.Root, func(n parse.Node) {
			if c, ok := n.(*parse.TemplateNode); ok {
				calls[c] = c.Name
			}
		})
		entry := "_entry " + strconv.Itoa(i)
		trees, err := parse.Parse(entry, `{{_stop}}{{template `+strconv.Quote(t.Name())+` .}}`, "", "", map[string]any{"_stop": true})
		if err == nil {
			_, err = set.AddParseTree(entry, trees[entry])
		}
		if err != nil {
			return fmt.Errorf("fragment: %w", err)
		}
		entries[t.Name()] = entry
	}
	var errs []error
	for name, entry := range entries {
		var refused *template.Error
		if err := set.ExecuteTemplate(io.Discard, entry, nil); !errors.As(err, &refused) {
			continue
		}
		// A template that holds a block may end within a tag, a fragment may not.
		if fragments[name] || holders[name] != "" && refused.ErrorCode != template.ErrEndContext {
			refused.Name = name // not that of the entry
			errs = append(errs, fmt.Errorf("fragment: %w", refused))
		}
	}
	for call, name := range calls {
		if call.Name == name {
			continue
		}
		for callee := range graph.reach(name) {
			if block := holders[callee]; block != "" {
				errs = append(errs, fmt.Errorf("fragment: the template %q, which has the cached block %q, is called where a tag, script or the like is open", callee, block))
			}
		}
	}
	return errors.Join(errs...)
}
