package fragment

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"text/template/parse"
)

// digests names the text of each template with that of all it calls. It is in
// the keys, so that a release which changes a template shows none of what the
// one before it has rendered: in a block that would not even be safe, because
// the text around it decides how the block is escaped.
type digests struct {
	text  map[string]string
	calls map[string][]string
}

func newDigests(set *template.Template) *digests {
	d := &digests{text: map[string]string{}, calls: map[string][]string{}}
	dynamic := map[string]bool{}
	for _, t := range templatesOf(set) {
		name := t.Name()
		d.text[name] = t.Tree.Root.String()
		walk(t.Tree.Root, func(n parse.Node) {
			switch n := n.(type) {
			case *parse.TemplateNode:
				d.calls[name] = append(d.calls[name], n.Name)
			case *parse.CommandNode:
				if !isCall(n, "cache") {
					return
				}
				if callee, constant := literal(n, 1); constant {
					d.calls[name] = append(d.calls[name], callee)
				} else {
					dynamic[name] = true
				}
			}
		})
	}
	for name := range dynamic { // it may call any
		d.calls[name] = slices.Collect(maps.Keys(d.text))
	}
	return d
}

// reach is the template and all that it calls.
func (d *digests) reach(name string) map[string]bool {
	seen := map[string]bool{}
	var visit func(string)
	visit = func(name string) {
		if _, known := d.text[name]; !known || seen[name] {
			return
		}
		seen[name] = true
		for _, callee := range d.calls[name] {
			visit(callee)
		}
	}
	visit(name)
	return seen
}

func (d *digests) of(name string) string {
	sum := sha256.New()
	for _, callee := range slices.Sorted(maps.Keys(d.reach(name))) {
		fmt.Fprintf(sum, "%d %s %d %s", len(callee), callee, len(d.text[callee]), d.text[callee])
	}
	return base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:12])
}
